//! Connections: taken, counted, and closed when the other end is too slow.
//!
//! | module | purpose |
//! |---|---|
//! | [`pace`] | a client that does not read what it asked for loses its connection |
//! | [`seats`] | so many connections, and half of them for one address at most |

pub mod pace;
pub mod seats;

use std::convert::Infallible;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::ConnectInfo;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse as _, Response};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tower::ServiceExt as _;

use crate::limit::Limits;
use crate::limit::address::Address;
use crate::problem::Problem;
use pace::Paced;
use seats::Seats;

/// Connections beyond the limits that are told so; further ones are closed without a word.
const TURNED_AWAY: usize = 64;

/// How long that may take.
const FAREWELL: Duration = Duration::from_secs(2);

/// How long to wait when the system has no more connections to give.
const EXHAUSTED: Duration = Duration::from_millis(200);

/// How long bytes may be under way without a sign of the other end, in milliseconds.
const VANISHED: u32 = 60_000;

/// Serves what comes in, for ever.
pub async fn listen(listener: TcpListener, app: Router, limits: Limits) {
    let seats = Arc::new(Seats::new(limits.connections.min(most_connections())));
    let farewells = Arc::new(Semaphore::new(TURNED_AWAY));
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) if gone_already(&error) => continue,
            Err(error) => {
                tracing::warn!(%error, "cannot take a connection");
                tokio::time::sleep(EXHAUSTED).await;
                continue;
            }
        };
        // all clients of a proxy of ours come from its address
        let alone = !limits.proxies.trust(peer.ip());
        if let Some(seat) = Seats::take(&seats, Address::of(Some(peer.ip())), alone) {
            let (app, limits) = (app.clone(), limits.clone());
            tokio::spawn(async move {
                serve(stream, peer, app, &limits).await;
                drop(seat);
            });
        } else if let Ok(permit) = Arc::clone(&farewells).try_acquire_owned() {
            tokio::spawn(async move {
                let _ = tokio::time::timeout(FAREWELL, turn_away(stream)).await;
                drop(permit);
            });
        }
    }
}

async fn serve(stream: TcpStream, peer: SocketAddr, app: Router, limits: &Limits) {
    let _ = stream.set_nodelay(true);
    let _ = rustix::net::sockopt::set_tcp_user_timeout(&stream, VANISHED);
    let proxies = limits.proxies.clone();
    let service = service_fn(move |request: Request<Incoming>| {
        let mut request = request.map(Body::new);
        let client = proxies.client(peer, request.headers());
        request.extensions_mut().insert(ConnectInfo(client));
        app.clone().oneshot(request)
    });
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new()).header_read_timeout(limits.header);
    let io = TokioIo::new(Paced::new(stream, limits.pace));
    // an error is the client's: it went away, was too slow, or sent something that is no HTTP
    if let Err(error) = http.serve_connection(io, service).with_upgrades().await {
        tracing::debug!(%error, "a connection broke off");
    }
}

/// Says that there are too many connections.
async fn turn_away(stream: TcpStream) {
    let service = service_fn(async |_: Request<Incoming>| {
        let problem = Problem::new(StatusCode::SERVICE_UNAVAILABLE, "connections", "Too many connections")
            .detail("close connections that are not used, or try again")
            .retry_after(1);
        Ok::<Response, Infallible>(problem.into_response())
    });
    let mut http = http1::Builder::new();
    let _ = http.keep_alive(false).serve_connection(TokioIo::new(stream), service).await;
}

/// The client hung up before its turn came.
fn gone_already(error: &io::Error) -> bool {
    use io::ErrorKind::{ConnectionAborted, ConnectionRefused, ConnectionReset};
    matches!(error.kind(), ConnectionAborted | ConnectionRefused | ConnectionReset)
}

/// Raises the number of files that may be open, as far as it helps; how many connections they are enough for, with a
/// file for each and some for everything else.
fn most_connections() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    const WANTED: u64 = 20_000;
    const OTHERS: u64 = 256;
    let now = getrlimit(Resource::Nofile);
    let possible = now.maximum.unwrap_or(WANTED).min(WANTED);
    let mut files = now.current.unwrap_or(u64::MAX);
    if files < possible && setrlimit(Resource::Nofile, Rlimit { current: Some(possible), ..now }).is_ok() {
        files = possible;
    }
    usize::try_from(files.saturating_sub(OTHERS) / 2).unwrap_or(usize::MAX).max(1)
}
