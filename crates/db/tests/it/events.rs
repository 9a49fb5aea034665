//! Events are numbered without gaps, and the log is what was told.

use std::time::Duration;

use lbuild_db::Database;
use lbuild_db::event::{Event, LOG, NewEvent};
use lbuild_db::queue::Progress;
use lbuild_db::tenant::Tier;
use serde_json::json;

use crate::support::{submit, tenant};

fn line(text: &str) -> NewEvent {
    NewEvent { kind: LOG.to_owned(), at: 0, data: json!({ "step": "core", "line": text }) }
}

async fn pages_join_without_gap_or_repetition(db: &Database) {
    let tenant = tenant(db, "a", Tier::Pro).await;
    let build = submit(db, tenant, "d").await.build.id;
    let claimed = db.claim("w", Duration::from_mins(1)).await.expect("a claim").expect("a build");
    let progress = Progress { step: Some("core".to_owned()), done: 0.5, booting: false };
    for chunk in 0..40 {
        let events: Vec<NewEvent> = (0..25).map(|n| line(&format!("line {}", chunk * 25 + n))).collect();
        db.report(&claimed.lease, &events, &progress).await.expect("it is stored");
    }
    let mut seen: Vec<Event> = Vec::new();
    loop {
        let after = seen.last().map_or(0, |event| event.seq);
        let page = db.events_after(build, after, 3).await.expect("a page");
        if page.is_empty() {
            break;
        }
        seen.extend(page.into_iter().flat_map(|chunk| chunk.events).filter(|event| event.seq > after));
    }
    assert!(seen.iter().map(|event| event.seq).eq(1..=1002), "queued, running and 1000 lines");
    let lines: Vec<&str> = seen.iter().filter_map(|event| event.event.line()).collect();
    let text = lines.join("\n") + "\n";
    assert!(text.starts_with("line 0\nline 1\n") && text.ends_with("line 999\n"));
    let build = db.build(build).await.expect("an answer").expect("the build");
    assert_eq!(usize::try_from(build.log_bytes), Ok(text.len()));
    assert_eq!((build.step.as_deref(), build.progress), (Some("core"), 0.5));
    let tail = db.log_after(build.id, build.log_bytes - 5, 10).await.expect("the tail");
    assert_eq!(tail.len(), 1);
    assert_eq!(tail[0].log_end, build.log_bytes);
}

crate::on_both!(pages_join_without_gap_or_repetition);
