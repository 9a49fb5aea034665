//! Writes a fix of a conflict into the spec, where a person would write it.

use std::path::Path;

use lbuild_engine::Conflict;
use lbuild_engine::conflict::{FixError, fixed};
use lbuild_spec::Blueprint;

use crate::failure::{Exit, Failure};
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
    let changed = fixed(fix, conflict, blueprint, &source).map_err(|error| match &error {
        FixError::Field { name } => Failure::new(Exit::Spec, error.to_string())
            .hint(format!("change `{name}` by hand, or take another fix")),
        FixError::NoLine => Failure::new(Exit::Spec, error.to_string()),
        FixError::Spec(errors) => by_hand(errors),
        FixError::Edit(error) => by_hand(error),
    })?;
    let after = spec_file::check(&changed.source).map_err(|errors| by_hand(&errors))?;
    if changed.of_field {
        solves(&after)?;
    }
    file::replace(path, &changed.source.text)
        .map_err(|error| Failure::because(Exit::Build, format!("cannot write `{}`", source.file), &error))?;
    Ok(fix.label.clone())
}
