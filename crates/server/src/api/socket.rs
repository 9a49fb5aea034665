//! Builds over a WebSocket: one build, or as many as the client asks for.
//!
//! Browsers cannot send an `Authorization` header here, so a client without one, and without the cookie of a
//! session, says `{"type": "auth", "key": "..."}`
//! first. Never is a key part of an address.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::ws::{CloseFrame, Message, Utf8Bytes, WebSocket, WebSocketUpgrade, close_code};
use axum::extract::{FromRequestParts, State};
use axum::http::HeaderMap;
use axum::http::request::Parts;
use axum::response::Response;
use lbuild_db::BuildId;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::events::data;
use super::given::Path;
use crate::auth::caller::{Caller, Identity, Shown};
use crate::auth::scope::Scope;
use crate::auth::session::same_origin;
use crate::limit::address::Address;
use crate::live::follow::{Follower, Next};
use crate::problem::Problem;
use crate::request;
use crate::state::Service;

/// How long a client may take to say who it is.
const INTRODUCTION: Duration = Duration::from_secs(5);

/// Largest message of a client, in bytes.
const LARGEST: usize = 16 << 10;

/// Builds that one connection may follow.
const MOST: usize = 50;

/// Messages under way to a client.
const UNDER_WAY: usize = 64;

/// Who opens a connection.
pub struct Who {
    identity: Identity,
    address: Address,
    headers: HeaderMap,
}

impl FromRequestParts<Service> for Who {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &Service) -> Result<Self, Infallible> {
        Ok(Self {
            identity: parts.extensions.get::<Identity>().cloned().unwrap_or(Identity::Nobody),
            address: Address::of(request::peer(&parts.extensions)),
            headers: parts.headers.clone(),
        })
    }
}

/// What a client says.
#[derive(Deserialize)]
#[serde(tag = "type", rename_all = "lowercase", deny_unknown_fields)]
enum Said {
    Auth {
        key: String,
    },
    Subscribe {
        build: String,
        #[serde(default)]
        after: i64,
    },
}

/// Follow one build.
#[utoipa::path(get, path = "/ws/builds/{id}", tag = "live", params(("id" = String, Path)),
    responses((status = 101, description = "A WebSocket"), (status = 400, body = Problem)))]
pub async fn one(
    State(service): State<Service>,
    Path(id): Path<String>,
    who: Who,
    socket: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    open(service, Some(id), who, socket)
}

/// Follow builds that are asked for by `{"type": "subscribe", "build": "...", "after": 0}`.
#[utoipa::path(get, path = "/ws", tag = "live",
    responses((status = 101, description = "A WebSocket"), (status = 400, body = Problem)))]
pub async fn many(
    State(service): State<Service>,
    who: Who,
    socket: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    open(service, None, who, socket)
}

fn open(
    service: Service,
    build: Option<String>,
    who: Who,
    socket: Result<WebSocketUpgrade, axum::extract::ws::rejection::WebSocketUpgradeRejection>,
) -> Result<Response, Problem> {
    let socket = socket.map_err(|error| Problem::malformed(error.body_text()))?;
    // a page of another site must not use this one's connections
    if !same_origin(&who.headers) {
        return Err(Problem::csrf("the connection comes from a page of another site"));
    }
    let caller = match who.identity {
        Identity::Known(caller) => Some(caller),
        Identity::Nobody => None,
        Identity::Unsure(problem) => return Err(problem),
        Identity::Unknown | Identity::Barred(_) => return Err(Problem::unauthorized()),
    };
    let socket = socket.max_message_size(LARGEST).max_frame_size(LARGEST);
    let connection = move |socket| Connection { service, socket, address: who.address };
    Ok(socket.on_upgrade(move |socket| connection(socket).serve(caller, build)))
}

struct Connection {
    service: Service,
    socket: WebSocket,
    address: Address,
}

