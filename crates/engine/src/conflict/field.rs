//! Fixes of what a field of the spec asks for, such as its kernel: no line asks for the package itself.

use lbuild_repo::resolve::switches::way;
use lbuild_repo::resolve::{Change, Fix};
use lbuild_spec::edit::Edit;
use lbuild_spec::{Blueprint, SetField};
use serde_json::{Value, json};

use crate::family::Cause;
use crate::resolve::flavor_of_kernel;

/// Fields that cannot be without a value, or whose value says more than what the package is for.
const NEEDED: [&str; 3] = ["/outputs", "/users", "/base"];

/// The kernel, and the part of it that names its package.
const KERNEL: &str = "/kernel";
const FLAVOR: &str = "/kernel/flavor";

/// What a change of a package means for the field that asks for it.
#[derive(Debug, PartialEq)]
pub enum Meaning<'b> {
    /// The settings that ask for it go, and the field has its default.
    Unset(Vec<&'b SetField>),
    /// Another kernel flavor names the other package.
    Flavor(String),
    /// What every system of the base has is removed by this name.
    Remove(String),
    /// Only a person can say.
    ByHand,
}

/// A field as a spec writes it: `securityFeatures.ssh`.
pub fn name(field: &str) -> String {
    field.trim_start_matches('/').replace('/', ".")
}

/// The field that asks for the package which a change drops or names, and what the change means for it.
pub fn of<'b>(
    change: &Change,
    causes: &[Cause],
    blueprint: &'b Blueprint,
) -> Option<(&'static str, Meaning<'b>)> {
    let (Change::DropRequest { index } | Change::Rename { index, .. } | Change::AnyVersion { index }) =
        change
    else {
        return None;
    };
    let field = match causes.get(*index)? {
        Cause::Field(field) => field,
        Cause::Base(name) if matches!(change, Change::DropRequest { .. }) => {
            return Some(("/base", Meaning::Remove(name.clone())));
        }
        Cause::Base(_) => return Some(("/base", Meaning::ByHand)),
        Cause::Spec(_) => return None,
    };
    let meaning = match change {
        Change::DropRequest { .. } => {
            let set = set(field, blueprint);
            if set.is_empty() { Meaning::ByHand } else { Meaning::Unset(set) }
        }
        Change::Rename { name, .. } if *field == KERNEL => {
            let flavor = flavor_of_kernel(blueprint.base, blueprint.architecture, name);
            flavor.map_or(Meaning::ByHand, Meaning::Flavor)
        }
        _ => Meaning::ByHand,
    };
    Some((field, meaning))
}

/// The list in `repositories` that accepts what a switch names, and its entry: `keyword ~amd64 for dev-lang/zig`.
pub fn acceptance(switch: &str) -> Option<(&'static str, String)> {
    let (way, name) = way(switch);
    let (field, what) = match way.split_once(' ')? {
        ("keyword", what) => ("keywords", what),
        ("license", what) => ("licenses", what),
        _ => return None,
    };
    Some((field, name.map_or(what.to_owned(), |name| format!("{name} {what}"))))
}

/// What the spec sets of a field so that it asks for a package.
fn set<'b>(field: &str, blueprint: &'b Blueprint) -> Vec<&'b SetField> {
    if NEEDED.contains(&field) {
        return Vec::new();
    }
    let field = if field == KERNEL { FLAVOR } else { field };
    let is_of = |set: &&SetField| {
        set.pointer.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    blueprint.set.iter().filter(is_of).collect()
}

impl Meaning<'_> {
    /// The changes of the spec's text; `None` when only a person can make them.
    pub fn edits(&self, blueprint: &Blueprint) -> Option<Vec<Edit>> {
        match self {
            Self::Unset(set) => Some(set.iter().map(|set| Edit::Unset { at: set.origin.clone() }).collect()),
            Self::Flavor(flavor) => {
                let at = set(KERNEL, blueprint).first().map(|set| set.origin.clone());
                let path = ["kernel", "flavor"].map(str::to_owned).to_vec();
                Some(vec![Edit::Set { at, path, value: flavor.clone() }])
            }
            Self::Remove(name) => Some(vec![Edit::Append {
                path: vec!["remove".to_owned()],
                default: Vec::new(),
                value: name.clone(),
            }]),
            Self::ByHand => None,
        }
    }

    /// The same as operations of a JSON Patch.
    pub fn patch(&self) -> Vec<Value> {
        match self {
            Self::Unset(set) => set.iter().map(|set| json!({"op": "remove", "path": set.pointer})).collect(),
            Self::Flavor(flavor) => vec![json!({"op": "add", "path": FLAVOR, "value": flavor})],
            Self::Remove(name) => vec![json!({"op": "add", "path": "/remove/-", "value": name})],
            Self::ByHand => Vec::new(),
        }
    }
}

/// What a fix means for the fields that it touches.
pub fn note(fix: &Fix, causes: &[Cause], blueprint: &Blueprint) -> Option<String> {
    let mut notes: Vec<String> = Vec::new();
    for (field, meaning) in fix.changes.iter().filter_map(|change| of(change, causes, blueprint)) {
        let note = match &meaning {
            Meaning::Unset(set) => {
                let names: Vec<String> = set.iter().map(|set| format!("`{}`", name(&set.pointer))).collect();
                format!("with {}", names.join(", "))
            }
            Meaning::Flavor(flavor) => format!("by `kernel.flavor = {flavor}`"),
            Meaning::Remove(name) => format!("by `remove = {name}`"),
            Meaning::ByHand => format!("by hand: `{}` needs it", name(field)),
        };
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    (!notes.is_empty()).then(|| notes.join("; "))
}
