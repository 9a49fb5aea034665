//! Finds faults among the answers to requests, and panics anywhere in the process.

use std::panic;

use axum::extract::{MatchedPath, Request, State};
use axum::middleware::Next;
use axum::response::Response;

use super::{Fault, Faults};
use crate::problem::Problem;
use crate::request;

/// Tells of every answer that the service is to blame for. What it has no cause for was a panic and is told as one.
pub async fn watch(State(faults): State<Faults>, request: Request, next: Next) -> Response {
    let route = request.extensions().get::<MatchedPath>().map_or("none", MatchedPath::as_str).to_owned();
    let method = request.method().as_str().to_owned();
    let response = next.run(request).await;
    let problem = response.extensions().get::<Problem>();
    if let Some((problem, cause)) = problem.and_then(|problem| Some((problem, problem.cause.clone()?))) {
        let kind = problem.kind.rsplit(':').next().unwrap_or_default().to_owned();
        let tags =
            vec![("request_id", request::id()), ("method", method), ("status", problem.status.to_string())];
        faults.tell(Fault { kind, place: route, cause, tags });
    }
    response
}

/// Tells of every panic of this process from now on, besides what was done about them before. What it said is not told:
/// it may have parts of a spec in it.
pub fn watch_panics(faults: Faults) {
    let before = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let place = info.location().map(|place| format!("{}:{}", place.file(), place.line()));
        let id = request::id();
        let tags = if id.is_empty() { Vec::new() } else { vec![("request_id", id)] };
        faults.tell(Fault {
            kind: "panic".to_owned(),
            place: place.unwrap_or_default(),
            cause: "a thread panicked".to_owned(),
            tags,
        });
        before(info);
    }));
}
