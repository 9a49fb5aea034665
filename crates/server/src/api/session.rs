//! Sessions of browsers: log in with an API key, see who is logged in, log out.

use std::time::Duration;

use axum::Json as JsonAnswer;
use axum::extract::{Extension, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::body::Json;
use super::time;
use crate::auth::caller::{Caller, Identity, Shown};
use crate::auth::session::{Cookie, is_secure, removals, same_origin, token};
use crate::limit::address::Address;
use crate::problem::Problem;
use crate::state::Service;

/// Where sessions begin and end.
pub const SESSION: &str = "/api/v1/session";

/// How long a session lasts.
const LIFETIME: Duration = Duration::from_hours(12);

/// Who logs in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    /// An API key.
    key: String,
}

/// A session.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct SessionView {
    /// The tenant.
    tenant: String,
    /// The public part of the key.
    key: String,
    /// What the key may do.
    scopes: Vec<String>,
    /// What requests that change something send as `X-CSRF-Token`.
    csrf_token: String,
    /// RFC 3339.
    expires_at: String,
}

fn view(service: &Service, caller: &Caller, session: &str, expires_at: i64) -> SessionView {
    SessionView {
        tenant: caller.tenant.to_string(),
        key: caller.key.clone(),
        scopes: caller.scopes().map(|scope| scope.name().to_owned()).collect(),
        csrf_token: token(&service.signer, session),
        expires_at: time(expires_at),
    }
}

/// Log in: the answer sets a cookie that stands for the key.
#[utoipa::path(post, path = "/api/v1/session", tag = "session", request_body = Login,
    responses((status = 201, body = SessionView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 415, body = Problem)), security(()))]
pub async fn login(
    State(service): State<Service>,
    Extension(address): Extension<Address>,
    headers: HeaderMap,
    Json(login): Json<Login>,
) -> Result<Response, Problem> {
    if !same_origin(&headers) {
        return Err(Problem::csrf("the request comes from a page of another site"));
    }
    let caller = match service.identify(&Shown::Key(login.key), address).await {
        Identity::Known(caller) => caller,
        Identity::Barred(standing) => return Err(Problem::exhausted(&standing)),
        Identity::Unsure(problem) => return Err(problem),
        Identity::Nobody | Identity::Unknown => {
            return Err(Problem::unauthorized().detail("the key is not valid"));
        }
    };
    let cookie = Cookie::generate().map_err(|error| Problem::internal(&error))?;
    let session = cookie.sha256();
    let expires_at = service.db.begin_session(&session, &caller.key, LIFETIME).await?;
    service.db.audit(&caller.entry("session.begin", caller.key.clone())).await?;
    let set = cookie.set(is_secure(&headers), LIFETIME.as_secs());
    let view = JsonAnswer(view(&service, &caller, &session, expires_at));
    Ok(kept_private((StatusCode::CREATED, [(header::SET_COOKIE, set)], view).into_response()))
}

/// See the session, and its token.
#[utoipa::path(get, path = "/api/v1/session", tag = "session",
    responses((status = 200, body = SessionView), (status = 401, body = Problem), (status = 404, body = Problem)))]
pub async fn show(State(service): State<Service>, caller: Caller) -> Result<Response, Problem> {
    let session = caller.session().ok_or_else(no_session)?;
    let found = service.db.session(session).await?.ok_or_else(Problem::unauthorized)?;
    let view = view(&service, &caller, session, found.expires_at);
    Ok(kept_private(JsonAnswer(view).into_response()))
}

/// Log out.
#[utoipa::path(delete, path = "/api/v1/session", tag = "session",
    responses((status = 204, description = "It has ended"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn logout(State(service): State<Service>, caller: Caller) -> Result<Response, Problem> {
    let session = caller.session().ok_or_else(no_session)?;
    service.db.end_session(session).await?;
    service.callers.forget(session);
    service.db.audit(&caller.entry("session.end", caller.key.clone())).await?;
    let mut response = StatusCode::NO_CONTENT.into_response();
    for removal in removals() {
        if let Ok(value) = HeaderValue::from_str(&removal) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
    Ok(response)
}

fn no_session() -> Problem {
    Problem::not_found().detail("the request came with a key and not with the cookie of a session")
}

fn kept_private(mut response: Response) -> Response {
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
