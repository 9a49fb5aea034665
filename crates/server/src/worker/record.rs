//! From the engine's events to stored ones, without ever losing a line.
//!
//! The engine's threads hand events over and wait when too many are under way; a task stores what came in a tenth of a
//! second together. Of several states of one progress bar only the newest is stored, of lines every one.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lbuild_db::Database;
use lbuild_db::event::{LOG, NewEvent};
use lbuild_db::queue::{Lease, LeaseError, Progress};
use lbuild_engine::{Cancel, Event};
use serde_json::{Value as Json, json};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, timeout_at};

use super::Tell;
use crate::problem::chain;

/// Events under way.
const UNDER_WAY: usize = 4096;

/// Events that are stored together, at most.
const TOGETHER: usize = 512;

/// How long an event waits for others.
const GATHER: Duration = Duration::from_millis(100);

/// How long to wait for a database that is away.
const AGAIN: Duration = Duration::from_secs(1);

/// The step that boots an image.
const BOOT: &str = "boot-check";

/// Kind of the events that are states of a progress bar.
const PROGRESS: &str = "progress";

/// Where the engine's threads hand events over.
#[derive(Clone)]
pub struct Recording(mpsc::Sender<NewEvent>);

impl Recording {
    /// Hands one over; waits while too many are under way.
    pub fn note(&self, event: Event) {
        // the other end is gone only when the lease is lost, and nobody wants to know then
        let _ = self.0.blocking_send(told(event));
    }
}

/// Stores the events of one build.
pub struct Recorder {
    sender: Recording,
    task: JoinHandle<()>,
}

impl Recorder {
    /// Begins to store. When the lease is lost, the build is asked to stop.
    pub fn start(db: Database, lease: Lease, tell: Tell, cancel: Cancel) -> Self {
        let (sender, receiver) = mpsc::channel(UNDER_WAY);
        let task = tokio::spawn(store(db, lease, tell, cancel, receiver));
        Self { sender: Recording(sender), task }
    }

    /// For the engine.
    pub fn recording(&self) -> Recording {
        self.sender.clone()
    }

    /// Waits until everything is stored.
    pub async fn end(self) {
        drop(self.sender);
        if let Err(error) = self.task.await {
            tracing::error!(error = chain(&error), "the recorder failed");
        }
    }
}

async fn store(
    db: Database,
    lease: Lease,
    tell: Tell,
    cancel: Cancel,
    mut receiver: mpsc::Receiver<NewEvent>,
) {
    let mut bar = Bar::default();
    while let Some(first) = receiver.recv().await {
        let batch = gather(first, &mut receiver).await;
        for event in &batch {
            bar.note(event);
        }
        let batch = newest(batch);
        loop {
            match db.report(&lease, &batch, &bar.progress()).await {
                Ok(told) => break tell(told),
                Err(LeaseError::Lost) => return cancel.cancel(),
                Err(LeaseError::Db(error)) => {
                    tracing::warn!(build = %lease.build, error = chain(&error), "cannot store events yet");
                    sleep(AGAIN).await;
                }
            }
        }
    }
}

async fn gather(first: NewEvent, receiver: &mut mpsc::Receiver<NewEvent>) -> Vec<NewEvent> {
    let until = Instant::now() + GATHER;
    let mut batch = vec![first];
    while batch.len() < TOGETHER {
        match timeout_at(until, receiver.recv()).await {
            Ok(Some(event)) => batch.push(event),
            Ok(None) | Err(_) => break,
        }
    }
    batch
}

/// Leaves out states of progress bars that a later one in the batch replaces.
fn newest(batch: Vec<NewEvent>) -> Vec<NewEvent> {
    let bar = |event: &NewEvent| (event.data["step"].clone(), event.data["unit"].clone());
    let mut seen: Vec<(Json, Json)> = Vec::new();
    let mut kept: Vec<NewEvent> = Vec::with_capacity(batch.len());
    for event in batch.into_iter().rev() {
        if event.kind == PROGRESS {
            let which = bar(&event);
            if seen.contains(&which) {
                continue;
            }
            seen.push(which);
        }
        kept.push(event);
    }
    kept.reverse();
    kept
}

