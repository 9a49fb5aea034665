//! Faults of the service itself, told to Sentry when the operator names a DSN.
//!
//! A fault says where it happened, the innermost cause, and the ids of the request or the build, by which the log has
//! the rest. What callers sent (specs, headers, secrets) is never in it.
//!
//! | module | purpose |
//! |---|---|
//! | [`dsn`] | where faults go |
//! | [`event`] | a fault as Sentry reads it |
//! | [`cause`] | what an error may tell others |
//! | [`repeats`] | telling the same fault once in a while |
//! | [`watch`] | finds faults among answers and panics |

pub mod cause;
pub mod dsn;
pub mod event;
pub mod repeats;
pub mod watch;

use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

use lbuild_fetch::{FetchError, Message, Poster, Reach};

use crate::problem::chain;
pub use dsn::Dsn;
use repeats::Repeats;

/// Faults that wait to be sent; further ones are not told.
const WAITING: usize = 64;

/// How long nothing is sent after the receiver asked for quiet and did not say for how long, as Sentry's protocol has it.
const QUIET: Duration = Duration::from_mins(1);

/// A fault of the service.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// `internal`, `database`, `store`, `panic` or `worker`.
    pub kind: String,
    /// The route, the step or the line of our code.
    pub place: String,
    /// The innermost cause.
    pub cause: String,
    /// More about it: ids above all.
    pub tags: Vec<(&'static str, String)>,
}

/// What the thread that sends does next.
enum Order {
    Tell(Fault),
    Answer(SyncSender<()>),
}

/// Tells faults, if anybody wants to know. Clones tell the same receiver.
#[derive(Debug, Clone, Default)]
pub struct Faults {
    orders: Option<SyncSender<Order>>,
}

impl Faults {
    /// Tells whoever is behind `dsn`. Nothing but the server that it names is reached.
    pub fn to(dsn: Dsn) -> Result<Self, FetchError> {
        let poster = Poster::new(Reach::Public { except: vec![dsn.server()] })?;
        let (orders, received) = sync_channel(WAITING);
        thread::spawn(move || send(&poster, &dsn, &received));
        Ok(Self { orders: Some(orders) })
    }

    /// Tells of a fault, without waiting.
    pub fn tell(&self, fault: Fault) {
        if let Some(orders) = &self.orders {
            // the log has what cannot be sent as fast as it happens
            let _ = orders.try_send(Order::Tell(fault));
        }
    }

    /// Waits until what was told is sent, at most so long.
    pub fn flush(&self, patience: Duration) {
        let Some(orders) = &self.orders else { return };
        let (done, answered) = sync_channel(1);
        if orders.try_send(Order::Answer(done)).is_ok() {
            let _ = answered.recv_timeout(patience);
        }
    }
}

/// Sends what it is told, one after the other, until nobody can tell it anything any more.
fn send(poster: &Poster, dsn: &Dsn, orders: &Receiver<Order>) {
    let (mut repeats, mut quiet_until) = (Repeats::default(), Instant::now());
    for order in orders {
        let fault = match order {
            Order::Tell(fault) => fault,
            Order::Answer(done) => {
                // whoever asked may have stopped waiting
                let _ = done.send(());
                continue;
            }
        };
        let now = Instant::now();
        let Some(untold) = repeats.admit(&fault, now) else { continue };
        if now >= quiet_until {
            quiet_until = now + post(poster, dsn, &event::envelope(&fault, untold));
        }
    }
}

/// Sends one; how long nothing may be sent after it.
fn post(poster: &Poster, dsn: &Dsn, body: &[u8]) -> Duration {
    let headers = [
        ("content-type", "application/x-sentry-envelope".to_owned()),
        ("x-sentry-auth", dsn.authorization()),
    ];
    match poster.post(&Message { url: &dsn.url(), headers: &headers, body }) {
        Ok(answer) if answer.status == 429 => answer.retry_after.unwrap_or(QUIET),
        Ok(answer) if answer.status >= 300 => {
            tracing::warn!(status = answer.status, "a fault could not be told");
            answer.retry_after.unwrap_or_default()
        }
        Ok(_) => Duration::ZERO,
        Err(error) => {
            tracing::warn!(error = chain(&error), "a fault could not be told");
            Duration::ZERO
        }
    }
}
