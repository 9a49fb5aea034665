//! Where the container images of builds are to go: checked before a build begins, and shown with it.

use lbuild_db::build::Build;
use lbuild_fetch::registry::InvalidTarget;
use lbuild_spec::Blueprint;
use lbuild_spec::model::Output;
use serde_json::Value;

use crate::auth::caller::Caller;
use crate::problem::{FieldError, Problem};
use crate::state::Service;
use crate::worker::push::Wanted;

/// The push as the queue keeps it.
pub async fn checked(
    service: &Service,
    caller: &Caller,
    wanted: &Wanted,
    blueprint: &Blueprint,
) -> Result<Value, Problem> {
    if let Err(error) = wanted.target() {
        let field = match error {
            InvalidTarget::Registry => "registry",
            InvalidTarget::Repository => "repository",
            InvalidTarget::Tag => "tag",
        };
        return Err(wrong(field, error.to_string()));
    }
    if !blueprint.outputs.contains(&Output::Oci) {
        let problem =
            Problem::invalid("`push` needs a container image: put `oci` among the `outputs` of the spec");
        return Err(problem);
    }
    if let Some(name) = &wanted.credentials {
        let secrets = service.db.secrets(caller.tenant).await?;
        if !secrets.iter().any(|secret| secret.name == *name) {
            let hint = format!("there is no secret `{name}`: `PUT /api/v1/secrets/{{name}}` keeps one");
            return Err(wrong("credentials", hint));
        }
    }
    serde_json::to_value(wanted).map_err(|error| Problem::internal(&error))
}

fn wrong(field: &str, detail: String) -> Problem {
    let error = FieldError {
        pointer: format!("/push/{field}"),
        code: "invalid".to_owned(),
        detail: detail.clone(),
        hint: None,
        line: None,
        column: None,
    };
    Problem { errors: vec![error], ..Problem::invalid(detail) }
}

/// What is shown of a build's push.
pub fn shown(build: &Build) -> Option<Value> {
    build.pushed.clone().or_else(|| {
        let wanted: Wanted = serde_json::from_value(build.push.clone()?).ok()?;
        Some(wanted.waiting())
    })
}
