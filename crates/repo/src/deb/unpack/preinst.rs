//! Which preinst runs when.

use std::collections::{HashMap, HashSet};

use super::package::{Opened, write_members};
use super::tree::{Attributes, Tree};
use super::types::UnpackError;
use crate::deb::archive::ControlMember;

/// Where dpkg keeps the control members of the package in work, without leading `/`.
pub(super) const DIRECTORY: &str = "var/lib/dpkg/tmp.ci";

/// Indexes of the packages that wait with a preinst, every one after those that it needs.
///
/// `Pre-Depends` come before `Depends`; a cycle is cut where it is entered, at the package of the lowest rank.
pub(super) fn order(opened: &[Opened]) -> Vec<usize> {
    let providers = providers(opened);
    let mut sorted = Vec::new();
    let mut visited = HashSet::new();
    for index in 0..opened.len() {
        visit(index, opened, &providers, &mut visited, &mut sorted);
    }
    sorted.retain(|index| opened[*index].has_preinst);
    sorted
}

/// Indexes of the Essential packages and all that they need: without these no script can run.
pub(super) fn bootstrap(opened: &[Opened]) -> HashSet<usize> {
    let providers = providers(opened);
    let mut visited = HashSet::new();
    for (index, _) in opened.iter().enumerate().filter(|(_, opened)| opened.record.control.essential) {
        visit(index, opened, &providers, &mut visited, &mut Vec::new());
    }
    visited
}

type Providers<'a> = HashMap<&'a str, Vec<usize>>;

fn providers(opened: &[Opened]) -> Providers<'_> {
    let mut providers = Providers::new();
    for (index, opened) in opened.iter().enumerate() {
        providers.entry(&opened.record.control.name).or_default().push(index);
    }
    for (index, opened) in opened.iter().enumerate() {
        for name in opened.record.control.provides() {
            providers.entry(name).or_default().push(index);
        }
    }
    providers
}

/// Adds `start` after everything it needs. Iterative, since dependency chains can be long.
fn visit(
    start: usize,
    opened: &[Opened],
    providers: &Providers<'_>,
    visited: &mut HashSet<usize>,
    sorted: &mut Vec<usize>,
) {
    let needs = |index: usize| {
        let control = &opened[index].record.control;
        let relations =
            control.dependencies("Pre-Depends").into_iter().chain(control.dependencies("Depends"));
        let found = relations.filter_map(|names| names.into_iter().find_map(|name| providers.get(name)));
        let mut needs: Vec<usize> = found.flatten().copied().collect();
        needs.reverse();
        needs
    };
    if !visited.insert(start) {
        return;
    }
    let mut stack = vec![(start, needs(start))];
    while let Some((index, waiting)) = stack.last_mut() {
        match waiting.pop() {
            Some(next) if visited.insert(next) => stack.push((next, needs(next))),
            Some(_) => {}
            None => {
                sorted.push(*index);
                stack.pop();
            }
        }
    }
}

/// Writes the control members where dpkg has them while it runs a preinst.
pub(super) fn stage_members(tree: &mut Tree<'_>, members: &[ControlMember]) -> Result<(), UnpackError> {
    let attributes = Attributes { uid: 0, gid: 0, mode: 0o755, mtime: 0 };
    tree.make_directory(DIRECTORY.as_bytes(), attributes)
        .map_err(|source| UnpackError::Database { path: DIRECTORY.to_owned(), source })?;
    write_members(tree, DIRECTORY, members)
}

/// Removes that directory and whatever the script left in it.
pub(super) fn remove_members(tree: &mut Tree<'_>) -> Result<(), UnpackError> {
    let error = |path: String| move |source| UnpackError::Database { path, source };
    for name in tree.names(DIRECTORY).map_err(error(DIRECTORY.to_owned()))? {
        let path = format!("{DIRECTORY}/{name}");
        tree.remove(&path).map_err(error(path.clone()))?;
    }
    tree.remove_directory(DIRECTORY).map_err(error(DIRECTORY.to_owned()))
}
