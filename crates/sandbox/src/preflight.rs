//! What this machine offers a sandbox, and what it lacks.

use std::fmt;
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::error::LaunchError;
use crate::launcher::Launcher;
use crate::spec::{Root, Spec, Task};

/// The agent that every supervisor knows: it does nothing.
pub(crate) const NOTHING: &str = "__nothing";

/// The answer of [`Launcher::preflight`].
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Report {
    /// Whether jobs can run at all.
    pub usable: bool,
    /// What protects the host from a job and jobs from each other, for provenance.
    pub isolation: Isolation,
    /// What is missing or weak, most serious first.
    pub findings: Vec<Finding>,
}

/// Namespaces of the host's kernel, which is no boundary between tenants.
pub(crate) const NAMESPACES_LEVEL: &str = "ns";

/// The layers that hold: on a machine, or those that were applied to a job.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(clippy::struct_excessive_bools, reason = "each is a fact of its own")]
pub struct Isolation {
    /// `ns`: namespaces of the host's kernel, which is no boundary between tenants; empty when nothing was applied.
    pub level: String,
    /// Whether the caller is the host's root, which allows ranges of ids per job.
    pub root: bool,
    /// Whether every running job has ids of its own (id-mapped mounts work); else jobs of one user share a range.
    pub unique_ids: bool,
    /// Interface of landlock by which the rules are enforced, 0 for none; newer ones are not made use of.
    pub landlock: i32,
    /// Whether memory is limited per job.
    pub memory_limit: bool,
    /// Whether the number of processes is limited per job.
    pub pids_limit: bool,
    /// Whether processor time is limited per job.
    pub cpu_limit: bool,
}

impl Isolation {
    /// What holds of both.
    #[must_use]
    pub fn weakest(self, other: &Self) -> Self {
        Self {
            level: if self.level == other.level { self.level } else { String::new() },
            root: self.root && other.root,
            unique_ids: self.unique_ids && other.unique_ids,
            landlock: self.landlock.min(other.landlock),
            memory_limit: self.memory_limit && other.memory_limit,
            pids_limit: self.pids_limit && other.pids_limit,
            cpu_limit: self.cpu_limit && other.cpu_limit,
        }
    }
}

/// One line for provenance: the level, then what holds besides, such as `ns, own ids, landlock 6, limits: memory pids`.
impl fmt::Display for Isolation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = if self.level.is_empty() { "none" } else { &self.level };
        let ids = if self.unique_ids { "own ids" } else { "shared ids" };
        write!(f, "{level}, {ids}, landlock {}, limits:", self.landlock)?;
        let limits = [(self.memory_limit, "memory"), (self.pids_limit, "pids"), (self.cpu_limit, "cpu")];
        if limits.iter().all(|(limited, _)| !limited) {
            return f.write_str(" none");
        }
        limits.iter().filter(|(limited, _)| *limited).try_for_each(|(_, name)| write!(f, " {name}"))
    }
}

/// Something missing or weak.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Finding {
    /// Whether no job can run because of it.
    pub fatal: bool,
    /// What was found.
    pub what: String,
    /// What to do about it; empty when nothing is known.
    pub hint: String,
}

impl Launcher {
    /// What this machine offers and lacks, found by running a job on trees in `store`, which must be on the file
    /// system of later jobs. Nothing stays behind.
    ///
    /// # Errors
    /// When the supervisor itself does not start. What keeps jobs from running is in the report.
    pub fn preflight(&self, store: &Path) -> Result<Report, LaunchError> {
        let mut report = self.look()?;
        match self.try_job(store) {
            Ok(unique_ids) => report.isolation.unique_ids = unique_ids,
            Err(error) => {
                report.usable = false;
                report.findings.insert(0, fatal(&error));
            }
        }
        if report.usable && report.isolation.root && !report.isolation.unique_ids {
            report.findings.push(Finding {
                fatal: false,
                what: "the file system of the store cannot map ids, so running jobs share a range of ids"
                    .to_owned(),
                hint: "keep the store on ext4, xfs, btrfs or tmpfs, with Linux 5.19 or newer".to_owned(),
            });
        }
        Ok(report)
    }

    /// Runs a job that does nothing; whether it had ids of its own.
    fn try_job(&self, store: &Path) -> Result<bool, LaunchError> {
        let failed = |source| LaunchError::State { path: store.to_owned(), source };
        let directory = store.join(format!(".preflight-{}", std::process::id()));
        std::fs::create_dir(&directory).map_err(failed)?;
        let [upper, work] = ["upper", "work"].map(|name| directory.join(name));
        let tried = open_to_all(&directory).map_err(failed).and_then(|()| {
            self.make_tree_dir(&upper)?;
            let root = Root::Overlay { lowers: Vec::new(), upper: upper.clone(), work: work.clone() };
            let mut running =
                self.spawn(Spec::new(root, Task::Agent { name: NOTHING.to_owned(), input: Vec::new() }))?;
            let unique_ids = running.isolation().unique_ids;
            running.wait(&mut |_, _| {}).map(|_| unique_ids).map_err(LaunchError::from)
        });
        let cleaned = [&upper, &work].into_iter().try_for_each(|tree| self.delete_tree(tree));
        let cleaned = cleaned.and_then(|()| std::fs::remove_dir(&directory).map_err(failed));
        tried.and_then(|unique_ids| cleaned.map(|()| unique_ids))
    }
}

fn open_to_all(directory: &Path) -> std::io::Result<()> {
    std::fs::set_permissions(directory, std::os::unix::fs::PermissionsExt::from_mode(0o711))
}

fn fatal(error: &LaunchError) -> Finding {
    let hint = match error {
        LaunchError::Setup { hint: Some(hint), .. } => hint.clone(),
        _ => String::new(),
    };
    let cause = std::error::Error::source(error).map(|source| format!(": {source}")).unwrap_or_default();
    Finding { fatal: true, what: format!("{error}{cause}"), hint }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_holds_of_two_jobs_is_what_holds_of_each() {
        let strong = Isolation {
            level: NAMESPACES_LEVEL.to_owned(),
            root: true,
            unique_ids: true,
            landlock: 6,
            memory_limit: true,
            pids_limit: true,
            cpu_limit: false,
        };
        assert_eq!(strong.to_string(), "ns, own ids, landlock 6, limits: memory pids");
        let weak = Isolation { unique_ids: false, landlock: 0, memory_limit: false, ..strong.clone() };
        assert_eq!(strong.weakest(&weak), weak);
        let bare = weak.weakest(&Isolation::default());
        assert_eq!(bare.to_string(), "none, shared ids, landlock 0, limits: none");
    }
}
