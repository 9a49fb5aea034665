//! News from other processes of the service, for those who watch here: heard over the bus, or found by looking.

use std::time::Duration;

use lbuild_db::event::Chunk;
use lbuild_db::queue::Told;
use lbuild_db::{BuildId, DbError};
use tokio::time::{Instant, timeout_at};

use crate::bus::Heard;
use crate::problem::chain;
use crate::state::Service;

/// How often to look while nobody can tell us.
const LOOK: Duration = Duration::from_secs(1);

/// The same, while others can.
const LOOK_SELDOM: Duration = Duration::from_secs(5);

/// Chunks that are read from the database at a time.
const PAGE: u32 = 16;

/// Relays for as long as the process lives.
pub async fn relay(service: Service) {
    let mut heard = service.bus.hear();
    let mut looked = Instant::now();
    loop {
        let pause = if service.bus.hears() { LOOK_SELDOM } else { LOOK };
        match timeout_at(looked + pause, heard.recv()).await {
            Ok(Some(Heard::Cancel(build))) => service.pool.look(build),
            Ok(Some(Heard::News(news))) => {
                let told = tell(&service, BuildId(news.build), news.first - 1, news.last).await;
                note(told);
            }
            // without a bus the channel is closed from the start
            Ok(None) => {
                tokio::time::sleep_until(looked + pause).await;
                looked = Instant::now();
                note(look(&service).await);
            }
            Err(_) => {
                looked = Instant::now();
                note(look(&service).await);
            }
        }
    }
}

fn note(result: Result<(), DbError>) {
    if let Err(error) = result {
        tracing::warn!(error = chain(&error), "cannot look for news");
    }
}

/// Looks for news of every build that somebody watches.
async fn look(service: &Service) -> Result<(), DbError> {
    for reached in service.db.reached(&service.hub.watched()).await? {
        tell(service, reached.build, reached.last_seq, reached.last_seq).await?;
    }
    Ok(())
}

/// Hands the events of a build up to number `last` to those who watch it, if they were not told. `known` is the event
/// before the news, in case nobody was told anything yet.
async fn tell(service: &Service, build: BuildId, known: i64, last: i64) -> Result<(), DbError> {
    let Some(told) = service.hub.told(build) else { return Ok(()) };
    let mut after = told.unwrap_or(known);
    if after >= last && told.is_some() {
        return Ok(());
    }
    // whoever has begun to watch a moment ago may not know what came before the news
    if told.is_none() {
        service.hub.tell(Told { build, chunk: Chunk { events: Vec::new(), log_end: 0 } });
    }
    while after < last {
        let chunks = service.db.events_after(build, after, PAGE).await?;
        let Some(end) = chunks.last().and_then(|chunk| chunk.events.last()) else { break };
        after = end.seq;
        for chunk in chunks {
            service.hub.tell(Told { build, chunk });
        }
    }
    service.hub.note(build, after);
    Ok(())
}
