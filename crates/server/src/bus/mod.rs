//! How the processes of one service tell each other that there is news: over NATS, when they have one.
//!
//! Nothing depends on a message that arrives. The database has the truth, and everybody looks there now and then; a
//! message only says that it is worth looking now. So a lost connection makes the service slower and nothing else.
//!
//! | module | purpose |
//! |---|---|
//! | [`nats`] | the connection, its subjects and its stream |

pub mod nats;

use std::time::Duration;

use lbuild_db::BuildId;
use lbuild_db::queue::Told;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;

use nats::{Nats, Task};

/// How often an idle worker looks for work that nobody told it of.
const LOOK: Duration = Duration::from_secs(2);

/// The same, while others can tell it.
const LOOK_SELDOM: Duration = Duration::from_secs(10);

/// A build has more events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct News {
    /// The build.
    pub build: uuid::Uuid,
    /// Number of the first new event.
    pub first: i64,
    /// Number of the last one.
    pub last: i64,
}

/// What another process says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heard {
    /// A build has more events.
    News(News),
    /// A build is to stop.
    Cancel(BuildId),
}

/// The way to the other processes of the service; a service of one process has none.
#[derive(Default)]
pub struct Bus {
    nats: Option<Nats>,
}

/// Something to do, which nobody else was told of.
#[derive(Default)]
pub struct Hint(Option<Task>);

impl Hint {
    /// Nobody was told of anything; it is worth looking all the same.
    pub fn is_nothing(&self) -> bool {
        self.0.is_none()
    }

    /// The hint was followed, or is worth nothing.
    pub async fn done(self) {
        if let Some(task) = self.0 {
            task.done().await;
        }
    }
}

impl Bus {
    /// A bus over this connection.
    pub fn over(nats: Nats) -> Self {
        Self { nats: Some(nats) }
    }

    /// There is a build to take.
    pub fn work(&self, build: BuildId) {
        if let Some(nats) = &self.nats {
            nats.work(build);
        }
    }

    /// A build is to stop, whoever works on it.
    pub fn cancel(&self, build: BuildId) {
        if let Some(nats) = &self.nats {
            nats.cancel(build);
        }
    }

    /// A build has more events.
    pub fn news(&self, told: &Told) {
        let events = &told.chunk.events;
        if let (Some(nats), Some(first), Some(last)) = (&self.nats, events.first(), events.last()) {
            nats.news(News { build: told.build.0, first: first.seq, last: last.seq });
        }
    }

    /// What others say from now on.
    pub fn hear(&self) -> mpsc::Receiver<Heard> {
        match &self.nats {
            Some(nats) => nats.hear(),
            // nobody will ever say anything
            None => mpsc::channel(1).1,
        }
    }

    /// Waits until it is worth looking for a build to take.
    pub async fn wait(&self) -> Hint {
        let Some(nats) = self.nats.as_ref().filter(|nats| nats.connected()) else {
            tokio::time::sleep(LOOK).await;
            return Hint::default();
        };
        Hint(tokio::time::timeout(LOOK_SELDOM, nats.task()).await.ok().flatten())
    }

    /// Whether others can tell us something at all.
    pub fn hears(&self) -> bool {
        self.nats.as_ref().is_some_and(Nats::connected)
    }

    /// Whether the bus is well, when there is one.
    pub fn check(&self) -> Option<Result<(), String>> {
        let nats = self.nats.as_ref()?;
        let lost = || Err("the connection is lost; builds go on, slower".to_owned());
        Some(if nats.connected() { Ok(()) } else { lost() })
    }
}