impl Connection {
    async fn serve(mut self, caller: Option<Caller>, build: Option<String>) {
        let caller = match caller {
            Some(caller) => Some(caller),
            None => self.introduced().await,
        };
        let Some(caller) = caller.filter(|caller| caller.may(Scope::BuildRead)) else {
            return self.close(close_code::POLICY, "a valid API key with `build:read` is needed").await;
        };
        let _open = match self.service.meter.stream(&caller) {
            Ok(open) => open,
            Err(problem) => return self.close(close_code::AGAIN, &problem.detail.unwrap_or_default()).await,
        };
        let (sender, mut receiver) = mpsc::channel(UNDER_WAY);
        let mut followed = Followed { service: self.service.clone(), caller, sender, tasks: JoinSet::new() };
        let single = build.is_some();
        if let Some(build) = build
            && let Err(why) = followed.add(&build, 0).await
        {
            return self.close(close_code::POLICY, &why).await;
        }
        loop {
            tokio::select! {
                Some(text) = receiver.recv() => {
                    if self.socket.send(Message::Text(text)).await.is_err() {
                        return;
                    }
                }
                Some(_) = followed.tasks.join_next(), if single => {
                    while let Ok(text) = receiver.try_recv() {
                        if self.socket.send(Message::Text(text)).await.is_err() {
                            return;
                        }
                    }
                    return self.close(close_code::NORMAL, "the build has ended").await;
                }
                message = self.socket.recv() => {
                    let Some(Ok(message)) = message else { return };
                    let Message::Text(text) = message else { continue };
                    if let Err(why) = followed.hear(&text).await {
                        return self.close(close_code::POLICY, &why).await;
                    }
                }
            }
        }
    }

    async fn introduced(&mut self) -> Option<Caller> {
        let message = timeout(INTRODUCTION, self.socket.recv()).await.ok()??.ok()?;
        let Said::Auth { key } = serde_json::from_str(message.to_text().ok()?).ok()? else { return None };
        match self.service.identify(&Shown::Key(key), self.address).await {
            Identity::Known(caller) => Some(caller),
            _ => None,
        }
    }

    async fn close(mut self, code: u16, reason: &str) {
        let frame = CloseFrame { code, reason: Utf8Bytes::from(reason) };
        // the client may be gone already
        let _ = self.socket.send(Message::Close(Some(frame))).await;
    }
}

/// The builds that one client follows.
struct Followed {
    service: Service,
    caller: Caller,
    sender: mpsc::Sender<Utf8Bytes>,
    tasks: JoinSet<()>,
}

impl Followed {
    /// Does what the client says; why not.
    async fn hear(&mut self, text: &str) -> Result<(), String> {
        match serde_json::from_str(text) {
            Ok(Said::Subscribe { build, after }) => self.add(&build, after).await,
            Ok(Said::Auth { .. }) => Ok(()),
            Err(error) => Err(format!("the message cannot be read: {error}")),
        }
    }

    async fn add(&mut self, build: &str, after: i64) -> Result<(), String> {
        while self.tasks.try_join_next().is_some() {}
        if self.tasks.len() >= MOST {
            return Err(format!("a connection follows {MOST} builds at most"));
        }
        let missing = || "there is no such build".to_owned();
        let id: BuildId = build.parse().map_err(|_| missing())?;
        let found = self.service.db.builds(self.caller.tenant).get(id).await;
        found.map_err(|_| "the database does not answer".to_owned())?.ok_or_else(missing)?;
        let follower = Follower::new(self.service.clone(), self.caller.clone(), id, after.max(0));
        self.tasks.spawn(tell(follower, id, self.sender.clone()));
        Ok(())
    }
}

async fn tell(mut follower: Follower, build: BuildId, sender: mpsc::Sender<Utf8Bytes>) {
    loop {
        let (message, goes_on) = match follower.next().await {
            Ok(Next::Event(event)) => {
                let message = json!({
                    "build": build, "id": event.seq, "type": event.event.kind, "data": data(&event),
                });
                (message, true)
            }
            Ok(Next::Silence) => (json!({ "build": build, "type": "heartbeat" }), true),
            Ok(Next::End) => (json!({ "build": build, "type": "end" }), false),
            Ok(Next::Unwelcome) => (json!({ "build": build, "type": "unauthorized" }), false),
            Err(_) => (json!({ "build": build, "type": "interrupted" }), false),
        };
        if sender.send(Utf8Bytes::from(message.to_string())).await.is_err() || !goes_on {
            return;
        }
    }
}
