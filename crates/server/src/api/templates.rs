//! Templates: specs to begin with, those that come with the program and a tenant's own, which it can share by a link.

use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use lbuild_db::document::Document;
use lbuild_db::template::{Template, Written};
use lbuild_db::{TemplateId, TenantId};
use lbuild_spec::templates::{TEMPLATES, Template as BuiltIn};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use utoipa::ToSchema;

use super::body::{DocumentBody, Json as Body, name};
use super::configurations::{ConfigurationView, DocumentRequest, SpecView, document, keep};
use super::given::{Path, Query};
use super::page::{self, PageQuery, Wanted};
use super::revision::{self, expected, tagged, unwritten};
use super::{idempotency, time};
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::problem::Problem;
use crate::state::Service;
use crate::worker::task;

/// Whoever may read templates has one of these.
const READERS: [Scope; 4] = [Scope::BuildCreate, Scope::BuildRead, Scope::ConfigWrite, Scope::TemplateWrite];

/// Bytes of the secret in a link.
const SECRET: usize = 32;

/// The version of a template that comes with the program.
const FIRST: i64 = 1;

/// A template.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplateView {
    /// Its id: a UUID of version 7, or the name of one that comes with the program.
    id: String,
    /// It comes with the program and cannot be changed.
    built_in: bool,
    /// How often it was written; also the `ETag`.
    version: i64,
    /// What its owner calls it.
    name: String,
    /// What it is for.
    description: String,
    /// Base of the image.
    base: String,
    /// Whoever has the link can read it.
    shared: bool,
    /// RFC 3339; absent when it comes with the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    created_at: Option<String>,
    /// RFC 3339; absent when it comes with the program.
    #[serde(skip_serializing_if = "Option::is_none")]
    updated_at: Option<String>,
}

/// A template with its spec.
#[derive(Debug, Serialize, ToSchema)]
pub struct TemplateDetails {
    #[serde(flatten)]
    template: TemplateView,
    #[serde(flatten)]
    spec: SpecView,
}

/// A page of templates.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct TemplatePage {
    /// Those that come with the program, on the first page.
    built_in: Vec<TemplateView>,
    /// The tenant's own, the youngest first.
    templates: Vec<TemplateView>,
    /// Where the next page begins, when there is one.
    next_cursor: Option<String>,
}

/// What a configuration that begins with a template is called.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ForkRequest {
    /// The name of the template, when absent.
    #[serde(default)]
    name: Option<String>,
}

/// A link to a template. It is shown this once.
#[derive(Debug, Serialize, ToSchema)]
pub struct ShareView {
    /// The secret part.
    token: String,
    /// Where whoever has it reads the template, without a key.
    url: String,
}

impl From<Template> for TemplateView {
    fn from(template: Template) -> Self {
        Self {
            id: template.id.to_string(),
            built_in: false,
            version: template.version,
            name: template.name,
            description: template.description,
            base: template.base,
            shared: template.shared,
            created_at: Some(time(template.created_at)),
            updated_at: Some(time(template.updated_at)),
        }
    }
}

/// A template as its readers see it.
struct Found {
    view: TemplateView,
    spec: String,
}

impl Found {
    fn built_in(template: BuiltIn) -> Result<Self, Problem> {
        let source = template.source("template");
        let blueprint = task::check(&source).map_err(|diagnostics| Problem::spec(&diagnostics))?;
        let view = TemplateView {
            id: template.name.to_owned(),
            built_in: true,
            version: FIRST,
            name: template.name.to_owned(),
            description: template.description().to_owned(),
            base: blueprint.base.key().to_owned(),
            shared: false,
            created_at: None,
            updated_at: None,
        };
        Ok(Self { view, spec: task::store(&source) })
    }

    fn own(written: Written) -> Self {
        Self { view: written.template.into(), spec: written.spec }
    }

    fn answer(self) -> Result<Response, Problem> {
        let version = self.view.version;
        let spec = SpecView::of(&self.spec)?;
        Ok(tagged(version, Json(TemplateDetails { template: self.view, spec })))
    }

    /// A configuration of the caller's with this spec.
    async fn fork(
        self,
        service: &Service,
        caller: &Caller,
        request: ForkRequest,
    ) -> Result<Response, Problem> {
        let wanted = request.name.unwrap_or(self.view.name);
        let document = Document {
            name: name(&wanted)?.to_owned(),
            description: String::new(),
            base: self.view.base,
            spec: self.spec,
        };
        keep(service, caller, &document, None).await
    }
}

