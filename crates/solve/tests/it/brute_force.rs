//! Against trying every set: 40,000 generated worlds. A failure prints its seed, problem and world.

use lbuild_solve::{
    Addition, Cause, Goal, PackageId, Problem, Relations, Requirement, Resolver, Root, Solution, SolveError,
};

use crate::world::{World, is_solution};

/// How many. In number 32,975 what an addition recommends breaks what the addition itself does not.
const WORLDS: u64 = 40_000;

/// A small generator of numbers; the same seed gives the same world everywhere.
struct Dice(u64);

impl Dice {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).unwrap() % end.max(1)
    }

    fn packages(&mut self, count: usize, most: usize) -> Vec<PackageId> {
        let mut list = Vec::new();
        for _ in 0..self.below(most + 1) {
            let package = PackageId(u32::try_from(self.below(count)).unwrap());
            if !list.contains(&package) {
                list.push(package);
            }
        }
        list
    }
}

/// One or two lists, each with a package or more.
fn conditions(dice: &mut Dice, count: usize) -> Vec<Vec<PackageId>> {
    let lists: Vec<_> = (0..=dice.below(2)).map(|_| dice.packages(count, 2)).collect();
    lists.into_iter().filter(|list| !list.is_empty()).collect()
}

fn world(dice: &mut Dice) -> World {
    let count = 3 + dice.below(8);
    let mut world = World::default();
    for at in 0..count {
        world.names.push(format!("p{at}"));
        let shares = at > 0 && dice.below(4) == 0;
        let slot = if shares { world.slots[at - 1] } else { u32::try_from(at).unwrap() };
        world.add_to_slot(slot);
    }
    for at in 0..count {
        let own = PackageId(u32::try_from(at).unwrap());
        let mut relations = Relations::default();
        for _ in 0..dice.below(3) {
            let mut any_of = dice.packages(count, 3);
            if any_of.is_empty() && dice.below(4) > 0 {
                any_of.push(PackageId(u32::try_from(dice.below(count)).unwrap()));
            }
            let when = if dice.below(4) == 0 { conditions(dice, count) } else { Vec::new() };
            relations.requires.push(Requirement { any_of, when });
        }
        for _ in 0..dice.below(3) {
            let others = dice.packages(count, 2).into_iter().filter(|other| *other != own).collect();
            relations.excludes.push(others);
        }
        for _ in 0..dice.below(2) {
            let when = if dice.below(6) == 0 { conditions(dice, count) } else { Vec::new() };
            relations.recommends.push(Requirement { any_of: dice.packages(count, 2), when });
        }
        if dice.below(5) == 0 {
            world.additions.push(Addition {
                package: own,
                when: conditions(dice, count),
                unless: if dice.below(2) == 0 { dice.packages(count, 2) } else { Vec::new() },
            });
        }
        world.relations.push(relations);
    }
    world
}

fn problem(dice: &mut Dice, world: &World) -> Problem {
    let count = world.names.len();
    let (recommends, additions) = (dice.below(2) == 0, dice.below(2) == 0);
    let mut problem = Problem { recommends, additions, ..Problem::default() };
    for _ in 0..=dice.below(4) {
        let mut any_of = dice.packages(count, 2);
        if any_of.is_empty() {
            any_of.push(PackageId(u32::try_from(dice.below(count)).unwrap()));
        }
        problem.goals.push(Goal { any_of, stage: u8::try_from(dice.below(2)).unwrap() });
    }
    problem.bans.extend((0..dice.below(2)).map(|_| dice.packages(count, 2)));
    problem
}

fn is_satisfiable(world: &World, problem: &Problem) -> bool {
    let count = world.names.len();
    (0_u32..1 << count).any(|set| {
        let inside: Vec<bool> = (0..count).map(|at| set >> at & 1 == 1).collect();
        is_solution(world, problem, &inside)
    })
}

/// The problem with these goals and bans only.
fn part(problem: &Problem, keep: impl Fn(Root) -> bool) -> Problem {
    let goals = problem.goals.iter().enumerate().filter(|(at, _)| keep(Root::Goal(*at)));
    let bans = problem.bans.iter().enumerate().filter(|(at, _)| keep(Root::Ban(*at)));
    Problem {
        goals: goals.map(|(_, goal)| goal.clone()).collect(),
        bans: bans.map(|(_, ban)| ban.clone()).collect(),
        ..Problem::default()
    }
}

