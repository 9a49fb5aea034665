//! Gentoo's dependencies: portage itself, and every dependency of real trees.

use std::collections::{BTreeMap, BTreeSet};

use lbuild_repo::portage::index::Index;
use lbuild_repo::portage::relation::{
    Atom, Blocker, BuiltWith, Node, RelationError, SlotOperator, atoms, flags, parse, reduce, words,
};
use lbuild_repo::tar;
use serde_json::json;

use super::versions::generated;
use super::{Numbers, oracle, shared_plain};

/// What an atom is made of, in the words of the judge.
fn parts(atom: &Atom<'_>) -> serde_json::Value {
    let blocker = match atom.blocker {
        Blocker::No => "",
        Blocker::Weak => "!",
        Blocker::Strong => "!!",
    };
    let operator = atom.bound.map_or("", |bound| match bound.operator {
        lbuild_repo::portage::relation::Operator::Prefix => "=*",
        operator => operator.sign(),
    });
    let slot_operator = match atom.slot_operator {
        Some(SlotOperator::Rebuild) => "=",
        Some(SlotOperator::Any) => "*",
        None => "",
    };
    let flags: Vec<String> = atom.flags.iter().map(ToString::to_string).collect();
    json!([
        blocker,
        atom.key,
        operator,
        atom.bound.map_or("", |bound| bound.version),
        atom.slot.unwrap_or_default(),
        atom.sub_slot.unwrap_or_default(),
        slot_operator,
        atom.repository.unwrap_or_default(),
        flags
    ])
}

const OPERATORS: [&str; 7] = ["", "=", ">=", "<=", "<", ">", "~"];
const SLOTS: [&str; 14] =
    ["", "", "", ":0", ":0/1", ":0/1=", ":=", ":*", ":0=", ":5.15", ":", ":0*", ":/1", ":0/"];
const FLAGS: [&str; 18] = [
    "",
    "",
    "",
    "[a]",
    "[-a]",
    "[a,b]",
    "[a?]",
    "[!a?]",
    "[a=]",
    "[!a=]",
    "[a(+)]",
    "[-a(-)]",
    "[a(+)?,b(-)=]",
    "[!a]",
    "[-a?]",
    "[a(+),a(-)]",
    "[]",
    "[a",
];

fn generated_atoms(count: usize) -> Vec<String> {
    let versions = generated(500);
    let mut numbers = Numbers(3);
    let mut texts = Vec::new();
    for _ in 0..count {
        let operator = numbers.one_of(&OPERATORS);
        let mut text = numbers.one_of(&["", "", "", "!", "!!", "!!!"]).to_owned() + operator;
        text += numbers.one_of(&[
            "a/b",
            "a/b",
            "dev-libs/c++_d",
            "a/b-c",
            "a/b-r1",
            "a",
            "-a/b",
            "a/b-2",
            "a.b/c.d",
        ]);
        // An operator wants a version, its absence wants none; now and then it is wrong.
        if operator.is_empty() == (numbers.below(12) == 0) {
            text = text + "-" + &versions[numbers.below(versions.len())];
        }
        text += numbers.one_of(&["", "", "", "", "*"]);
        text += numbers.one_of(&SLOTS);
        text += numbers.one_of(&["", "", "", "", "::gentoo", "::", "::-x"]);
        text += numbers.one_of(&FLAGS);
        texts.push(text);
    }
    texts
}

#[test]
fn portage_agrees_on_twenty_thousand_atoms() {
    let texts = generated_atoms(20_000);
    let questions: Vec<_> = texts.iter().map(|text| json!(text)).collect();
    let mut good = 0;
    for (text, answer) in texts.iter().zip(oracle::ask("atoms", &questions)) {
        let atom = Atom::parse(text);
        let ours = atom.as_ref().map_or(serde_json::Value::Null, parts);
        assert_eq!(ours, answer, "{text}");
        if let Ok(atom) = atom {
            assert_eq!(atom.to_string(), *text);
            good += 1;
        }
    }
    assert!(good > 2_000, "{good} of them are atoms");
}

