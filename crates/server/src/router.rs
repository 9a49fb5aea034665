//! Every route, and the OpenAPI document that describes them.

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request};
use axum::http::StatusCode;
use axum::middleware;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use tower_http::catch_panic::CatchPanicLayer;
use utoipa::OpenApi;
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::api::{
    admin, artifacts, bases, builds, configurations, document, events, health, keys, layers, log, metrics,
    packages, pins, resolve, secrets, session, short, socket, specs, templates, tenant, webhooks,
};
use crate::contract;
use crate::faults::watch::watch;
use crate::limit::layer::admit;
use crate::metrics::count::count;
use crate::problem::Problem;
use crate::registry;
use crate::request;
use crate::state::Service;

#[derive(OpenApi)]
#[openapi(
    info(title = "lbuild", description = "Builds images of Linux systems from a description."),
    security(("key" = []), ("session" = [])),
    tags(
        (name = "builds", description = "Submit builds and see what becomes of them"),
        (name = "live", description = "What happens in a build, while it happens"),
        (name = "artifacts", description = "What builds made"),
        (name = "registry", description = "Container images, for podman and others"),
        (name = "specs", description = "Specs of systems"),
        (name = "configurations", description = "Specs that are kept, with every version"),
        (name = "templates", description = "Specs to begin with"),
        (name = "packages", description = "The packages of every base"),
        (name = "secrets", description = "Logins that builds use, and nobody reads again"),
        (name = "tenant", description = "The caller's own tenant"),
        (name = "session", description = "Sessions of browsers"),
        (name = "webhooks", description = "Who is told of builds elsewhere"),
        (name = "admin", description = "Keys, tenants, everybody's builds, the queue, the audit log"),
        (name = "operation", description = "Whether the service is well"),
    )
)]
struct Document;

fn routes() -> OpenApiRouter<Service> {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(builds::submit, builds::list))
        .routes(routes!(builds::get, builds::delete))
        .routes(routes!(builds::cancel))
        .routes(routes!(builds::retry))
        .routes(routes!(events::follow))
        .routes(routes!(log::read))
        .routes(routes!(artifacts::list))
        .routes(routes!(artifacts::download))
        .routes(routes!(pins::pin, pins::unpin))
        .routes(routes!(pins::pin_artifact, pins::unpin_artifact))
        .routes(routes!(registry::api::base))
        .routes(routes!(registry::api::tags))
        .routes(routes!(registry::api::manifest))
        .routes(routes!(registry::api::blob))
        .routes(routes!(socket::one))
        .routes(routes!(socket::many))
        .routes(routes!(specs::validate))
        .routes(routes!(specs::schema))
        .routes(routes!(resolve::resolve))
        .routes(routes!(layers::list, layers::of_spec))
        .routes(routes!(bases::list))
        .routes(routes!(packages::search))
        .routes(routes!(packages::details))
        .routes(routes!(configurations::create, configurations::list))
        .routes(routes!(configurations::get, configurations::replace, configurations::delete))
        .routes(routes!(configurations::versions))
        .routes(routes!(configurations::version))
        .routes(routes!(configurations::compare))
        .routes(routes!(templates::create, templates::list))
        .routes(routes!(templates::get, templates::replace, templates::delete))
        .routes(routes!(templates::fork))
        .routes(routes!(templates::share, templates::unshare))
        .routes(routes!(templates::shared))
        .routes(routes!(templates::fork_shared))
        .routes(routes!(webhooks::create, webhooks::list))
        .routes(routes!(webhooks::get, webhooks::change, webhooks::delete))
        .routes(routes!(webhooks::rotate))
        .routes(routes!(webhooks::test))
        .routes(routes!(webhooks::deliveries))
        .routes(routes!(webhooks::replay))
        .routes(routes!(keys::create, keys::list))
        .routes(routes!(keys::revoke))
        .routes(routes!(admin::tenants::create, admin::tenants::list))
        .routes(routes!(admin::tenants::change))
        .routes(routes!(admin::builds::list))
        .routes(routes!(admin::builds::requeue))
        .routes(routes!(admin::queue::show))
        .routes(routes!(admin::workers::list))
        .routes(routes!(admin::audit::read))
        .routes(routes!(secrets::put, secrets::delete))
        .routes(routes!(secrets::list))
        .routes(routes!(tenant::show))
        .routes(routes!(tenant::set_retention))
        .routes(routes!(session::login, session::show, session::logout))
        .routes(routes!(health::live))
        .routes(routes!(health::ready))
        .routes(routes!(metrics::metrics))
}

/// The OpenAPI document of the service.
pub fn openapi() -> utoipa::openapi::OpenApi {
    let mut document = routes().into_openapi();
    let scheme = SecurityScheme::Http(HttpBuilder::new().scheme(HttpAuthScheme::Bearer).build());
    let cookie = SecurityScheme::ApiKey(ApiKey::Cookie(ApiKeyValue::new("lbuild_session")));
    let components = document.components.get_or_insert_default();
    components.add_security_scheme("key", scheme);
    components.add_security_scheme("session", cookie);
    contract::complete(&mut document);
    document
}

/// Everything that the service answers.
pub fn router(service: Service) -> Router {
    let (routes, _) = routes().split_for_parts();
    routes
        .route("/health", get(health::ready))
        .route("/v2", get(registry::api::base))
        .merge(short::routes())
        .merge(document::routes(openapi()))
        .fallback(missing)
        .method_not_allowed_fallback(wrong_method)
        .layer(middleware::from_fn_with_state(service.clone(), admit))
        .layer(CatchPanicLayer::custom(panicked))
        .layer(middleware::from_fn_with_state(service.faults.clone(), watch))
        .layer(middleware::from_fn(registry::refusal::translate))
        .layer(middleware::from_fn(request::identify))
        .layer(middleware::from_fn_with_state(service.metrics.clone(), count))
        // bodies are read in one place, with its own limit
        .layer(DefaultBodyLimit::disable())
        .with_state(service)
}

/// Numbers and health for a network of the operator's own: nobody needs a key there.
pub fn inner_router(service: Service) -> Router {
    Router::new()
        .route("/metrics", get(metrics::open))
        .route("/health", get(health::ready))
        .route("/health/live", get(health::live))
        .route("/health/ready", get(health::ready))
        .fallback(missing)
        .with_state(service)
}

async fn missing() -> Problem {
    Problem::not_found()
}

async fn wrong_method(request: Request) -> Problem {
    Problem::new(StatusCode::METHOD_NOT_ALLOWED, "method-not-allowed", "The method is not allowed here")
        .detail(format!("`{}` is not one of those in `Allow`", request.method()))
}

fn panicked(_: Box<dyn std::any::Any + Send>) -> Response {
    tracing::error!("a handler panicked");
    Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", "The service failed").into_response()
}
