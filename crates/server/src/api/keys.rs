//! API keys of the caller's own tenant.

use axum::Json as JsonAnswer;
use axum::extract::State;
use axum::http::StatusCode;
use lbuild_db::TenantId;
use lbuild_db::key::{ApiKey, NewKey};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::{Json, name};
use super::given::Path;
use super::time;
use crate::auth::caller::Caller;
use crate::auth::key::KeyText;
use crate::auth::scope::Scope;
use crate::problem::Problem;
use crate::state::Service;

/// A key that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct KeyRequest {
    /// What its owner calls it.
    name: String,
    /// What it may do.
    scopes: Vec<Scope>,
    /// RFC 3339; never, when absent.
    #[serde(default)]
    expires_at: Option<String>,
    /// Whose it is; the caller's own tenant, when absent.
    #[serde(default)]
    tenant: Option<String>,
}

/// A key, without its secret.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct KeyView {
    id: String,
    tenant: String,
    name: String,
    scopes: Vec<String>,
    created_at: String,
    expires_at: Option<String>,
    last_used_at: Option<String>,
    revoked_at: Option<String>,
}

/// A new key. The key itself is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct NewKeyView {
    /// The public part, by which it is revoked.
    id: String,
    /// The key: `lb_live_...`.
    key: String,
}

impl From<ApiKey> for KeyView {
    fn from(key: ApiKey) -> Self {
        Self {
            id: key.id,
            tenant: key.tenant.to_string(),
            name: key.name,
            scopes: key.scopes,
            created_at: time(key.created_at),
            expires_at: key.expires_at.map(time),
            last_used_at: key.last_used_at.map(time),
            revoked_at: key.revoked_at.map(time),
        }
    }
}

/// Make a key.
#[utoipa::path(post, path = "/api/v1/admin/keys", tag = "admin", request_body = KeyRequest,
    responses((status = 201, body = NewKeyView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(service): State<Service>,
    caller: Caller,
    Json(request): Json<KeyRequest>,
) -> Result<(StatusCode, JsonAnswer<NewKeyView>), Problem> {
    caller.require(Scope::Admin)?;
    let name = name(&request.name)?;
    if request.scopes.is_empty() {
        return Err(Problem::invalid("`scopes` names what the key may do"));
    }
    let expires = request.expires_at.as_deref().map(str::parse::<jiff::Timestamp>).transpose();
    let expires =
        expires.map_err(|_| Problem::invalid("`expiresAt` is a time such as 2027-01-31T00:00:00Z"))?;
    let tenant = tenant_of(&service, &caller, request.tenant.as_deref()).await?;
    let text = KeyText::generate().map_err(|error| Problem::internal(&error))?;
    let new = NewKey {
        id: text.id().to_owned(),
        tenant,
        name: name.to_owned(),
        secret_sha256: text.secret_sha256(),
        scopes: request.scopes.iter().map(|scope| scope.name().to_owned()).collect(),
        expires_at: expires.map(jiff::Timestamp::as_millisecond),
    };
    service.db.create_key(&new).await?;
    service.db.audit(&caller.entry("key.create", text.id())).await?;
    let view = NewKeyView { id: text.id().to_owned(), key: text.reveal() };
    Ok((StatusCode::CREATED, JsonAnswer(view)))
}

async fn tenant_of(service: &Service, caller: &Caller, id: Option<&str>) -> Result<TenantId, Problem> {
    let Some(id) = id else { return Ok(caller.tenant) };
    let missing = || Problem::invalid("`tenant` is not the id of a tenant");
    let id: TenantId = id.parse().map_err(|_| missing())?;
    Ok(service.db.tenant(id).await?.ok_or_else(missing)?.id)
}

/// List the keys of the caller's tenant.
#[utoipa::path(get, path = "/api/v1/admin/keys", tag = "admin",
    responses((status = 200, body = Vec<KeyView>), (status = 401, body = Problem), (status = 403, body = Problem)))]
pub async fn list(
    State(service): State<Service>,
    caller: Caller,
) -> Result<JsonAnswer<Vec<KeyView>>, Problem> {
    caller.require(Scope::Admin)?;
    let keys = service.db.keys(caller.tenant).await?;
    Ok(JsonAnswer(keys.into_iter().map(KeyView::from).collect()))
}

/// Revoke a key. It is dead everywhere within five seconds, on open streams too.
#[utoipa::path(delete, path = "/api/v1/admin/keys/{id}", tag = "admin", params(("id" = String, Path)),
    responses((status = 204, description = "It is revoked"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn revoke(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::Admin)?;
    if id == caller.key {
        return Err(Problem::conflict("this is the key that you use; revoke it with another one"));
    }
    if !service.db.revoke_key(&id).await? {
        return Err(Problem::not_found());
    }
    service.db.audit(&caller.entry("key.revoke", id)).await?;
    Ok(StatusCode::NO_CONTENT)
}
