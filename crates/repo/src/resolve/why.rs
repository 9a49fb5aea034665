//! Why a package is in a system: the shortest chain from a request to it.

use std::collections::{HashMap, HashSet, VecDeque};

use lbuild_solve::{PackageId, Resolver, SolveError};

use super::explain;
use super::phrase::{label, link_text};
use super::problem;
use super::{Family, Link, NothingMore, Request, Unsatisfiable};
use crate::index::Index;

/// How a package came in.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// By a goal.
    Goal(usize),
    /// By a statement of another package.
    Said { by: PackageId, statement: usize },
}

/// The shortest chain from a request to the package `name` in the system that `request` gives; `None` when that does
/// not have it.
pub fn why(
    family: &dyn Family,
    index: &Index,
    request: &Request,
    name: &str,
) -> Result<Option<Vec<Link>>, Unsatisfiable> {
    let world = problem::world(family, index, request);
    let resolver = Resolver::new(&world);
    let task = problem::translate(&world, request);
    let solution = resolver.solve(&task.problem).map_err(|error| match error {
        SolveError::TooHard { steps } => explain::too_hard(steps),
        SolveError::Unsatisfiable(conflict) => {
            explain::unsatisfiable(&task, &resolver, &conflict, &NothingMore)
        }
    })?;
    let inside: HashSet<PackageId> = solution.packages.iter().map(|(id, _)| *id).collect();
    let mut steps: HashMap<PackageId, Step> = HashMap::new();
    let mut queue = VecDeque::new();
    for (position, goal) in task.problem.goals.iter().enumerate() {
        let met = goal.any_of.iter().find(|id| inside.contains(id));
        if let Some(id) = met.filter(|id| !steps.contains_key(id)) {
            steps.insert(*id, Step::Goal(position));
            queue.push_back(*id);
        }
    }
    while let Some(at) = queue.pop_front() {
        let package = world.package(at);
        if package.name() == name {
            return Ok(Some(chain(&task, &steps, at)));
        }
        let expansion = world.expand(package);
        let required = expansion.relations.requires.iter().zip(&expansion.requires);
        let recommended = expansion.relations.recommends.iter().zip(&expansion.recommends);
        for (needed, statement) in required.chain(recommended.filter(|_| request.recommends)) {
            for id in needed.any_of.iter().filter(|id| inside.contains(id)) {
                if !steps.contains_key(id) {
                    steps.insert(*id, Step::Said { by: at, statement: *statement });
                    queue.push_back(*id);
                }
            }
        }
    }
    Ok(None)
}

/// The links from the request down to `end`.
fn chain(task: &problem::Task<'_, '_>, steps: &HashMap<PackageId, Step>, end: PackageId) -> Vec<Link> {
    let mut links = Vec::new();
    let mut at = end;
    while let Some(step) = steps.get(&at) {
        let to = task.world.package(at);
        match step {
            Step::Goal(goal) => {
                let relation = "asks for".to_owned();
                links.push(Link { from: task.goal_text(*goal), relation, to: label(task.world, to) });
                break;
            }
            Step::Said { by, statement } => {
                let from = task.world.package(*by);
                let statements = task.world.family.statements(from);
                let (verb, note) = link_text(task.world, &statements, *statement, to);
                links.push(Link {
                    from: label(task.world, from),
                    relation: verb,
                    to: format!("{}{note}", label(task.world, to)),
                });
                at = *by;
            }
        }
    }
    links.reverse();
    links
}
