//! What every request has: an id that its answer, its problems and its log lines share.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, MatchedPath, Request};
use axum::http::{Extensions, HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use tracing::Instrument as _;
use uuid::Uuid;

/// The header that carries it, both ways.
const HEADER: HeaderName = HeaderName::from_static("x-request-id");

/// Longest id that is taken over from a caller.
const LONGEST: usize = 64;

#[derive(Clone)]
struct Context {
    id: String,
    address: String,
}

tokio::task_local! {
    static CONTEXT: Context;
}

/// The same work as a part of this request, in another thread.
pub fn carry<T>(work: impl FnOnce() -> T) -> impl FnOnce() -> T {
    let context = CONTEXT.try_with(Clone::clone).ok();
    let span = tracing::Span::current();
    move || {
        span.in_scope(|| match context {
            Some(context) => CONTEXT.sync_scope(context, work),
            None => work(),
        })
    }
}

/// The id of the request that is being served.
pub fn id() -> String {
    CONTEXT.try_with(|context| context.id.clone()).unwrap_or_default()
}

/// The address that it came from.
pub fn address() -> String {
    CONTEXT.try_with(|context| context.address.clone()).unwrap_or_default()
}

/// The address of the other end of a request's connection.
pub fn peer(extensions: &Extensions) -> Option<IpAddr> {
    extensions.get::<ConnectInfo<SocketAddr>>().map(|ConnectInfo(address)| address.ip())
}

/// Gives the request its id: the caller's, when it is harmless, else a new one. Logs how it was answered.
pub async fn identify(request: Request, next: Next) -> Response {
    let given = request.headers().get(HEADER).and_then(|value| value.to_str().ok());
    let harmless = |id: &&str| {
        (1..=LONGEST).contains(&id.len())
            && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let id = given.filter(harmless).map_or_else(|| Uuid::now_v7().to_string(), str::to_owned);
    let address = peer(request.extensions()).map(|address| address.to_string()).unwrap_or_default();
    let route = request.extensions().get::<MatchedPath>().map_or("", MatchedPath::as_str).to_owned();
    let span = tracing::info_span!("request", id, method = %request.method(), route);
    let began = std::time::Instant::now();
    let serve = async move {
        let response = next.run(request).await;
        tracing::info!(
            status = response.status().as_u16(),
            milliseconds = began.elapsed().as_millis(),
            "answered"
        );
        response
    };
    let context = Context { id: id.clone(), address };
    let mut response = CONTEXT.scope(context, serve.instrument(span)).await;
    if let Ok(value) = HeaderValue::from_str(&id) {
        response.headers_mut().insert(HEADER, value);
    }
    response
}