/// The flags of a build: what it knows, and what was on.
struct Flags<'t>(&'t [&'t str], &'t [&'t str]);

impl BuiltWith for Flags<'_> {
    fn knows(&self, flag: &str) -> bool {
        self.0.contains(&flag)
    }

    fn has(&self, flag: &str) -> bool {
        self.1.contains(&flag)
    }
}

#[test]
fn portage_agrees_on_what_twenty_thousand_atoms_match() {
    const BUILDS: [Flags<'_>; 5] = [
        Flags(&[], &[]),
        Flags(&["a"], &["a"]),
        Flags(&["a"], &[]),
        Flags(&["a", "b"], &["b"]),
        Flags(&["b"], &["b"]),
    ];
    let mut versions = generated(60);
    versions.extend(
        ["1", "1.0", "1.00", "1.0-r0", "1.0-r1", "01.0", "1.0_p1", "10", "1a", "0", "0.5"].map(str::to_owned),
    );
    let mut numbers = Numbers(11);
    let conditional = ["a?", "!a", "a=", "(-)="];
    let mut cases = Vec::new();
    while cases.len() < 20_000 {
        let operator = numbers.one_of(&OPERATORS[1..]);
        let version = &versions[numbers.below(versions.len())];
        let star = if operator == "=" { numbers.one_of(&["", "*"]) } else { "" };
        let slot = numbers.one_of(&SLOTS[..9]);
        let flags = numbers.one_of(&FLAGS[..12]);
        if conditional.iter().any(|part| flags.contains(part)) {
            continue;
        }
        let text = format!("{operator}a/b-{version}{star}{slot}{flags}");
        let other = &versions[numbers.below(versions.len())];
        cases.push((text, other, numbers.one_of(&["0", "0/1", "0/2", "5"]), numbers.below(BUILDS.len())));
    }
    let questions: Vec<_> = cases
        .iter()
        .map(|(text, version, slot, build)| {
            json!([text, format!("a/b-{version}"), slot, BUILDS[*build].0, BUILDS[*build].1])
        })
        .collect();
    let mut yes = 0;
    for ((text, version, slot, build), answer) in cases.iter().zip(oracle::ask("matches", &questions)) {
        let atom = Atom::parse(text).expect("an atom");
        let (slot, sub_slot) = slot.split_once('/').unwrap_or((slot, slot));
        let ours = atom.bound.is_none_or(|bound| bound.accepts(version))
            && atom.accepts_slot(slot, sub_slot)
            && atom.accepts_flags(&BUILDS[*build]);
        assert_eq!(json!(ours), answer, "{text} and {version} in slot {slot}/{sub_slot}, build {build}");
        yes += usize::from(ours);
    }
    assert!(yes > 2_000, "{yes} of them match");
}

/// Atoms and `||` in their order, as the judge lists them.
fn flat(nodes: &[Node<'_, Atom<'_>>], out: &mut Vec<String>) {
    for node in nodes {
        match node {
            Node::Leaf(atom) => out.push(atom.to_string()),
            Node::Any(parts) => {
                out.push("||".to_owned());
                flat(parts, out);
            }
            Node::All(parts) => flat(parts, out),
            other => panic!("{other:?} does not belong into dependencies"),
        }
    }
}

fn assert_same_expressions(cases: &[(String, Vec<&str>)]) -> usize {
    let questions: Vec<_> = cases.iter().map(|(text, enabled)| json!([text, enabled])).collect();
    let mut good = 0;
    for ((text, enabled), answer) in cases.iter().zip(oracle::ask("expressions", &questions)) {
        let ours = parse(text).map(|nodes| {
            let mut out = Vec::new();
            flat(&reduce(nodes, &|flag| enabled.contains(&flag)), &mut out);
            out
        });
        match ours {
            Ok(out) => assert_eq!(json!(out), answer, "{text} with {enabled:?}"),
            Err(error) => assert!(answer.is_null(), "{text}: {error}, but portage reads {answer}"),
        }
        good += usize::from(!answer.is_null());
    }
    good
}

#[test]
fn portage_agrees_on_ten_thousand_expressions() {
    const WORDS: [&str; 18] = [
        "a/b",
        "c/d",
        "|| (",
        "|| ( e/f )",
        "(",
        ")",
        ")",
        "x? (",
        "!y? (",
        "x? ( g/h )",
        "!<i/j-2",
        "k/l[x?,-y]",
        "m/n:0=[y=]",
        "|| ( ( a/b c/d ) e/f )",
        "!!o/p",
        "x?",
        "||",
        "(c/d",
    ];
    let mut numbers = Numbers(5);
    let cases: Vec<(String, Vec<&str>)> = (0..10_000)
        .map(|_| {
            let mut words: Vec<&str> = (0..=numbers.below(7)).map(|_| numbers.one_of(&WORDS)).collect();
            // Most of them get the brackets that they lack, around something.
            let count = |words: &[&str], bracket| {
                words.iter().map(|word| word.matches(bracket).count()).sum::<usize>()
            };
            if numbers.below(4) > 0 {
                words.push("q/r");
                (count(&words, ")")..count(&words, "(")).for_each(|_| words.push(")"));
            }
            let enabled = vec![vec![], vec!["x"], vec!["y"], vec!["x", "y"]].swap_remove(numbers.below(4));
            (words.join(" "), enabled)
        })
        .collect();
    let good = assert_same_expressions(&cases);
    assert!(good > 3_000, "{good} of them are expressions");
}

#[test]
fn portage_agrees_on_the_dependencies_of_real_binary_hosts() {
    use lbuild_repo::portage::index::DependencyClass::{Build, BuildTarget, Install, Post, Run};
    let mut texts = BTreeSet::new();
    for host in ["binhost-x86_64-2022-11", "binhost-aarch64-2024-10"] {
        let text = shared_plain(&format!("gentoo/{host}/Packages.zst"));
        let index = Index::parse(&text).expect("a real index");
        for entry in &index.entries {
            texts.extend(
                [Build, BuildTarget, Install, Run, Post].map(|class| entry.dependency_text(class).to_owned()),
            );
        }
    }
    assert!(texts.len() > 4_000, "{}", texts.len());
    let cases: Vec<_> = texts.into_iter().map(|text| (text, Vec::new())).collect();
    assert_eq!(assert_same_expressions(&cases), cases.len());
}

/// The entries of the metadata cache of a real ebuild repository: field to value for each ebuild.
fn guru() -> BTreeMap<String, BTreeMap<String, String>> {
    let bytes = shared_plain("gentoo/guru/guru-md5cache-profiles.tar.zst");
    let mut archive = tar::Archive::new(bytes.as_slice(), tar::Policy::strict());
    let mut ebuilds = BTreeMap::new();
    while let Some(entry) = archive.next_entry().expect("a good archive") {
        let path = String::from_utf8(entry.path).expect("text");
        let Some(name) = path.strip_prefix("metadata/md5-cache/").filter(|_| entry.kind == tar::Kind::File)
        else {
            continue;
        };
        let mut text = String::new();
        std::io::Read::read_to_string(&mut archive.content(), &mut text).expect("text");
        let field = |line: &str| line.split_once('=').map(|(key, value)| (key.to_owned(), value.to_owned()));
        ebuilds.insert(name.to_owned(), text.lines().filter_map(field).collect());
    }
    ebuilds
}

#[test]
fn a_real_ebuild_repository_with_all_its_conditions() {
    let ebuilds = guru();
    assert_eq!(ebuilds.len(), 3751);
    let (mut conditions, mut required) = (0, 0);
    let mut texts: BTreeSet<(String, Vec<&str>)> = BTreeSet::new();
    for (name, fields) in &ebuilds {
        let iuse = fields.get("IUSE").map_or("", String::as_str);
        let enabled: Vec<&str> = iuse.split_whitespace().filter_map(|flag| flag.strip_prefix('+')).collect();
        for key in ["DEPEND", "RDEPEND", "BDEPEND", "PDEPEND", "IDEPEND"] {
            let text = fields.get(key).map_or("", String::as_str);
            let nodes = parse(text).unwrap_or_else(|error| panic!("{name}: {key}: {error}"));
            conditions += nodes.iter().filter(|node| matches!(node, Node::If(..))).count();
            assert!(atoms(&nodes).len() <= text.split_whitespace().count());
            texts.insert((text.to_owned(), enabled.clone()));
        }
        if let Some(text) = fields.get("REQUIRED_USE") {
            flags(text).unwrap_or_else(|error| panic!("{name}: REQUIRED_USE: {error}"));
            required += 1;
        }
        words(fields.get("LICENSE").map_or("", String::as_str))
            .unwrap_or_else(|error| panic!("{name}: LICENSE: {error}"));
    }
    assert!(conditions > 3_000 && required > 300, "{conditions} conditions, {required} of flags");
    let cases: Vec<_> = texts.into_iter().collect();
    assert_eq!(assert_same_expressions(&cases), cases.len());
}

#[test]
fn what_is_no_expression_says_why() {
    let form = |reason| Err(RelationError::Form { reason });
    assert_eq!(parse("( a/b"), form("a bracket is not closed"));
    assert_eq!(parse("a/b )"), form("a bracket is closed that was not opened"));
    assert_eq!(parse("|| a/b"), form("a bracket must follow the start of a group"));
    assert_eq!(parse("a/b ||"), form("nothing follows the start of a group"));
    assert_eq!(parse("x? !y? ( a/b )"), form("a bracket must follow the start of a group"));
    let atom = |text: &str, reason| Err(RelationError::Atom { text: text.to_owned(), reason });
    assert_eq!(parse("b"), atom("b", "not a category and a package"));
    assert_eq!(parse(">=a/b"), atom(">=a/b", "no package and version after the operator"));
    assert_eq!(parse("a/b:"), atom("a/b:", "bad slot"));
    assert_eq!(parse("a/b[x"), atom("a/b[x", "bracket is not closed"));
    assert_eq!(parse("a/b[x y]"), atom("a/b[x", "bracket is not closed"));
    assert_eq!(parse("a/b[-x?]"), atom("a/b[-x?]", "bad USE requirement"));
    assert_eq!(parse("a/b[x(+),-x(-)]"), atom("a/b[x(+),-x(-)]", "two defaults for one USE flag"));
    assert_eq!(parse("~a/b-1*"), atom("~a/b-1*", "`*` without `=`"));
    assert_eq!(parse("a/b::"), atom("a/b::", "bad repository"));
    assert_eq!(parse("|| ( )"), form("a group is empty"));
    assert_eq!(parse("x? ( ( ) )"), form("a group is empty"));
    assert_eq!(parse("-x? ( a/b )"), atom("-x?", "not a USE flag"));
}

#[test]
fn hostile_expressions_end_soon() {
    let deep = |depth: usize| "( ".repeat(depth) + "a/b" + &" )".repeat(depth);
    assert!(parse(&deep(64)).is_ok());
    assert_eq!(parse(&deep(65)), Err(RelationError::Depth));
    assert_eq!(parse(&"( ".repeat(1 << 20)), Err(RelationError::Depth));
    assert_eq!(parse(&"a/b ".repeat((4 << 20) / 4 + 1)), Err(RelationError::TooLong));
    assert_eq!(parse(&"a/b ".repeat(1 << 19)).map(|nodes| nodes.len()), Ok(1 << 19));
    for text in [
        format!(">=a/b-{}", "1".repeat(1 << 20)),
        format!("a/{}", "b-".repeat(1 << 19)),
        format!("a/b[{}]", "x,".repeat(1 << 19)),
        format!("a/b:{}", "0/".repeat(1 << 19)),
        "!".repeat(1 << 20),
    ] {
        assert!(matches!(parse(&text), Err(RelationError::Atom { text, .. }) if text.len() <= 200));
    }
    let wide: Vec<String> = (0..300).map(|number| format!("x{number}")).collect();
    assert_eq!(Atom::parse(&format!("a/b[{}]", wide.join(","))).expect("an atom").flags.len(), 300);
}
