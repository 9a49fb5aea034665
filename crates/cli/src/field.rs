//! Fixes of what a field of the spec asks for, such as its kernel: no line asks for the package itself.

use lbuild_engine::Cause;
use lbuild_repo::resolve::{Change, Fix};
use lbuild_spec::Blueprint;
use lbuild_spec::SetField;

/// Fields that cannot be without a value, or whose value says more than what the package is for.
const NEEDED: [&str; 3] = ["/outputs", "/users", "/base"];

/// A field as a spec writes it: `securityFeatures.ssh`.
pub fn name(field: &str) -> String {
    field.trim_start_matches('/').replace('/', ".")
}

/// The field that asks for the package which a change drops or names.
pub fn of(change: &Change, causes: &[Cause]) -> Option<&'static str> {
    let (Change::DropRequest { index } | Change::Rename { index, .. } | Change::AnyVersion { index }) =
        change
    else {
        return None;
    };
    match causes.get(*index) {
        Some(Cause::Field(field)) => Some(field),
        Some(Cause::Spec(_)) | None => None,
    }
}

/// What the spec sets of a field so that it asks for a package; without it the field has its default.
pub fn set<'b>(field: &str, blueprint: &'b Blueprint) -> Vec<&'b SetField> {
    if NEEDED.contains(&field) {
        return Vec::new();
    }
    // Of a kernel, only its flavor names a package.
    let field = if field == "/kernel" { "/kernel/flavor" } else { field };
    let is_of = |set: &&SetField| {
        set.pointer.strip_prefix(field).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
    };
    blueprint.set.iter().filter(is_of).collect()
}

/// What a fix means for the fields that it touches.
pub fn note(fix: &Fix, causes: &[Cause], blueprint: &Blueprint) -> Option<String> {
    let mut notes: Vec<String> = Vec::new();
    for field in fix.changes.iter().filter_map(|change| of(change, causes)) {
        let note = match set(field, blueprint).first() {
            Some(set) => {
                format!("`{}` of {}:{} goes with it", name(&set.pointer), set.origin.file, set.origin.line)
            }
            None => format!("by hand: `{}` needs it, and no line says so", name(field)),
        };
        if !notes.contains(&note) {
            notes.push(note);
        }
    }
    (!notes.is_empty()).then(|| notes.join("; "))
}
