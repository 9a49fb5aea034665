//! The OpenAPI document, and a page that shows it.

use axum::extract::Request;
use axum::http::{HeaderValue, header};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::get;
use axum::{Json, Router};
use utoipa::openapi::OpenApi;
use utoipa_swagger_ui::{Config, SwaggerUi};

use crate::state::Service;

/// Everything that the page needs comes from here, and browsers make sure of that. Its styles are written into it.
const OWN_ALONE: HeaderValue = HeaderValue::from_static(
    "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; frame-ancestors 'none'",
);

/// `/openapi.json` and `/docs`.
pub fn routes(document: OpenApi) -> Router<Service> {
    let config = Config::new(["/openapi.json"]).validator_url("none");
    let page: Router<Service> = SwaggerUi::new("/docs").config(config).into();
    page.layer(middleware::from_fn(own_alone))
        .route("/openapi.json", get(move || async move { Json(document) }))
}

async fn own_alone(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, OWN_ALONE);
    response
}
