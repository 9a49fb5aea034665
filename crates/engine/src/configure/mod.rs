//! Configuration of the system: one module per concern, each a pure function from the blueprint and the set of
//! installed packages to [`Action`]s that an agent carries out inside the sandbox, and to [`Probe`]s that prove the
//! effect in the finished image.
//!
//! | module | concern |
//! |---|---|
//! | [`action`] | what can be done to a tree |
//! | [`probe`] | how an effect is proven |
//! | `hostname`, `locale`, `timezone`, `keyboard` | identity |
//! | `users` | accounts, passwords, keys, sudo |
//! | `network` | interfaces and name servers |
//! | `ssh` | the ssh server and its host keys |
//! | `services` | units that start at boot |
//! | `sources` | package sources of the finished system |
//! | `marks` | which packages apt may remove by itself |
//! | `kernel` | modules and kernel settings |
//! | `scripts` | post-install scripts |

pub mod action;
pub mod probe;

mod hostname;
mod kernel;
mod keyboard;
mod locale;
mod marks;
mod network;
mod scripts;
mod services;
mod sources;
mod ssh;
mod timezone;
mod users;

pub use action::{Action, Owner};
pub use probe::{Check, Probe};

use std::collections::BTreeSet;

use lbuild_spec::Blueprint;

use crate::lock::{Lock, LockedPackage};

/// What a concern may look at.
pub(crate) struct Facts<'a> {
    pub(crate) blueprint: &'a Blueprint,
    /// Codename of the release.
    pub(crate) release: &'a str,
    /// Architecture in the base's own words.
    pub(crate) architecture: &'a str,
    /// Packages that came for the sake of others.
    pub(crate) automatic: Vec<&'a LockedPackage>,
    installed: BTreeSet<&'a str>,
}

impl<'a> Facts<'a> {
    pub(crate) fn new(blueprint: &'a Blueprint, lock: &'a Lock) -> Self {
        let installed = lock.system.iter().map(|package| package.name.as_str()).collect();
        let automatic = lock.system.iter().filter(|package| package.auto).collect();
        Self { blueprint, release: &lock.release, architecture: &lock.architecture, automatic, installed }
    }

    /// Whether a package is part of the system.
    pub(crate) fn has(&self, package: &str) -> bool {
        self.installed.contains(package)
    }
}

/// What one concern does, and how to see that it was done.
#[derive(Debug, Default)]
pub(crate) struct Concern {
    pub(crate) name: &'static str,
    pub(crate) actions: Vec<Action>,
    pub(crate) probes: Vec<Probe>,
}

impl Concern {
    pub(crate) fn new(name: &'static str) -> Self {
        Self { name, ..Self::default() }
    }

    /// Writes a file of root, mode 0644, and proves its content.
    pub(crate) fn file(&mut self, path: &str, contents: &str) {
        self.write(path, contents, 0o644, Owner::root());
    }

    /// Writes a file and proves its content and mode.
    pub(crate) fn write(&mut self, path: &str, contents: &str, mode: u32, owner: Owner) {
        let contents = contents.as_bytes().to_vec();
        self.prove(Check::File { path: path.to_owned(), contents: contents.clone(), mode });
        self.actions.push(Action::WriteFile { path: path.to_owned(), contents, mode, owner });
    }

    /// Makes a symbolic link and proves where it points.
    pub(crate) fn link(&mut self, path: &str, target: &str) {
        self.prove(Check::Link { path: path.to_owned(), target: target.to_owned() });
        self.actions.push(Action::Symlink { path: path.to_owned(), target: target.to_owned() });
    }

    /// Runs a program of the tree.
    pub(crate) fn run(&mut self, purpose: &str, argv: &[&str]) {
        self.actions.push(run(purpose, argv));
    }

    pub(crate) fn prove(&mut self, check: Check) {
        self.probes.push(Probe { concern: self.name.to_owned(), check });
    }
}

/// A program of the tree without input.
pub(crate) fn run(purpose: &str, argv: &[&str]) -> Action {
    Action::Run {
        purpose: purpose.to_owned(),
        argv: argv.iter().map(|&word| word.to_owned()).collect(),
        stdin: Vec::new(),
        env: Vec::new(),
    }
}

fn concerns(facts: &Facts<'_>) -> Vec<Concern> {
    let all = [
        hostname::concern,
        locale::concern,
        timezone::concern,
        keyboard::concern,
        users::concern,
        network::concern,
        ssh::concern,
        kernel::concern,
        sources::concern,
        marks::concern,
        services::concern,
    ];
    all.iter().map(|concern| concern(facts)).filter(|concern| !concern.actions.is_empty()).collect()
}

/// The configuration of a system, each concern with its actions, in the order in which they must run.
pub fn system(blueprint: &Blueprint, lock: &Lock) -> Vec<(String, Vec<Action>)> {
    let concerns = concerns(&Facts::new(blueprint, lock));
    concerns.into_iter().map(|concern| (concern.name.to_owned(), concern.actions)).collect()
}

/// The post-install scripts, and the services that are enabled after them.
pub fn scripts(blueprint: &Blueprint) -> Vec<(String, Vec<Action>)> {
    scripts::groups(blueprint)
}

/// What must hold in the finished image for the configuration to have worked. Overlay files and post-install scripts
/// come later and may change anything, so the probes are about the tree as [`system`] leaves it.
pub fn probes(blueprint: &Blueprint, lock: &Lock) -> Vec<Probe> {
    concerns(&Facts::new(blueprint, lock)).into_iter().flat_map(|concern| concern.probes).collect()
}

/// Files that the configuration writes, without leading slash: what looks like a leftover of the build there is wanted.
pub fn wanted(blueprint: &Blueprint, lock: &Lock) -> Vec<String> {
    let concerns = concerns(&Facts::new(blueprint, lock));
    let actions = concerns.into_iter().flat_map(|concern| concern.actions);
    actions
        .filter_map(|action| match action {
            Action::WriteFile { path, .. } | Action::Symlink { path, .. } => {
                Some(path.trim_start_matches('/').to_owned())
            }
            _ => None,
        })
        .collect()
}

/// Packages that the configuration needs, each with the field that asks for it.
pub fn packages(blueprint: &Blueprint) -> Vec<(&'static str, &'static str)> {
    let mut packages = network::packages(blueprint);
    packages.extend(timezone::packages(blueprint));
    packages
}

#[cfg(test)]
mod tests;
