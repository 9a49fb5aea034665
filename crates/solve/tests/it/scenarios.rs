//! Named scenarios, each one idea.

use std::cell::Cell;

use lbuild_solve::{Fact, PackageId, Relations, Resolver, Root, SlotId, SolveError, Universe};

use crate::world::World;

/// A world whose visitors leave after a number of questions whether they still wait.
struct Impatient(World, Cell<usize>);

impl Universe for Impatient {
    fn package_count(&self) -> usize {
        self.0.package_count()
    }

    fn slot_count(&self) -> usize {
        self.0.slot_count()
    }

    fn slot(&self, package: PackageId) -> SlotId {
        self.0.slot(package)
    }

    fn candidates(&self, slot: SlotId) -> Vec<PackageId> {
        self.0.candidates(slot)
    }

    fn relations(&self, package: PackageId) -> Relations {
        self.0.relations(package)
    }

    fn is_stopped(&self) -> bool {
        let left = self.1.get();
        self.1.set(left.saturating_sub(1));
        left == 0
    }
}

#[test]
fn nothing_is_searched_for_somebody_who_has_left() {
    let text = "a: x|y z\nx\ny\nz: w\nw: !x";
    let of = |patience| {
        let world = Impatient(World::read(text), Cell::new(patience));
        Resolver::new(&world).solve(&world.0.problem("a")).is_ok()
    };
    assert!(!of(0), "before anything");
    assert!(!of(1), "in the search");
    assert!(of(usize::MAX));
}

fn solve(world: &str, problem: &str) -> Result<Vec<String>, (Vec<Root>, Vec<Fact>)> {
    let world = World::read(world);
    match Resolver::new(&world).solve(&world.problem(problem)) {
        Ok(solution) => {
            let mut names: Vec<String> =
                solution.packages.iter().map(|(package, _)| world.name(*package).to_owned()).collect();
            names.sort();
            Ok(names)
        }
        Err(SolveError::Unsatisfiable(conflict)) => Err((conflict.roots, conflict.facts)),
        Err(error) => panic!("{error}"),
    }
}

#[track_caller]
fn gives(world: &str, problem: &str, expected: &str) {
    let expected: Vec<String> = expected.split_whitespace().map(str::to_owned).collect();
    assert_eq!(solve(world, problem), Ok(expected), "{problem} in\n{world}");
}

#[track_caller]
fn clashes(world: &str, problem: &str, roots: &[Root]) -> Vec<Fact> {
    let (found, facts) = solve(world, problem).expect_err("there is no solution");
    assert_eq!(found, roots, "{problem} in\n{world}\n{facts:?}");
    facts
}

#[test]
fn first_alternative_wins() {
    gives("a: b|c\nb\nc", "a", "a b");
    gives("a: c|b\nb\nc", "a", "a c");
}

#[test]
fn an_alternative_that_is_there_anyway_wins() {
    gives("a: b|c\nb\nc", "a c", "a c");
    gives("a: d e\nd: b|c\ne: c\nb\nc", "a c", "a c d e");
}

#[test]
fn an_alternative_that_cannot_be_is_passed_over() {
    gives("a: b|c\nb: missing\nc", "a", "a c");
    gives("a: b|c\nb: d\nc\nd: missing", "a", "a c");
    gives("a: b|c\nb: !a\nc", "a", "a c");
    gives("a: b|c\nb\nc", "a -b", "a c");
}

#[test]
fn an_early_choice_is_undone_for_a_later_need() {
    gives("a: b|c d\nb\nc\nd: !b", "a", "a c d");
    gives("a: x|y z\nx\ny\nz: w\nw: !x", "a", "a w y z");
}

#[test]
fn only_one_of_a_slot() {
    gives("a: v@1|v@2\nv@1\nv@2", "a", "a v@1");
    gives("a: v@1|v@2\nv@1\nv@2\nb: v@2", "a b", "a b v@2");
    let facts = clashes("v@1\nv@2\na: v@1\nb: v@2", "a b", &[Root::Goal(0), Root::Goal(1)]);
    assert!(facts.iter().any(|fact| matches!(fact, Fact::SameSlot { .. })), "{facts:?}");
}

#[test]
fn cycles_are_fine() {
    gives("a: b\nb: c\nc: a", "a", "a b c");
    gives("a: a|b\nb", "a", "a");
}

#[test]
fn recommends_are_followed_where_possible() {
    gives("a: ~b ~c ~d\nb\nc: missing\nd: !a", "+recommends a", "a b");
    gives("a: ~b\nb", "a", "a");
    // A recommendation gives way to a request.
    gives("a: ~b\nb: !c\nc", "+recommends a c", "a c");
    gives("a: x|y z ~r\nx\ny\nz: !x\nr", "+recommends a", "a r y z");
}

