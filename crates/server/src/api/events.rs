//! The live stream of a build: server-sent events, from any event on, each once.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderName, HeaderValue};
use axum::response::sse::{Event as Sse, Sse as Stream};
use axum::response::{IntoResponse as _, Response};
use futures_util::stream;
use lbuild_db::event::Event;
use serde_json::Value;

use super::builds::own;
use super::given::Path;
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::live::follow::{Follower, Next};
use crate::problem::{Problem, chain};
use crate::state::Service;

/// How long a client waits before it connects again.
const RETRY: Duration = Duration::from_secs(1);

/// Follow a build. Each event has a number; `Last-Event-ID` goes on behind it.
#[utoipa::path(get, path = "/api/v1/builds/{id}/events", tag = "live",
    params(("id" = String, Path), ("Last-Event-ID" = Option<i64>, Header, description = "The last event that is known")),
    responses((status = 200, content_type = "text/event-stream", body = String), (status = 400, body = Problem),
        (status = 401, body = Problem), (status = 403, body = Problem), (status = 404, body = Problem)))]
pub async fn follow(
    State(service): State<Service>,
    caller: Caller,
    Path(id): Path<String>,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    caller.require(Scope::BuildRead)?;
    let build = own(&service, &caller, &id).await?;
    let after = match headers.get("last-event-id") {
        None => 0,
        Some(value) => {
            let number = value.to_str().ok().and_then(|text| text.parse::<i64>().ok()).filter(|&n| n >= 0);
            number.ok_or_else(|| Problem::malformed("`Last-Event-ID` is the number of an event"))?
        }
    };
    let open = service.meter.stream(&caller)?;
    let follower = Follower::new(service.clone(), caller, build.id, after);
    let events = stream::unfold(Some((follower, open)), |stream| async move {
        let (mut follower, open) = stream?;
        let (event, goes_on) = match follower.next().await {
            Ok(Next::Event(event)) => (sse(&event), true),
            Ok(Next::Silence) => (Sse::default().comment(""), true),
            Ok(Next::End) => (Sse::default().event("end").data("{}"), false),
            Ok(Next::Unwelcome) => (Sse::default().event("unauthorized").data("{}"), false),
            Err(error) => {
                tracing::warn!(error = chain(&error), "a stream broke off");
                return None;
            }
        };
        Some((Ok::<_, Infallible>(event), goes_on.then_some((follower, open))))
    });
    let mut response = Stream::new(events).into_response();
    // a proxy that gathers output would make the stream useless
    let name = HeaderName::from_static("x-accel-buffering");
    response.headers_mut().insert(name, HeaderValue::from_static("no"));
    Ok(response)
}

fn sse(event: &Event) -> Sse {
    let sse = Sse::default().id(event.seq.to_string()).event(&event.event.kind).data(data(event).to_string());
    if event.seq == 1 { sse.retry(RETRY) } else { sse }
}

/// What an event says, with its time.
pub fn data(event: &Event) -> Value {
    let mut data = event.event.data.clone();
    if let Some(object) = data.as_object_mut() {
        object.insert("at".to_owned(), event.event.at.into());
    }
    data
}