/// A template that comes with the program, or one of the tenant's own.
async fn find(service: &Service, tenant: TenantId, id: &str) -> Result<Found, Problem> {
    match BuiltIn::of(id) {
        Some(template) => Found::built_in(template),
        None => Ok(Found::own(own(service, tenant, id).await?)),
    }
}

/// A template of the tenant's own; a foreign one is not there.
async fn own(service: &Service, tenant: TenantId, id: &str) -> Result<Written, Problem> {
    let id: TemplateId = id.parse().map_err(|_| Problem::not_found())?;
    service.db.templates(tenant).get(id).await?.ok_or_else(Problem::not_found)
}

/// The same to change it.
async fn changeable(service: &Service, caller: &Caller, id: &str) -> Result<Template, Problem> {
    if BuiltIn::of(id).is_some() {
        return Err(Problem::conflict(format!(
            "`{id}` comes with the program; make a template of your own from its spec"
        )));
    }
    Ok(own(service, caller.tenant, id).await?.template)
}

/// Keep a template.
#[utoipa::path(post, path = "/api/v1/templates", tag = "templates",
    params(("Idempotency-Key" = Option<String>, Header, description = "Makes a repetition of this request harmless")),
    request_body(content((DocumentRequest = "application/json"), (String = "application/toml"), (String = "application/yaml"))),
    responses((status = 201, body = TemplateView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 409, body = Problem), (status = 413, body = Problem),
        (status = 415, body = Problem), (status = 422, body = Problem)))]
pub async fn create(
    State(service): State<Service>,
    caller: Caller,
    headers: HeaderMap,
    body: DocumentBody,
) -> Result<Response, Problem> {
    caller.require(Scope::TemplateWrite)?;
    let idempotency = idempotency::given(&headers, &body.bytes)?;
    let document = document(&body)?;
    let entry = caller.entry("template.create", "");
    let all = service.db.templates(caller.tenant);
    let kept = all.create(&document, idempotency.as_ref(), &entry).await.map_err(unwritten)?;
    let (version, view) = (kept.document.version, TemplateView::from(kept.document));
    Ok(revision::kept(format!("/api/v1/templates/{}", view.id), version, view, kept.repeated))
}

/// List the templates.
#[utoipa::path(get, path = "/api/v1/templates", tag = "templates", params(PageQuery),
    responses((status = 200, body = TemplatePage), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem)))]
pub async fn list(
    State(service): State<Service>,
    caller: Caller,
    Query(wanted): Query<PageQuery>,
) -> Result<Response, Problem> {
    caller.require_one(&READERS)?;
    let Wanted { before, limit } = Wanted::of(&wanted)?;
    let shown = if before.is_none() { TEMPLATES } else { &[] };
    let built_in = shown.iter().map(|template| Ok(Found::built_in(*template)?.view));
    let built_in = built_in.collect::<Result<_, Problem>>()?;
    let mut found = service.db.templates(caller.tenant).list(before, limit + 1).await?;
    let next_cursor = page::cut(&mut found, limit, |last| last.id.to_string());
    let templates = found.into_iter().map(TemplateView::from).collect();
    let next = next_cursor.clone();
    let page = TemplatePage { built_in, templates, next_cursor };
    Ok(page::linked(Json(page), "/api/v1/templates", limit, next.as_deref()))
}

/// See a template.
#[utoipa::path(get, path = "/api/v1/templates/{id}", tag = "templates", params(("id" = String, Path)),
    responses((status = 200, body = TemplateDetails), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem)))]
pub async fn get(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    caller.require_one(&READERS)?;
    find(&service, caller.tenant, &id).await?.answer()
}

/// Write a template anew, if nobody else has since the version that `If-Match` names.
#[utoipa::path(put, path = "/api/v1/templates/{id}", tag = "templates",
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The `ETag` of what you have read")),
    request_body(content((DocumentRequest = "application/json"), (String = "application/toml"), (String = "application/yaml"))),
    responses((status = 200, body = TemplateView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem),
        (status = 422, body = Problem), (status = 428, body = Problem)))]
pub async fn replace(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
    body: DocumentBody,
) -> Result<Response, Problem> {
    caller.require(Scope::TemplateWrite)?;
    let before = changeable(&service, &caller, &id).await?;
    let version = expected(&headers)?;
    let name = body.name.clone().or(Some(before.name));
    let description = body.description.clone().or(Some(before.description));
    let document = document(&DocumentBody { name, description, ..body })?;
    let entry = caller.entry("template.write", "");
    let all = service.db.templates(caller.tenant);
    let written = all.replace(before.id, version, &document, &entry).await.map_err(unwritten)?;
    Ok(tagged(written.version, Json(TemplateView::from(written))))
}

