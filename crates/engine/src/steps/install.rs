//! Package trees: the tools, the base set, the added packages.

use std::fs::File;
use std::io;
use std::os::fd::AsFd as _;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;

use lbuild_sandbox::{Channel, Spec};

use super::Bench;
use super::outlines::Outliner;
use super::tasks::{agent, script_env};
use super::tree::Draft;
use crate::agent::{InstallInput, InstallReport, PackageMessage, PrivilegedPrograms, name};
use crate::error::BuildError;
use crate::event::Event;
use crate::job::Talk;
use crate::lock::{LockedPackage, Tier};
use crate::packages::{Incoming, Wanted, largest_first};
use crate::plan::Step;
use crate::run::Made;

/// Top-level links into `usr` of a merged-`usr` Debian.
const ALIASES: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// Where a path without leading `/` really is in a merged-`usr` Debian.
pub(super) fn merged(path: &str) -> String {
    let aliased = path.split_once('/').is_some_and(|(top, _)| ALIASES.contains(&top));
    if aliased { format!("usr/{path}") } else { path.to_owned() }
}

/// Programs that later steps run once instead of every package that asks.
const DEFERRED: [&str; 1] = ["update-initramfs"];

/// Makes the tree of one of the package steps.
pub(super) fn make(bench: &Bench<'_>) -> Result<Made, BuildError> {
    let lock = bench.workshop.lock;
    let system = |tier| lock.system.iter().filter(move |package| package.tier == tier);
    let (packages, ahead): (Vec<&LockedPackage>, Vec<&LockedPackage>) = match bench.step {
        Step::Tools => (lock.tools.iter().collect(), Vec::new()),
        Step::BootTools => (lock.boot.iter().collect(), Vec::new()),
        Step::Core => (system(Tier::Core).collect(), system(Tier::Base).chain(system(Tier::Added)).collect()),
        Step::Base => (system(Tier::Base).collect(), system(Tier::Added).collect()),
        _ => (system(Tier::Added).collect(), Vec::new()),
    };
    let wanted = Wanted { packages, ahead };
    bench.make_tree(|draft| {
        let programs = install(bench, draft, &wanted)?;
        serde_json::to_value(programs).map_err(|error| bench.jobs().sandbox(error))
    })
}

/// Returns what the tree has of programs with more rights than their caller; nothing of a tree of tools.
fn install(bench: &Bench<'_>, draft: &Draft, wanted: &Wanted<'_>) -> Result<PrivilegedPrograms, BuildError> {
    let unpack_only = matches!(bench.step, Step::Tools | Step::BootTools);
    let outliner = Outliner::new(bench, draft.path());
    let input = InstallInput {
        threads: Bench::threads(),
        architecture: bench.workshop.lock.architecture.clone(),
        aliases: ALIASES.map(str::to_owned).to_vec(),
        env: environment(bench.workshop.lock.epoch),
        deferred: DEFERRED.map(str::to_owned).to_vec(),
        seal: (!unpack_only).then(|| bench.sealing()),
        outlines: outliner.is_some(),
    };
    let incoming = Incoming::new();
    let mut spec = Spec::new(draft.root(), agent(name::INSTALL, &input));
    spec.mounts.extend(outliner.as_ref().map(|_| Outliner::space()));
    let conversation = Conversation {
        bench,
        outliner,
        wanted,
        incoming: &incoming,
        count: AtomicUsize::new(0),
        programs: Mutex::default(),
    };
    thread::scope(|scope| {
        let fetching = scope.spawn(|| incoming.fetch(bench, wanted));
        let count = wanted.packages.len();
        let mut done = 0;
        let ran = bench.jobs().run_with(spec, &conversation, &mut |line| {
            if let Some(name) = set_up(line) {
                done += 1;
                progress(bench, "set up", done, count, name);
            }
        });
        incoming.stop();
        let fetched = fetching.join().unwrap_or(Ok(()));
        ran.map_err(|error| cause(bench, wanted, fetched, error))
    })?;
    Ok(conversation.programs.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Why packages could not be installed: a download that failed, a stored file that is damaged, or what the job says.
fn cause(
    bench: &Bench<'_>,
    wanted: &Wanted<'_>,
    fetched: Result<(), BuildError>,
    error: BuildError,
) -> BuildError {
    match fetched {
        Ok(()) | Err(BuildError::Cancelled) => {}
        Err(error) => return error,
    }
    let damaged = || {
        let files = wanted.packages.iter().map(|package| package.sha256);
        let mut stored = files.filter(|digest| bench.store().blobs().contains(*digest));
        stored.find_map(|digest| bench.store().blobs().open_verified(digest).err())
    };
    match error {
        BuildError::Step { .. } => damaged().map_or(error, BuildError::Store),
        other => other,
    }
}

/// The environment of the packages' own scripts. It says nothing of a time zone, because some packages record the one
/// that they find, and the system has its own.
fn environment(epoch: i64) -> Vec<(String, String)> {
    script_env(epoch).into_iter().filter(|(name, _)| name != "TZ").collect()
}

/// The package in a line such as `Setting up bash (5.2.37-2+b5) ...`.
fn set_up(line: &str) -> Option<&str> {
    line.strip_prefix("Setting up ")?.split(' ').next()
}

fn progress(bench: &Bench<'_>, verb: &str, done: usize, total: usize, name: &str) {
    bench.workshop.observer.emit(Event::Packages {
        step: bench.step.name().to_owned(),
        done,
        total,
        current: format!("{verb} {name}"),
    });
}

struct Conversation<'a> {
    bench: &'a Bench<'a>,
    wanted: &'a Wanted<'a>,
    incoming: &'a Incoming,
    outliner: Option<Outliner>,
    count: AtomicUsize,
    programs: Mutex<PrivilegedPrograms>,
}

impl Talk for &Conversation<'_> {
    fn talk(self, channel: &Channel) -> Result<(), BuildError> {
        thread::scope(|scope| {
            let listening = scope.spawn(|| {
                let outline = || drop(scope.spawn(|| self.outline(channel)));
                self.listen(channel, &outline)
            });
            // An agent that waits for a package that will not come would keep both sides waiting.
            let fed = self.feed(channel).inspect_err(|_| channel.finish());
            let listened = listening.join().unwrap_or(Ok(()));
            fed.and(listened)
        })
    }
}

