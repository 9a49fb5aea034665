//! Cuts the tests into jobs. A test that needs the sandbox is named `privileged_...`, one that boots a guest `vm_...`.

use std::time::Duration;

use super::binaries::Binary;

/// Some tests of one program, run in one process.
#[derive(Debug, Clone)]
pub struct Job {
    /// What is printed about it.
    pub name: String,
    /// The program.
    pub binary: Binary,
    /// Exactly these tests.
    pub tests: Vec<String>,
    /// Threads that the program may use.
    pub threads: usize,
    /// Longest time that it may take.
    pub limit: Duration,
}

/// Every job, in two rounds.
#[derive(Default)]
pub struct Plan {
    /// Short jobs.
    pub side_by_side: Vec<Job>,
    /// Jobs that build images or boot guests, longest first.
    pub slow: Vec<Job>,
}

/// The kind of a test, by its name.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Fast,
    Privileged,
    Vm,
}

fn kind(test: &str) -> Kind {
    let named = |prefix: &str| test.split("::").any(|part| part.starts_with(prefix));
    match (named("vm_"), named("privileged_")) {
        (true, _) => Kind::Vm,
        (_, true) => Kind::Privileged,
        _ => Kind::Fast,
    }
}

/// Longest time of a job. A hang must not use up the time of everything else.
const LIMITS: [(Kind, Duration); 3] = [
    (Kind::Fast, Duration::from_mins(10)),
    (Kind::Privileged, Duration::from_mins(20)),
    (Kind::Vm, Duration::from_mins(25)),
];

/// The jobs for these programs.
pub fn plan(binaries: &[Binary], filter: Option<&str>, fast: bool) -> Plan {
    let mut plan = Plan::default();
    for (wanted, limit) in LIMITS {
        for binary in binaries {
            let chosen =
                |test: &&String| kind(test) == wanted && filter.is_none_or(|filter| test.contains(filter));
            let tests: Vec<String> = binary.tests.iter().filter(chosen).cloned().collect();
            let suffix = match wanted {
                Kind::Fast => "",
                Kind::Privileged => " privileged",
                Kind::Vm => " vm",
            };
            let name = format!("{}{suffix}", binary.name);
            let job = Job { name, binary: binary.clone(), tests, threads: 2, limit };
            match wanted {
                _ if job.tests.is_empty() => {}
                Kind::Fast => plan.side_by_side.push(job),
                _ if fast => {}
                _ => plan.slow.push(job),
            }
        }
    }
    // guests wait more than they compute, so they start first and the rest runs beside them
    plan.slow.reverse();
    plan
}

impl Plan {
    /// Suites that hold no test, which means that they were renamed or lost.
    pub fn empty_suites(&self, fast: bool) -> Vec<&'static str> {
        let lacks =
            |kind_wanted| !self.slow.iter().flat_map(|job| &job.tests).any(|test| kind(test) == kind_wanted);
        let mut empty = Vec::new();
        if !fast && lacks(Kind::Privileged) {
            empty.push("privileged");
        }
        if !fast && lacks(Kind::Vm) {
            empty.push("vm");
        }
        empty
    }
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::{Binary, plan};

    fn binary() -> Binary {
        let tests = ["a::plain", "a::privileged_t11_mounts", "vm_boots", "b::not_privileged_at_all"];
        let tests = tests.map(str::to_owned).to_vec();
        Binary { name: "x/it".to_owned(), path: PathBuf::new(), directory: PathBuf::new(), tests }
    }

    #[test]
    fn every_test_is_in_exactly_one_job() {
        let plan = plan(&[binary()], None, false);
        assert_eq!(plan.side_by_side.len(), 1);
        assert_eq!(plan.side_by_side[0].tests, ["a::plain", "b::not_privileged_at_all"]);
        let slow: Vec<_> = plan.slow.iter().map(|job| (job.name.as_str(), job.tests.len())).collect();
        assert_eq!(slow, [("x/it vm", 1), ("x/it privileged", 1)]);
        assert!(plan.empty_suites(false).is_empty());
    }

    #[test]
    fn a_lost_suite_is_noticed() {
        let mut binary = binary();
        binary.tests.retain(|test| !test.starts_with("vm_"));
        assert_eq!(plan(&[binary], None, false).empty_suites(false), ["vm"]);
    }
}