/// What is wrong with what came along by itself, or did not come.
fn wrong_additions(world: &World, problem: &Problem, solution: &Solution) -> Vec<String> {
    let order: Vec<PackageId> = solution.packages.iter().map(|(package, _)| *package).collect();
    let there = |package: &PackageId| order.contains(package);
    let may_come = |addition: &Addition| {
        let when = &addition.when;
        let wanted = !when.is_empty() && when.iter().all(|list| list.iter().any(there));
        wanted && !addition.unless.iter().any(there)
    };
    let needs = |other: PackageId, package: PackageId| {
        let relations = &world.relations[other.0 as usize];
        relations.requires.iter().chain(&relations.recommends).any(|needed| needed.any_of.contains(&package))
    };
    let came = |(package, cause): &(PackageId, Cause)| match cause {
        Cause::Package(other) if !needs(*other, *package) => Some((*package, *other)),
        _ => None,
    };
    let mut wrong = Vec::new();
    let came: Vec<(PackageId, PackageId)> = solution.packages.iter().filter_map(came).collect();
    let mut held: Vec<PackageId> = Vec::new();
    for (package, with) in &came {
        let reason = |addition: &&Addition| {
            addition.package == *package && may_come(addition) && addition.when[0].contains(with)
        };
        match world.additions.iter().find(reason) {
            Some(addition) => held.extend(&addition.unless),
            None => wrong.push(format!("{package:?} came with {with:?} for no reason")),
        }
    }
    if !problem.additions {
        wrong.extend(came.iter().map(|(package, _)| format!("{package:?} was not asked for")));
        return wrong;
    }
    for addition in world.additions.iter().filter(|addition| may_come(addition)) {
        let package = addition.package;
        let mut inside: Vec<bool> = world.relations.iter().map(|_| false).collect();
        for one in order.iter().chain([&package]) {
            inside[one.0 as usize] = true;
        }
        // what keeps itself away never comes
        let kept_away = held.contains(&package) || addition.unless.contains(&package);
        if !there(&package) && !kept_away && is_solution(world, problem, &inside) {
            wrong.push(format!("{package:?} could have come"));
        }
    }
    wrong
}

#[test]
fn agrees_with_trying_every_set() {
    let (mut unsatisfiable, mut held_back) = (0, 0);
    for seed in 0..WORLDS {
        let mut dice = Dice(seed * 7919 + 1);
        let world = world(&mut dice);
        let problem = problem(&mut dice, &world);
        let context = || format!("seed {seed}\n{problem:?}\n{world:#?}");
        match Resolver::new(&world).solve(&problem) {
            Ok(solution) => {
                let mut inside = vec![false; world.names.len()];
                for (package, _) in &solution.packages {
                    assert!(!inside[package.0 as usize], "twice in {}", context());
                    inside[package.0 as usize] = true;
                }
                assert!(is_solution(&world, &problem, &inside), "not a solution: {inside:?}\n{}", context());
                let wrong = wrong_additions(&world, &problem, &solution);
                assert!(wrong.is_empty(), "{wrong:?} in {solution:?}\n{}", context());
                let there = |package: &PackageId| inside[package.0 as usize];
                held_back += world.additions.iter().filter(|one| one.unless.iter().any(there)).count();
            }
            Err(SolveError::TooHard { .. }) => panic!("given up: {}", context()),
            Err(SolveError::Unsatisfiable(conflict)) => {
                unsatisfiable += 1;
                assert!(!is_satisfiable(&world, &problem), "there is a solution: {}", context());
                let roots = &conflict.roots;
                let core = part(&problem, |root| roots.contains(&root));
                assert!(!is_satisfiable(&world, &core), "{roots:?} go together: {}", context());
                for left_out in roots {
                    let less = part(&problem, |root| root != *left_out && roots.contains(&root));
                    assert!(is_satisfiable(&world, &less), "{roots:?} is not minimal: {}", context());
                }
                assert!(!conflict.facts.is_empty(), "no facts: {}", context());
            }
        }
    }
    assert!(held_back > 1000, "only {held_back} additions are kept away by what is there");
    let share = unsatisfiable * 100 / WORLDS;
    assert!((20..80).contains(&share), "{share} % of the worlds are unsatisfiable");
}
