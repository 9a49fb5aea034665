//! The connection to NATS: work is handed out by a stream of JetStream, each hint to one idle worker; cancellations and
//! news go to everybody.

use std::sync::Arc;
use std::time::Duration;

use async_nats::connection::State;
use async_nats::jetstream::consumer::{AckPolicy, PullConsumer, pull};
use async_nats::jetstream::stream::{Config, DiscardPolicy, RetentionPolicy, StorageType};
use async_nats::jetstream::{self, Context, Message};
use async_nats::{Client, ConnectErrorKind, ConnectOptions, ServerAddr};
use bytes::Bytes;
use futures_util::StreamExt as _;
use lbuild_db::BuildId;
use tokio::sync::mpsc;
use tokio::time::{sleep, timeout};
use uuid::Uuid;

use super::{Heard, News};
use crate::failpoint;
use crate::problem::chain;

/// How long the first connection may take.
const PATIENCE: Duration = Duration::from_secs(5);

/// Longest wait between two attempts to connect again.
const AGAIN: Duration = Duration::from_secs(2);

/// How long a hint is worth something: by then everybody has looked.
const STALE: Duration = Duration::from_mins(1);

/// How long a worker has to follow a hint before another one gets it.
const FOLLOWED: Duration = Duration::from_secs(10);

/// How long one question for a hint waits at the server.
const QUESTION: Duration = Duration::from_secs(30);

/// Hints that wait at the same time; more say nothing new.
const MOST: i64 = 10_000;

/// Messages that wait to be sent, or to be heard.
const UNDER_WAY: usize = 1024;

