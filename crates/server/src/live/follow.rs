//! Everything that happened in a build, then everything that happens, each event once and in order.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use lbuild_db::BuildId;
use lbuild_db::DbError;
use lbuild_db::event::{Chunk, Event};
use tokio::sync::broadcast::Receiver;
use tokio::sync::broadcast::error::RecvError;
use tokio::time::timeout;

use crate::auth::caller::Caller;
use crate::state::Service;

/// Chunks that are read from the database at a time.
const PAGE: u32 = 16;

/// How often the watcher's key is looked at: a revoked one ends its streams within this and the time that it was
/// believed.
const TICK: Duration = Duration::from_secs(2);

/// Ticks of silence after which the watcher hears that the stream is alive, and the database is asked in case another
/// process wrote to it.
const SILENCE: u32 = 7;

/// What comes next.
#[derive(Debug)]
pub enum Next {
    /// Something happened.
    Event(Box<Event>),
    /// Nothing happened for a while.
    Silence,
    /// The build has ended, and all of it was told.
    End,
    /// The watcher's key is no longer valid.
    Unwelcome,
}

/// Follows one build for one caller.
pub struct Follower {
    service: Service,
    caller: Caller,
    build: BuildId,
    /// Number of the last event that was given.
    after: i64,
    waiting: VecDeque<Event>,
    news: Receiver<Arc<Chunk>>,
    /// The database may have more than was heard.
    behind: bool,
}

impl Follower {
    /// Follows from the event after number `after`. The caller may see the build: that was checked.
    pub fn new(service: Service, caller: Caller, build: BuildId, after: i64) -> Self {
        // subscribed before the first look, so that nothing falls between
        let news = service.hub.watch(build);
        Self { service, caller, build, after, waiting: VecDeque::new(), news, behind: true }
    }

    /// Waits for what comes next.
    pub async fn next(&mut self) -> Result<Next, DbError> {
        let mut ticks = 0;
        loop {
            if let Some(event) = self.waiting.pop_front() {
                self.after = event.seq;
                return Ok(Next::Event(Box::new(event)));
            }
            if self.behind {
                if self.read().await? {
                    continue;
                }
                if self.has_ended().await? {
                    return Ok(Next::End);
                }
            }
            match timeout(TICK, self.news.recv()).await {
                Err(_) => {
                    if !self.service.callers.still_valid(&self.service.db, &self.caller).await? {
                        return Ok(Next::Unwelcome);
                    }
                    ticks += 1;
                    if ticks == SILENCE {
                        self.behind = true;
                        return Ok(Next::Silence);
                    }
                }
                Ok(Ok(chunk)) => self.hear(&chunk),
                Ok(Err(RecvError::Lagged(_) | RecvError::Closed)) => self.behind = true,
            }
        }
    }

    /// Takes what is new in a chunk; a gap before it sends us to the database.
    fn hear(&mut self, chunk: &Chunk) {
        let first = chunk.events.first().map_or(i64::MAX, |event| event.seq);
        self.behind = first > self.after + 1;
        if !self.behind {
            self.waiting.extend(chunk.events.iter().filter(|event| event.seq > self.after).cloned());
        }
        // the last event of a build is the one that ends it: look whether this was it
        self.behind |= chunk.events.iter().any(|event| event.event.kind == lbuild_db::event::STATE);
    }

    /// Reads what the database has; whether there was anything.
    async fn read(&mut self) -> Result<bool, DbError> {
        let chunks = self.service.db.events_after(self.build, self.after, PAGE).await?;
        self.behind = !chunks.is_empty();
        let events = chunks.into_iter().flat_map(|chunk| chunk.events);
        self.waiting.extend(events.filter(|event| event.seq > self.after));
        Ok(!self.waiting.is_empty())
    }

    /// Whether the build will never tell anything more.
    async fn has_ended(&self) -> Result<bool, DbError> {
        let build = self.service.db.build(self.build).await?;
        Ok(build.is_none_or(|build| build.status.is_final() && build.last_seq <= self.after))
    }
}