/// Forget a template and its link, if nobody has written since the version that `If-Match` names.
#[utoipa::path(delete, path = "/api/v1/templates/{id}", tag = "templates",
    params(("id" = String, Path), ("If-Match" = String, Header, description = "The `ETag` of what you have read")),
    responses((status = 204, description = "It is gone"), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 412, body = Problem), (status = 428, body = Problem)))]
pub async fn delete(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::TemplateWrite)?;
    let template = changeable(&service, &caller, &id).await?;
    let version = expected(&headers)?;
    let entry = caller.entry("template.delete", "");
    service.db.templates(caller.tenant).delete(template.id, version, &entry).await.map_err(unwritten)?;
    Ok(StatusCode::NO_CONTENT)
}

/// Begin a configuration with a template.
#[utoipa::path(post, path = "/api/v1/templates/{id}/fork", tag = "templates", params(("id" = String, Path)),
    request_body = ForkRequest,
    responses((status = 201, body = ConfigurationView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 415, body = Problem), (status = 422, body = Problem)))]
pub async fn fork(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
    Body(request): Body<ForkRequest>,
) -> Result<Response, Problem> {
    caller.require(Scope::ConfigWrite)?;
    find(&service, caller.tenant, &id).await?.fork(&service, &caller, request).await
}

/// Make a link by which anybody reads a template, without a key. An earlier link leads nowhere any more.
#[utoipa::path(post, path = "/api/v1/templates/{id}/share", tag = "templates", params(("id" = String, Path)),
    responses((status = 201, body = ShareView), (status = 401, body = Problem), (status = 403, body = Problem),
        (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn share(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<(StatusCode, Json<ShareView>), Problem> {
    caller.require(Scope::TemplateWrite)?;
    let template = changeable(&service, &caller, &id).await?;
    let mut secret = [0; SECRET];
    getrandom::fill(&mut secret).map_err(|error| Problem::internal(&error))?;
    let token = hex::encode(secret);
    let entry = caller.entry("template.share", "");
    let hash = hash(&token);
    service.db.templates(caller.tenant).share(template.id, Some(&hash), &entry).await.map_err(unwritten)?;
    let url = format!("/api/v1/shared/{token}");
    Ok((StatusCode::CREATED, Json(ShareView { token, url })))
}

/// Take the link of a template back.
#[utoipa::path(delete, path = "/api/v1/templates/{id}/share", tag = "templates", params(("id" = String, Path)),
    responses((status = 204, description = "There is no link any more"), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem)))]
pub async fn unshare(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<StatusCode, Problem> {
    caller.require(Scope::TemplateWrite)?;
    let template = changeable(&service, &caller, &id).await?;
    let entry = caller.entry("template.unshare", "");
    service.db.templates(caller.tenant).share(template.id, None, &entry).await.map_err(unwritten)?;
    Ok(StatusCode::NO_CONTENT)
}

/// What is kept of a link's secret: it has too many bits to be guessed from its hash.
fn hash(token: &str) -> String {
    hex::encode(Sha256::digest(token))
}

async fn shared_by(service: &Service, token: &str) -> Result<Found, Problem> {
    let found = service.db.shared_template(&hash(token)).await?;
    found.map(Found::own).ok_or_else(Problem::not_found)
}

/// Read a template by its link.
#[utoipa::path(get, path = "/api/v1/shared/{token}", tag = "templates", params(("token" = String, Path)), security(()),
    responses((status = 200, body = TemplateDetails), (status = 404, body = Problem)))]
pub async fn shared(State(service): State<Service>, Path(token): Path<String>) -> Result<Response, Problem> {
    let found = shared_by(&service, &token).await?;
    // the address is the secret
    let quiet = [(header::REFERRER_POLICY, "no-referrer"), (header::CACHE_CONTROL, "no-store")];
    Ok((quiet, found.answer()?).into_response())
}

/// Begin a configuration with a template that somebody shared.
#[utoipa::path(post, path = "/api/v1/shared/{token}/fork", tag = "templates", params(("token" = String, Path)),
    request_body = ForkRequest,
    responses((status = 201, body = ConfigurationView), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 404, body = Problem), (status = 409, body = Problem),
        (status = 415, body = Problem), (status = 422, body = Problem)))]
pub async fn fork_shared(
    State(service): State<Service>,
    caller: Caller,
    Path(token): Path<String>,
    Body(request): Body<ForkRequest>,
) -> Result<Response, Problem> {
    caller.require(Scope::ConfigWrite)?;
    shared_by(&service, &token).await?.fork(&service, &caller, request).await
}