#[test]
fn a_conflict_names_the_two_requests_and_the_clash() {
    let facts = clashes("a: x\nb: y\nx: !y\ny\nc", "c a b", &[Root::Goal(1), Root::Goal(2)]);
    assert!(matches!(facts.last(), Some(Fact::Excludes { .. })), "{facts:?}");
    assert!(facts.iter().any(|fact| matches!(fact, Fact::Asks { goal: 1, .. })), "{facts:?}");
    assert!(facts.iter().any(|fact| matches!(fact, Fact::Asks { goal: 2, .. })), "{facts:?}");
}

#[test]
fn a_ban_can_be_the_reason() {
    let facts = clashes("a: b\nb: c\nc\nd", "d a -d2 -c", &[Root::Goal(1), Root::Ban(1)]);
    assert!(facts.iter().any(|fact| matches!(fact, Fact::Banned { ban: 1, .. })), "{facts:?}");
}

#[test]
fn what_does_not_exist_is_told_where_it_is_needed() {
    let facts = clashes("a: b\nb: missing", "a", &[Root::Goal(0)]);
    assert!(matches!(facts.last(), Some(Fact::NeedsInVain { .. })), "{facts:?}");
    let facts = clashes("a", "a missing", &[Root::Goal(1)]);
    assert_eq!(facts, [Fact::AsksInVain { goal: 1 }]);
}

#[test]
fn all_alternatives_can_be_out() {
    let roots = [Root::Goal(0), Root::Goal(1)];
    clashes("a: b|c\nb\nc\nx: !b !c", "a x", &roots);
    // Only a search shows this one: each pair of choices clashes further down.
    clashes("a: b|c\nx: y|z\nb: !y !z\nc: d\nd: !y !z\ny\nz", "a x", &roots);
}

#[test]
fn long_chains_do_not_overflow() {
    use std::fmt::Write as _;
    let mut text = String::new();
    for at in 0..5_000 {
        writeln!(text, "p{at}: p{}", at + 1).unwrap();
    }
    writeln!(text, "p5000").unwrap();
    let world = World::read(&text);
    let solution = Resolver::new(&world).solve(&world.problem("p0")).expect("a chain is no conflict");
    assert_eq!(solution.packages.len(), 5_001);
}

#[test]
fn what_comes_along_by_itself() {
    gives("a\nb\nt: ^a", "+additions a", "a t");
    gives("a\nb\nt: ^a", "a", "a");
    gives("a\nb\nt: ^a&b", "+additions a", "a");
    gives("a\nb\nt: ^a&b", "+additions a b", "a b t");
    // One brings the next, and what cannot be met stays out.
    gives("a\nt: ^a u\nu\nv: ^u missing\nw: ^t", "+additions a", "a t u w");
}

#[test]
fn a_recommendation_that_would_break_a_requirement_stays_out() {
    let world = "a: missing?r\nb: ~r\nt: ^a ~r\nr";
    gives(world, "+recommends a b", "a b");
    gives(world, "+recommends b", "b r");
    // The addition comes all the same.
    gives(world, "+recommends +additions a", "a t");
}

#[test]
fn an_addition_that_chose_badly_is_tried_again() {
    gives("a\nt: ^a x|y z\nu: ^a y\nx\ny\nz: !x", "+additions a", "a t u y z");
}

#[test]
fn what_comes_only_without_something_else() {
    gives("a\nb\nt: ^a/b", "+additions a", "a t");
    gives("a\nb\nt: ^a/b", "+additions a b", "a b");
    // It waits for what comes anyway, and then keeps out what it came without.
    gives("a\nb: ^a\nt: ^a/b", "+additions a", "a b");
    gives("a\nt: ^a/u\nu: ^t", "+additions a", "a t");
    // What is there only if it is not there never comes.
    gives("a\nt: ^a/t", "+additions a", "a");
}

/// resolvo's own conditions let `v@3` and `p6` through here, without what `p6` requires beside `v@3`.
#[test]
fn conditions_hold_in_the_search() {
    let world = "p0: p1|v@2 !p6\np1: v@2|p6\nv@2: p0\nv@3: p0|p6 !p5\np5: p6 p0?p1|p4&p5|p4 !p1\n\
                 p6: p7|p8?p1|v@3 !p0 !p5\np7: p8 v@2|p0 !p1\np8: p0|v@3 p0 !p1";
    clashes(world, "v@3", &[Root::Goal(0)]);
}
