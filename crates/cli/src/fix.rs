//! Writes a fix of a conflict into the spec, where a person would write it.

use std::path::Path;

use lbuild_engine::{Cause, Conflict};
use lbuild_repo::resolve::{Change, Fix, Root};
use lbuild_spec::edit::{Edit, edit};
use lbuild_spec::{Blueprint, Origin, PackageRequest, Source, Sourced};

use crate::failure::{Exit, Failure};
use crate::field;
use crate::file;
use crate::spec_file;

/// Writes fix `number`, which counts from 1, into the spec at `path`; gives its label.
///
/// Each fix was tried as a change of what is asked for. One that takes a field out of the spec does more than that, so
/// that `solves` tries the changed spec once more.
pub fn apply(
    number: usize,
    conflict: &Conflict,
    blueprint: &Blueprint,
    path: &Path,
    solves: &dyn Fn(&Blueprint) -> Result<(), Failure>,
) -> Result<String, Failure> {
    let fixes = &conflict.reason.fixes;
    let fix = number.checked_sub(1).and_then(|at| fixes.get(at)).ok_or_else(|| {
        let known = match fixes.len() {
            0 => "no fix was found".to_owned(),
            1 => "there is only fix 1".to_owned(),
            count => format!("there are fixes 1 to {count}"),
        };
        Failure::new(Exit::Usage, format!("there is no fix {number} for this conflict")).hint(known)
    })?;
    let source = spec_file::read(path)?;
    let by_hand = |error: &(dyn std::error::Error + 'static)| {
        Failure::because(Exit::Spec, format!("fix {number} cannot be written into `{}`", source.file), error)
            .hint(format!("change the spec by hand: {}", fix.label))
    };
    let spec = lbuild_spec::parse(&source).map_err(|errors| by_hand(&errors))?;
    let edits = edits(fix, conflict, blueprint)?;
    let text = edit(&spec, &source, &edits).map_err(|error| by_hand(&error))?;
    let changed = Source { text, ..source.clone() };
    let after = spec_file::check(&changed).map_err(|errors| by_hand(&errors))?;
    if fix.changes.iter().any(|change| field::of(change, &conflict.causes, blueprint).is_some()) {
        solves(&after)?;
    }
    file::replace(path, &changed.text)
        .map_err(|error| Failure::because(Exit::Build, format!("cannot write `{}`", source.file), &error))?;
    Ok(fix.label.clone())
}

fn edits(fix: &Fix, conflict: &Conflict, blueprint: &Blueprint) -> Result<Vec<Edit>, Failure> {
    let places = Places { causes: &conflict.causes, roots: &conflict.reason.roots, blueprint };
    let edits: Result<Vec<Vec<Edit>>, Failure> =
        fix.changes.iter().map(|change| places.edits(change)).collect();
    edits.map(|edits| edits.concat())
}

struct Places<'a> {
    causes: &'a [Cause],
    roots: &'a [Root],
    blueprint: &'a Blueprint,
}

impl Places<'_> {
    /// What a field asks for changes with the field.
    fn edits(&self, change: &Change) -> Result<Vec<Edit>, Failure> {
        let Some((field, meaning)) = field::of(change, self.causes, self.blueprint) else {
            return self.edit(change).map(|edit| vec![edit]);
        };
        meaning.edits(self.blueprint).ok_or_else(|| {
            let name = field::name(field);
            Failure::new(
                Exit::Spec,
                format!("`{name}` needs what this fix takes away, and no line asks for it"),
            )
            .hint(format!("change `{name}` by hand, or take another fix"))
        })
    }

    fn edit(&self, change: &Change) -> Result<Edit, Failure> {
        Ok(match change {
            Change::DropRequest { index } => Edit::Drop { at: self.request(*index)?.origin.clone() },
            Change::DropRemoval { index } => Edit::Drop { at: self.removal(*index)? },
            Change::Rename { index, name } => {
                Edit::Replace { at: self.request(*index)?.origin.clone(), with: name.clone() }
            }
            Change::AnyVersion { index } => {
                let request = self.request(*index)?;
                let PackageRequest { name, suite, .. } = &request.value;
                let suite = suite.as_ref().map_or(String::new(), |suite| format!("/{suite}"));
                Edit::Replace { at: request.origin.clone(), with: format!("{name}{suite}") }
            }
            Change::FromSuite { index, suite } => {
                if let Some(Cause::Field(_) | Cause::Base(_)) = self.causes.get(*index) {
                    // Beside the field, a request of its own says where the package is taken from.
                    let is_meant = |root: &&Root| root.index == Some(*index) && !root.removal;
                    let root = self.roots.iter().find(is_meant).ok_or_else(no_line)?;
                    return Ok(append(&["packages"], &[], &format!("{}/{suite}", root.request)));
                }
                let request = self.request(*index)?;
                let with = format!("{}/{suite}", request.value.name);
                Edit::Replace { at: request.origin.clone(), with }
            }
            Change::LeaveOut { name } => append(&["remove"], &[], name),
            Change::DropPin { index } => Edit::Drop { at: self.pin(*index)? },
            Change::Enable { switch } => enabling(switch, self.blueprint),
        })
    }

    fn request(&self, index: usize) -> Result<&Sourced<PackageRequest>, Failure> {
        match self.causes.get(index) {
            Some(Cause::Spec(index)) => self.blueprint.packages.get(*index).ok_or_else(no_line),
            Some(Cause::Field(_) | Cause::Base(_)) | None => Err(no_line()),
        }
    }

    fn removal(&self, index: usize) -> Result<Origin, Failure> {
        self.blueprint.remove.get(index).map(|removal| removal.origin.clone()).ok_or_else(no_line)
    }

    /// Pins of higher layers count first.
    fn pin(&self, index: usize) -> Result<Origin, Failure> {
        let mut pins: Vec<&Origin> = self.blueprint.repositories.pins.iter().map(|pin| &pin.origin).collect();
        pins.sort_by_key(|origin| std::cmp::Reverse(origin.layer));
        pins.get(index).map(|origin| (*origin).clone()).ok_or_else(no_line)
    }
}

/// Switches a source on: `component contrib`, `suite trixie-backports`, `license unRAR for app-arch/unrar`.
fn enabling(switch: &str, blueprint: &Blueprint) -> Edit {
    if let Some(component) = switch.strip_prefix("component ") {
        let usual = lbuild_engine::usual_components(blueprint);
        let usual: Vec<&str> = usual.iter().map(String::as_str).collect();
        return append(&["repositories", "components"], &usual, component);
    }
    if let Some((field, value)) = field::acceptance(switch) {
        return append(&["repositories", field], &[], &value);
    }
    let suite = switch.rsplit('-').next().unwrap_or_default();
    Edit::Enable { path: ["repositories", "suites", suite].map(str::to_owned).to_vec() }
}

fn append(path: &[&str], default: &[&str], value: &str) -> Edit {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    Edit::Append { path: owned(path), default: owned(default), value: value.to_owned() }
}

/// What a fix would change stands in no line of the spec.
fn no_line() -> Failure {
    Failure::new(Exit::Spec, "this fix changes something that no line of the spec says")
}
