//! Fixes written into the text of a spec, where a person would write them.

use lbuild_repo::resolve::{Change, Fix, Root};
use lbuild_spec::edit::{Edit, EditError, edit};
use lbuild_spec::{Blueprint, Diagnostics, Origin, PackageRequest, Source, Sourced};

use super::{Conflict, field};
use crate::family::Cause;

/// A spec with a fix in it.
#[derive(Debug, Clone)]
pub struct Fixed {
    /// The changed text; not yet checked.
    pub source: Source,
    /// It changes a field. That does more than what was tried, so that the changed spec is to be solved once more.
    pub of_field: bool,
}

/// Why a fix cannot be written into a spec; a person can still make the change.
#[derive(Debug, thiserror::Error)]
pub enum FixError {
    /// A field has a default that asks for the package.
    #[error("`{name}` needs what this fix takes away, and no line asks for it")]
    Field {
        /// The field, with dots.
        name: String,
    },
    /// What is to change is nowhere in the text.
    #[error("this fix changes something that no line of the spec says")]
    NoLine,
    /// The text is no spec any more.
    #[error("the spec cannot be read")]
    Spec(#[source] Diagnostics),
    /// The text has a form in which the place cannot be changed.
    #[error(transparent)]
    Edit(#[from] EditError),
}

/// Writes a fix of a conflict into the text that `blueprint` was made from.
pub fn fixed(
    fix: &Fix,
    conflict: &Conflict,
    blueprint: &Blueprint,
    source: &Source,
) -> Result<Fixed, FixError> {
    let spec = lbuild_spec::parse(source).map_err(FixError::Spec)?;
    let text = edit(&spec, source, &edits(fix, conflict, blueprint)?)?;
    let of_field = fix.changes.iter().any(|change| field::of(change, &conflict.causes, blueprint).is_some());
    Ok(Fixed { source: Source { text, ..source.clone() }, of_field })
}

fn edits(fix: &Fix, conflict: &Conflict, blueprint: &Blueprint) -> Result<Vec<Edit>, FixError> {
    let places = Places { causes: &conflict.causes, roots: &conflict.reason.roots, blueprint };
    let edits: Result<Vec<Vec<Edit>>, FixError> =
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
    fn edits(&self, change: &Change) -> Result<Vec<Edit>, FixError> {
        let Some((field, meaning)) = field::of(change, self.causes, self.blueprint) else {
            return self.edit(change).map(|edit| vec![edit]);
        };
        meaning.edits(self.blueprint).ok_or_else(|| FixError::Field { name: field::name(field) })
    }

    fn edit(&self, change: &Change) -> Result<Edit, FixError> {
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
                    let root = self.roots.iter().find(is_meant).ok_or(FixError::NoLine)?;
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

    fn request(&self, index: usize) -> Result<&Sourced<PackageRequest>, FixError> {
        match self.causes.get(index) {
            Some(Cause::Spec(index)) => self.blueprint.packages.get(*index).ok_or(FixError::NoLine),
            Some(Cause::Field(_) | Cause::Base(_)) | None => Err(FixError::NoLine),
        }
    }

    fn removal(&self, index: usize) -> Result<Origin, FixError> {
        self.blueprint.remove.get(index).map(|removal| removal.origin.clone()).ok_or(FixError::NoLine)
    }

    /// Pins of higher layers count first.
    fn pin(&self, index: usize) -> Result<Origin, FixError> {
        let mut pins: Vec<&Origin> = self.blueprint.repositories.pins.iter().map(|pin| &pin.origin).collect();
        pins.sort_by_key(|origin| std::cmp::Reverse(origin.layer));
        pins.get(index).map(|origin| (*origin).clone()).ok_or(FixError::NoLine)
    }
}

/// Switches a source on: `component contrib`, `suite trixie-backports`, `license unRAR for app-arch/unrar`.
fn enabling(switch: &str, blueprint: &Blueprint) -> Edit {
    if let Some(component) = switch.strip_prefix("component ") {
        let usual = crate::usual_components(blueprint);
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