/// Why there is no connection.
#[derive(Debug, thiserror::Error)]
pub enum NatsError {
    /// The address.
    #[error("`{0}` is not the address of a NATS server, such as nats://HOST:4222")]
    Address(String),
    /// The server refuses.
    #[error("the NATS server refuses the connection")]
    Refused(#[source] async_nats::ConnectError),
    /// The server has no streams.
    #[error("the NATS server has no JetStream")]
    Streams(#[source] Box<dyn std::error::Error + Send + Sync>),
}

enum Said {
    Work(BuildId),
    Cancel(BuildId),
    News(News),
}

/// A connection to NATS.
pub struct Nats {
    client: Client,
    streams: Context,
    subjects: Arc<Subjects>,
    said: mpsc::Sender<Said>,
}

/// Names, apart from those of other services at the same server.
struct Subjects {
    stream: String,
    work: String,
    cancel: String,
    news: String,
}

impl Subjects {
    fn of(service: &str) -> Self {
        let subject = |name: &str| format!("lbuild.{service}.{name}");
        Self {
            stream: format!("lbuild-work-{service}"),
            work: subject("work"),
            cancel: subject("cancel"),
            news: subject("news"),
        }
    }
}

/// A hint that was given to us alone.
pub struct Task(Message);

impl Task {
    pub(super) async fn done(self) {
        failpoint::reach("before-ack");
        if let Err(error) = self.0.ack().await {
            tracing::debug!(%error, "a hint comes again");
        }
    }
}

impl Nats {
    /// Connects. `service` is a name that all processes of a service share. A server that is away is waited for; one
    /// that refuses is an error.
    pub async fn connect(address: &str, service: &str) -> Result<Self, NatsError> {
        let server: ServerAddr = address.parse().map_err(|_| NatsError::Address(redacted(address)))?;
        let delay =
            |attempt| Duration::from_millis(100).saturating_mul(1 << usize::min(attempt, 5)).min(AGAIN);
        let options = || {
            ConnectOptions::new()
                .name("lbuild")
                // what this process says it knows
                .no_echo()
                .connection_timeout(PATIENCE)
                .ping_interval(Duration::from_secs(5))
                .reconnect_delay_callback(delay)
        };
        let client = match options().connect(server.clone()).await {
            Ok(client) => client,
            Err(error) if is_away(error.kind()) => {
                tracing::warn!(error = chain(&error), "NATS is away; builds are looked for without it");
                let later = options().retry_on_initial_connect().connect(server).await;
                later.map_err(NatsError::Refused)?
            }
            Err(error) => return Err(NatsError::Refused(error)),
        };
        let (said, receiver) = mpsc::channel(UNDER_WAY);
        let mut streams = jetstream::new(client.clone());
        streams.set_timeout(PATIENCE);
        let nats = Self { client, streams, subjects: Arc::new(Subjects::of(service)), said };
        if nats.connected() {
            nats.consumer().await.map_err(NatsError::Streams)?;
        }
        tokio::spawn(send(nats.client.clone(), nats.streams.clone(), Arc::clone(&nats.subjects), receiver));
        Ok(nats)
    }

    /// Whether there is a connection at this moment.
    pub fn connected(&self) -> bool {
        self.client.connection_state() == State::Connected
    }

    pub(super) fn work(&self, build: BuildId) {
        self.say(Said::Work(build));
    }

    pub(super) fn cancel(&self, build: BuildId) {
        self.say(Said::Cancel(build));
    }

    pub(super) fn news(&self, news: News) {
        self.say(Said::News(news));
    }

    fn say(&self, said: Said) {
        // when too much is under way, others find out by looking
        if self.connected() {
            let _ = self.said.try_send(said);
        }
    }

    pub(super) fn hear(&self) -> mpsc::Receiver<Heard> {
        let (sender, receiver) = mpsc::channel(UNDER_WAY);
        for subject in [&self.subjects.cancel, &self.subjects.news] {
            tokio::spawn(listen(self.client.clone(), subject.clone(), sender.clone()));
        }
        receiver
    }

    /// Waits for a hint.
    pub(super) async fn task(&self) -> Option<Task> {
        let asked = async {
            let consumer = self.consumer().await?;
            let mut hints = consumer.fetch().max_messages(1).expires(QUESTION).messages().await?;
            hints.next().await.transpose()
        };
        match asked.await {
            Ok(message) => message.map(Task),
            Err(error) => {
                tracing::debug!(%error, "cannot ask for work");
                // the worker looks by itself, and not all the time
                sleep(AGAIN).await;
                None
            }
        }
    }

    /// The stream of hints, and our common place in it. A server that was started anew has none.
    async fn consumer(&self) -> Result<PullConsumer, Box<dyn std::error::Error + Send + Sync>> {
        let stream = Config {
            name: self.subjects.stream.clone(),
            subjects: vec![self.subjects.work.clone()],
            retention: RetentionPolicy::WorkQueue,
            storage: StorageType::Memory,
            discard: DiscardPolicy::Old,
            max_messages: MOST,
            max_age: STALE,
            duplicate_window: STALE,
            ..Config::default()
        };
        let stream = self.streams.get_or_create_stream(stream).await?;
        let consumer = pull::Config {
            durable_name: Some("workers".to_owned()),
            ack_policy: AckPolicy::Explicit,
            ack_wait: FOLLOWED,
            ..pull::Config::default()
        };
        Ok(stream.get_or_create_consumer("workers", consumer).await?)
    }
}

/// The server may come back; it has not said that it does not want us.
fn is_away(kind: ConnectErrorKind) -> bool {
    matches!(kind, ConnectErrorKind::Io | ConnectErrorKind::TimedOut | ConnectErrorKind::Dns)
}

/// An address without what may be a password.
fn redacted(address: &str) -> String {
    match address.rsplit_once('@') {
        Some((_, host)) => format!("...@{host}"),
        None => address.to_owned(),
    }
}

async fn send(client: Client, streams: Context, subjects: Arc<Subjects>, mut said: mpsc::Receiver<Said>) {
    while let Some(message) = said.recv().await {
        let sent = timeout(PATIENCE, publish(&client, &streams, &subjects, message)).await;
        if !matches!(sent, Ok(Ok(()))) {
            tracing::debug!("a message was not sent; others find out by looking");
        }
    }
}

async fn publish(
    client: &Client,
    streams: &Context,
    subjects: &Subjects,
    said: Said,
) -> Result<(), Box<dyn std::error::Error + Send + Sync>> {
    match said {
        Said::Work(build) => {
            let payload = Bytes::from(build.to_string());
            streams.publish(subjects.work.clone(), payload).await?.await?;
        }
        Said::Cancel(build) => client.publish(subjects.cancel.clone(), build.to_string().into()).await?,
        Said::News(news) => {
            client.publish(subjects.news.clone(), serde_json::to_vec(&news)?.into()).await?;
        }
    }
    Ok(())
}

/// Hands on what is said on one subject, for as long as somebody listens.
async fn listen(client: Client, subject: String, heard: mpsc::Sender<Heard>) {
    while !heard.is_closed() {
        let Ok(mut messages) = client.subscribe(subject.clone()).await else {
            sleep(AGAIN).await;
            continue;
        };
        while let Some(message) = messages.next().await {
            let Some(said) = understood(&message.payload) else {
                tracing::warn!(subject, "a message that nobody of ours sent");
                continue;
            };
            if heard.send(said).await.is_err() {
                return;
            }
        }
    }
}

fn understood(payload: &[u8]) -> Option<Heard> {
    if let Ok(news) = serde_json::from_slice::<News>(payload) {
        return Some(Heard::News(news));
    }
    let build = Uuid::parse_str(std::str::from_utf8(payload).ok()?).ok()?;
    Some(Heard::Cancel(BuildId(build)))
}

#[cfg(test)]
mod tests {
    use super::{Heard, redacted, understood};

    #[test]
    fn foreign_messages_are_not_understood() {
        for payload in [&b""[..], b"{}", b"\xff", b"12", br#"{"build":"x","first":1,"last":2}"#] {
            assert_eq!(understood(payload), None, "{payload:?}");
        }
        let cancel = understood(b"01937b5e-7c5a-7000-8000-000000000000").expect("a build");
        assert!(matches!(cancel, Heard::Cancel(_)));
    }

    #[test]
    fn passwords_are_not_shown() {
        assert_eq!(redacted("nats://user:secret@host:x"), "...@host:x");
        assert_eq!(redacted("nonsense"), "nonsense");
    }
}
