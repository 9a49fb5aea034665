//! Secrets of the caller's tenant: kept, named, forgotten, and never shown again.

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use lbuild_db::secret::Secret;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Json, name};
use super::given::Path;
use super::time;
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::problem::Problem;
use crate::state::Service;

/// Longest part of a secret, in bytes.
const LONGEST: usize = 16 << 10;

/// Who pushes to a registry.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegistryLogin {
    /// Name.
    pub username: String,
    /// Password or token.
    pub password: String,
}

/// What is known about a secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SecretView {
    /// What its owner calls it.
    name: String,
    /// RFC 3339.
    created_at: String,
    /// RFC 3339.
    used_at: Option<String>,
}

impl From<Secret> for SecretView {
    fn from(secret: Secret) -> Self {
        Self { name: secret.name, created_at: time(secret.created_at), used_at: secret.used_at.map(time) }
    }
}

/// Keep the login of a registry, in place of one of the same name.
#[utoipa::path(put, path = "/api/v1/secrets/{name}", tag = "secrets", params(("name" = String, Path)),
    request_body = RegistryLogin,
    responses((status = 204, description = "It is kept"), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
pub async fn put(
    State(service): State<Service>,
    caller: Caller,
    Path(given): Path<String>,
    Json(login): Json<RegistryLogin>,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::ConfigWrite)?;
    let name = name(&given)?;
    if login.username.contains(':') || login.username.is_empty() || login.password.is_empty() {
        return Err(Problem::invalid("`username` and `password` are not empty, and `username` has no colon"));
    }
    if login.username.len() + login.password.len() > LONGEST {
        return Err(Problem::invalid(format!("a secret has {} KiB at most", LONGEST >> 10)));
    }
    let text = serde_json::to_vec(&login).map_err(|error| Problem::internal(&error))?;
    let sealed =
        service.sealer.seal(caller.tenant, name, &text).map_err(|error| Problem::internal(&error))?;
    service.db.put_secret(caller.tenant, name, &sealed).await?;
    service.db.audit(&caller.entry("secret.put", name)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// List the secrets, without what they are.
#[utoipa::path(get, path = "/api/v1/secrets", tag = "secrets",
    responses((status = 200, body = Vec<SecretView>), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn list(
    State(service): State<Service>,
    caller: Caller,
) -> Result<JsonAnswer<Vec<SecretView>>, Problem> {
    caller.require(Scope::ConfigWrite)?;
    let secrets = service.db.secrets(caller.tenant).await?;
    Ok(JsonAnswer(secrets.into_iter().map(SecretView::from).collect()))
}

/// Forget a secret.
#[utoipa::path(delete, path = "/api/v1/secrets/{name}", tag = "secrets", params(("name" = String, Path)),
    responses((status = 204, description = "It is forgotten"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn delete(
    State(service): State<Service>,
    caller: Caller,
    Path(name): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::ConfigWrite)?;
    if !service.db.delete_secret(caller.tenant, &name).await? {
        return Err(Problem::not_found());
    }
    service.db.audit(&caller.entry("secret.delete", name)).await?;
    Ok(StatusCode::NO_CONTENT)
}
