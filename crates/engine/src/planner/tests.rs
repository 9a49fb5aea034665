//! Goldens: one file per example with the digest of its plan and the keys of its steps, planned with one lock. A change
//! of the program that changes keys changes these files, which shows what has to be built again because of it.
//!
//! `LBUILD_GOLDEN=write cargo test -p lbuild-engine plans` writes them anew.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use lbuild_spec::{Format, Source};

use super::*;

fn goldens() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/plans")
}

fn examples() -> Vec<PathBuf> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    let files = fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    let mut specs: Vec<_> =
        files.filter(|path| path.to_str().is_some_and(|path| Format::from_path(path).is_some())).collect();
    specs.sort();
    specs
}

fn blueprint(path: &Path) -> Blueprint {
    let file = path.display().to_string();
    let format = Format::from_path(&file).unwrap();
    let source = Source { file, format, text: fs::read_to_string(path).unwrap() };
    lbuild_spec::validate(&source).unwrap_or_else(|found| panic!("{}", found.render(&source, false)))
}

/// The one lock, without what images of another kind need.
fn lock(blueprint: &Blueprint) -> Lock {
    let text = fs::read_to_string(goldens().join("sample.lock")).unwrap();
    let mut lock = Lock::parse(&text, "sample.lock").unwrap();
    lock.name.clone_from(&blueprint.name);
    if !blueprint.outputs.contains(&Output::Iso) {
        lock.system.retain(|package| package.tier != Tier::Core);
        lock.tools.clear();
    }
    lock
}

fn planned(path: &Path) -> Plan {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let blueprint = blueprint(path);
    let lock = lock(&blueprint);
    plan(&blueprint, &lock, path.parent().unwrap(), true, &store, &Cancel::new()).unwrap().plan
}

/// One line for the plan, one for each step.
fn summary(plan: &Plan) -> String {
    let steps = plan.steps.iter().map(|step| format!("{} {}\n", step.inputs.key(), step.step.name()));
    format!("{} plan\n", plan.digest()) + &steps.collect::<String>()
}

#[test]
fn the_plans_of_the_examples_are_as_committed() {
    let mut changed = Vec::new();
    let mut expected = BTreeSet::from(["sample.lock".to_owned()]);
    for example in examples() {
        let plan = planned(&example);
        plan.check().unwrap();
        let name = format!("{}.txt", example.file_stem().unwrap().to_str().unwrap());
        let golden = goldens().join(&name);
        let now = summary(&plan);
        if std::env::var_os("LBUILD_GOLDEN").is_some_and(|value| value == "write") {
            fs::write(&golden, &now).unwrap();
        }
        if fs::read_to_string(&golden).unwrap_or_default() != now {
            changed.push(format!("{name} is now:\n{now}"));
        }
        assert!(expected.insert(name), "two examples have the same name");
    }
    let found =
        fs::read_dir(goldens()).unwrap().map(|entry| entry.unwrap().file_name().into_string().unwrap());
    assert_eq!(found.collect::<BTreeSet<_>>(), expected, "one golden for each example");
    assert!(changed.is_empty(), "LBUILD_GOLDEN=write accepts these changes:\n{}", changed.join("\n"));
}

#[test]
fn a_plan_does_not_depend_on_the_run() {
    let first = examples().remove(0);
    assert_eq!(planned(&first).to_text(), planned(&first).to_text());
}

fn steps_with_another_key(before: &Plan, after: &Plan) -> Vec<&'static str> {
    let keys = |plan: &Plan| -> BTreeSet<_> {
        plan.steps.iter().map(|step| (step.step.name(), step.inputs.key().to_string())).collect()
    };
    let (before, after) = (keys(before), keys(after));
    after.difference(&before).map(|(name, _)| *name).collect()
}

#[test]
fn a_change_of_the_spec_shows_in_the_keys_of_its_own_steps_only() {
    let directory = tempfile::tempdir().unwrap();
    let of = |text: &str| {
        let path = directory.path().join("spec.toml");
        let head = "name = \"x\"\nbase = \"debian\"\noutputs = [\"iso\", \"oci\"]\n";
        fs::write(&path, format!("{head}{text}")).unwrap();
        planned(&path)
    };
    let plain = of("");
    for (text, steps) in [
        ("hostname = \"other\"", &["configure"][..]),
        ("[[users]]\nname = \"ada\"", &["configure"]),
        ("[[files]]\npath = \"/etc/x\"\ntext = \"x\"", &["files"]),
        ("[filesystem]\ncompression = \"xz\"", &["squashfs"]),
        ("[kernel]\nparameters = [\"quiet\"]", &["configure", "iso"]),
    ] {
        assert_eq!(steps_with_another_key(&plain, &of(text)), steps, "{text}");
    }
}