/// How much of a build is done, by its steps.
#[derive(Default)]
struct Bar {
    steps: u32,
    done: u32,
    current: Option<String>,
}

impl Bar {
    fn note(&mut self, event: &NewEvent) {
        match event.kind.as_str() {
            "plan" => self.steps = steps_in(&event.data),
            "step" if event.data["status"] == "started" => {
                self.current = event.data["step"].as_str().map(str::to_owned);
            }
            "step" if event.data["status"] == "finished" => self.done += 1,
            _ => {}
        }
    }

    fn progress(&self) -> Progress {
        Progress {
            step: self.current.clone(),
            done: (f64::from(self.done) / f64::from(self.steps.max(1))).min(1.0),
            booting: self.current.as_deref() == Some(BOOT),
        }
    }
}

fn steps_in(plan: &Json) -> u32 {
    plan["steps"].as_array().map_or(0, |steps| u32::try_from(steps.len()).unwrap_or(u32::MAX))
}

fn told(event: Event) -> NewEvent {
    let (kind, data) = match event {
        Event::Planned { steps } => ("plan", json!({ "steps": steps })),
        Event::StepStarted { step, title } => {
            ("step", json!({ "step": step, "status": "started", "title": title }))
        }
        Event::StepFinished { step, seconds, cached, size } => (
            "step",
            json!({ "step": step, "status": "finished", "seconds": seconds, "cached": cached, "size": size }),
        ),
        Event::StepMissed { step, changed } => {
            ("step", json!({ "step": step, "status": "missed", "changed": changed }))
        }
        Event::Download { done, total, files, files_total } => (
            PROGRESS,
            json!({ "unit": "bytes", "done": done, "total": total, "files": files, "filesTotal": files_total }),
        ),
        Event::Packages { step, done, total, current } => (
            PROGRESS,
            json!({ "step": step, "unit": "packages", "done": done, "total": total, "current": current }),
        ),
        Event::Log { step, line } => (LOG, json!({ "step": step, "line": line })),
        Event::Warning { message } => ("warning", json!({ "message": message })),
        Event::Artifact { name, size, sha256 } => {
            ("artifact", json!({ "name": name, "size": size, "sha256": sha256 }))
        }
    };
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    NewEvent { kind: kind.to_owned(), at: i64::try_from(now.as_millis()).unwrap_or(i64::MAX), data }
}

#[cfg(test)]
mod tests {
    use lbuild_engine::Event;

    use super::{Bar, newest, told};

    #[test]
    fn of_a_bar_the_newest_state_is_kept_and_of_lines_every_one() {
        let packages =
            |done| Event::Packages { step: "core".to_owned(), done, total: 9, current: String::new() };
        let line = |n: u32| Event::Log { step: "core".to_owned(), line: n.to_string() };
        let batch = [packages(1), line(1), packages(2), line(2), line(2), packages(3)].map(told);
        let kept = newest(batch.to_vec());
        assert_eq!(kept.iter().filter_map(|event| event.line()).collect::<Vec<_>>(), ["1", "2", "2"]);
        assert_eq!(kept.last().map(|event| event.data["done"].clone()), Some(3.into()));
        assert_eq!(kept.len(), 4);
    }

    #[test]
    fn the_bar_counts_steps() {
        let mut bar = Bar::default();
        assert!(bar.progress().done < f64::EPSILON);
        bar.note(&told(Event::Planned { steps: vec!["core".to_owned(), "iso".to_owned()] }));
        bar.note(&told(Event::StepStarted { step: "core".to_owned(), title: String::new() }));
        let finished =
            Event::StepFinished { step: "core".to_owned(), seconds: 1.0, cached: false, size: None };
        bar.note(&told(finished));
        let progress = bar.progress();
        assert!((progress.done - 0.5).abs() < f64::EPSILON);
        assert_eq!(progress.step.as_deref(), Some("core"));
    }
}
