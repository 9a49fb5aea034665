//! Takes messages that are due, sends them, and notes what became of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use lbuild_db::Database;
use lbuild_db::delivery::{Due, Outcome};
use lbuild_fetch::{Answer, Message, Poster, TransferError};
use serde_json::Value as Json;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use super::message::Format;
use super::schedule::pause;
use super::secret::{Secret, message_id};
use crate::problem::chain;
use crate::sign::Signer;

/// How long one attempt may take before the message counts as nobody's: longer than the patience of a sending.
const LEASE: Duration = Duration::from_mins(1);

/// How often it looks for messages that are due.
const LOOK: Duration = Duration::from_secs(1);

/// How often it forgets old messages.
const TIDY: Duration = Duration::from_hours(1);

/// Messages on their way at the same time.
const TOGETHER: usize = 16;

/// Sends messages.
#[derive(Clone)]
pub struct Courier {
    /// Where they are.
    pub db: Database,
    /// Who carries them.
    pub poster: Arc<Poster>,
    /// What the secrets of webhooks are derived from.
    pub signer: Arc<Signer>,
}

impl Courier {
    /// Sends until it is stopped. What is on its way then is sent again after its lease.
    pub async fn run(self, stop: CancellationToken) {
        let mut sending = JoinSet::new();
        let mut tidied: Option<Instant> = None;
        while !stop.is_cancelled() {
            while sending.try_join_next().is_some() {}
            if tidied.is_none_or(|at| at.elapsed() > TIDY) {
                tidied = Some(Instant::now());
                self.tidy().await;
            }
            let due = if sending.len() < TOGETHER { self.due().await } else { None };
            if let Some(due) = due {
                let courier = self.clone();
                sending.spawn(async move { courier.send(due).await });
                continue;
            }
            tokio::select! {
                () = tokio::time::sleep(LOOK) => {}
                () = stop.cancelled() => {}
            }
        }
    }

    async fn tidy(&self) {
        if let Err(error) = self.db.forget_deliveries().await {
            tracing::warn!(error = chain(&error), "cannot forget old messages of webhooks");
        }
    }

    /// Takes the message that is due first.
    pub async fn due(&self) -> Option<Due> {
        let due = self.db.claim_delivery(LEASE).await;
        due.inspect_err(|error| tracing::warn!(error = chain(error), "cannot look for messages of webhooks"))
            .ok()
            .flatten()
    }

    /// One attempt to send one message.
    pub async fn send(&self, due: Due) {
        let (poster, prepared) = (Arc::clone(&self.poster), Prepared::new(&self.signer, &due));
        let url = due.url.clone();
        let answered = tokio::task::spawn_blocking(move || prepared.post(&poster, &url)).await;
        // a sending that panicked is one that failed
        let answered = answered.ok();
        let chance = f64::from(u8::try_from(due.now & 0xff).unwrap_or_default()) / 255.0;
        let (outcome, failure) = judge(&due, answered.as_ref(), chance);
        let status = answered.and_then(Result::ok).map(|answer| answer.status);
        let message = message_id(due.id);
        match self.db.end_attempt(&due, &outcome, status, failure.as_deref()).await {
            Ok(_) => tracing::info!(message, attempt = due.attempts, ?outcome, "webhook"),
            // it is sent again after its lease
            Err(error) => {
                tracing::warn!(message, error = chain(&error), "cannot note what became of a webhook");
            }
        }
    }
}

/// What goes over the wire.
struct Prepared {
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

impl Prepared {
    fn new(signer: &Signer, due: &Due) -> Self {
        let payload: Json = serde_json::from_str(&due.payload).unwrap_or_default();
        let format = Format::of(&due.format).unwrap_or(Format::Standard);
        let body = format.body(&payload).to_string().into_bytes();
        let mut headers = vec![("content-type", "application/json".to_owned())];
        if format == Format::Standard {
            let (id, seconds) = (message_id(due.id), due.now / 1000);
            let sign = |generation| Secret::of(signer, due.webhook, generation).sign(&id, seconds, &body);
            let mut signatures = sign(due.generation);
            if due.overlap {
                signatures = format!("{signatures} {}", sign(due.generation - 1));
            }
            headers.push(("webhook-timestamp", seconds.to_string()));
            headers.push(("webhook-signature", signatures));
            headers.push(("webhook-id", id));
        }
        Self { headers, body }
    }

    fn post(&self, poster: &Poster, url: &str) -> Result<Answer, TransferError> {
        poster.post(&Message { url, headers: &self.headers, body: &self.body })
    }
}

/// What an answer means for a message, and what its owner is told. The causes of errors stay here: they could tell of
/// the network that the service is in.
fn judge(
    due: &Due,
    answered: Option<&Result<Answer, TransferError>>,
    chance: f64,
) -> (Outcome, Option<String>) {
    let asked = match answered {
        Some(Ok(Answer { status: 200..=299, .. })) => return (Outcome::Delivered, None),
        Some(Ok(Answer { status: 410, .. })) => {
            let reason = "the server answered that it is gone for good (410)".to_owned();
            return (Outcome::Disabled { reason: reason.clone() }, Some(reason));
        }
        Some(Err(error @ (TransferError::Forbidden { .. } | TransferError::Insecure { .. }))) => {
            return (Outcome::Disabled { reason: error.to_string() }, Some(error.to_string()));
        }
        Some(Ok(answer)) => answer.retry_after,
        _ => None,
    };
    let failure = match answered {
        Some(Ok(Answer { status: 300..=399, .. })) => {
            "the server sent it elsewhere, which is not followed".to_owned()
        }
        Some(Ok(answer)) => format!("the server answered with status {}", answer.status),
        Some(Err(error)) => error.to_string(),
        None => "it could not be sent".to_owned(),
    };
    let outcome = match pause(due.attempts, chance) {
        Some(delay) => Outcome::Again { delay: delay.max(asked.unwrap_or_default()) },
        None => Outcome::Disabled { reason: format!("nothing came through for three days: {failure}") },
    };
    (outcome, Some(failure))
}