impl Conversation<'_> {
    /// Gives each package to the agent as soon as its file is there, the largest of those that are there first. Its
    /// rank in the lock goes with it, so that the tree does not depend on the order of arrival.
    fn feed(&self, channel: &Channel) -> Result<(), BuildError> {
        let lost = |error: io::Error| self.bench.jobs().sandbox(error);
        let mut pending: Vec<(u32, &LockedPackage)> =
            (0..).zip(self.wanted.packages.iter().copied()).collect();
        largest_first(&mut pending, |(_, package)| package.size);
        while !pending.is_empty() {
            let (order, package, file) = self.incoming.next(self.bench, &mut pending)?;
            let message = PackageMessage { order, sha256: package.sha256 };
            let bytes = serde_json::to_vec(&message).map_err(|error| self.bench.jobs().sandbox(error))?;
            channel.send_with(&bytes, &[file.as_fd()]).map_err(lost)?;
        }
        channel.send(&[]).map_err(lost)
    }

    /// Makes the outlines of the modules, now that these are in the tree, and tells the agent.
    fn outline(&self, channel: &Channel) {
        let Some(outliner) = &self.outliner else { return };
        let made = outliner.make(self.bench);
        let descriptors: Vec<_> = made.iter().map(File::as_fd).collect();
        // An agent that is gone has said why itself.
        let _ = channel.send_with(&[], &descriptors);
    }

    /// Follows what the agent tells; `configuring` is called when everything is in the tree.
    fn listen(&self, channel: &Channel, configuring: &dyn Fn()) -> Result<(), BuildError> {
        let total = self.wanted.packages.len();
        loop {
            let message = channel.recv().map_err(|error| self.bench.jobs().sandbox(error))?;
            let Some(message) = message else { return Ok(()) };
            let report = serde_json::from_slice(&message.bytes);
            match report.map_err(|error| self.bench.jobs().sandbox(error))? {
                InstallReport::Unpacked(name) => {
                    let done = self.count.fetch_add(1, Ordering::Relaxed) + 1;
                    progress(self.bench, "unpacked", done, total, &name);
                }
                InstallReport::Configuring { .. } => configuring(),
                InstallReport::Privileged(found) => {
                    *self.programs.lock().unwrap_or_else(PoisonError::into_inner) = found;
                }
                InstallReport::Failed { package, script } => {
                    return Err(BuildError::Step {
                        step: self.bench.step.name().to_owned(),
                        reason: format!("the {script} script of package `{package}` failed"),
                        package: Some(package),
                        log: Vec::new(),
                    });
                }
            }
        }
    }
}
