//! Runs a plan: every step as soon as what it waits for is there, from the store where the store has it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Instant;

use lbuild_sandbox::Isolation;
use lbuild_store::{Cancel, Digest, Input, Output, OutputRef, StepRecord, Steps, Store};
use serde::{Deserialize, Serialize};

use crate::error::BuildError;
use crate::event::{Event, Observer};
use crate::plan::{Plan, PlannedStep, Step};
use crate::report::StepReport;
use crate::step::Inputs;

/// How often the runner looks whether somebody asked to stop.
const CANCEL_POLL: std::time::Duration = std::time::Duration::from_millis(50);

/// What a step made.
#[derive(Debug, Clone, Default)]
pub(crate) struct Made {
    /// Blobs and trees.
    pub(crate) outputs: Vec<Output>,
    /// Facts that later steps and the report want.
    pub(crate) data: serde_json::Value,
    /// Size for people, in bytes.
    pub(crate) size: Option<u64>,
    /// What held the jobs that made it; `None` when it took none.
    pub(crate) isolation: Option<Isolation>,
}

/// What the record of a step keeps besides its inputs and outputs.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    facts: serde_json::Value,
    isolation: Option<Isolation>,
}

/// Makes the output of a step that the store does not have.
pub(crate) trait Execute: Sync {
    /// Runs one step; `key` is its content key.
    fn execute(&self, step: Step, key: Digest, done: &Done, cancel: &Cancel) -> Result<Made, BuildError>;
}

/// The records of the steps that have ended.
#[derive(Debug, Default)]
pub(crate) struct Done(Mutex<BTreeMap<Step, Ended>>);

#[derive(Debug)]
struct Ended {
    key: Digest,
    /// With the facts alone as its data.
    record: StepRecord,
    isolation: Option<Isolation>,
}

impl Ended {
    /// From what the store keeps; `None` when another version of the program wrote it.
    fn open(key: Digest, mut record: StepRecord) -> Option<Self> {
        let kept: Kept = serde_json::from_value(record.data).ok()?;
        record.data = kept.facts;
        Some(Self { key, record, isolation: kept.isolation })
    }
}

impl Done {
    /// The record of a step that has ended.
    pub(crate) fn get(&self, step: Step) -> Option<StepRecord> {
        self.lock().get(&step).map(|ended| ended.record.clone())
    }

    /// What held every job that the outputs come from, in this build or in the one that made them.
    pub(crate) fn isolation(&self) -> Isolation {
        let steps = self.lock();
        let jobs = steps.values().filter_map(|ended| ended.isolation.clone());
        jobs.reduce(|weakest, isolation| weakest.weakest(&isolation)).unwrap_or_default()
    }

    /// Every object that the steps made.
    pub(crate) fn objects(&self) -> Vec<Digest> {
        let of = |ended: &Ended| {
            let outputs = ended.record.outputs.iter().map(|output| match output.reference {
                OutputRef::Blob(blob) => blob.digest,
                OutputRef::Tree(tree) => tree,
            });
            outputs.chain([ended.key]).collect::<Vec<_>>()
        };
        self.lock().values().flat_map(of).collect()
    }

    /// What the step's output adds to the keys of the steps that read it.
    fn identity(&self, step: Step) -> Option<Digest> {
        let steps = self.lock();
        let Ended { key, record, .. } = steps.get(&step)?;
        let inputs: Vec<Input> = record
            .outputs
            .iter()
            .map(|output| match output.reference {
                OutputRef::Blob(blob) => Input::digest(&output.name, blob.digest),
                OutputRef::Tree(tree) => Input::digest(&output.name, tree),
            })
            .collect();
        Some(if inputs.is_empty() { *key } else { Steps::key("outputs", &inputs) })
    }

    /// What a step reads, the outputs of others included, as far as those have ended.
    fn inputs(&self, planned: &PlannedStep) -> Inputs {
        planned.reads.iter().fold(planned.inputs.clone(), |inputs, step| match self.identity(*step) {
            Some(identity) => inputs.digest(format!("output of {}", step.output()), identity),
            None => inputs,
        })
    }

    fn put(&self, step: Step, ended: Ended) {
        self.lock().insert(step, ended);
    }

    fn lock(&self) -> MutexGuard<'_, BTreeMap<Step, Ended>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The steps of a plan whose outputs the store has.
pub(crate) fn stored(plan: &Plan, store: &Store) -> Vec<Step> {
    let done = Done::default();
    let mut steps = Vec::new();
    for planned in &plan.steps {
        // without what it reads, the key is not known
        let is_known = planned.reads.iter().all(|step| steps.contains(step));
        let key = done.inputs(planned).key();
        let ended = || Ended::open(key, store.steps().get(key)?);
        if let Some(ended) = is_known.then(ended).flatten() {
            done.put(planned.step, ended);
            steps.push(planned.step);
        }
    }
    steps
}

/// A plan being run.
pub(crate) struct Runner<'a> {
    pub(crate) plan: &'a Plan,
    pub(crate) store: &'a Store,
    pub(crate) observer: &'a Observer<'a>,
    /// Name under which `--explain` remembers the steps.
    pub(crate) spec: &'a str,
    pub(crate) execute: &'a dyn Execute,
}

/// Where the output of a step came from.
#[derive(Clone, Copy)]
enum Origin {
    Store,
    /// It was made now; its size in bytes, where it has one.
    Made(Option<u64>),
}

type Outcome = (Step, Result<StepReport, BuildError>);

impl Runner<'_> {
    /// Runs every step; the first failure stops the others and is returned.
    pub(crate) fn run(&self) -> Result<(Done, Vec<StepReport>), BuildError> {
        let done = Done::default();
        let stop = Cancel::new();
        let (sender, receiver) = channel();
        let reports = thread::scope(|scope| {
            let start = |planned: &PlannedStep, sender: Sender<Outcome>| {
                let (done, stop, planned) = (&done, &stop, planned.clone());
                scope.spawn(move || {
                    let result = self.step(&planned, done, stop);
                    // The receiver lives until every step has ended.
                    let _ = sender.send((planned.step, result));
                });
            };
            self.schedule(&start, &sender, &receiver, &stop)
        })?;
        Ok((done, reports))
    }

    fn schedule(
        &self,
        start: &dyn Fn(&PlannedStep, Sender<Outcome>),
        sender: &Sender<Outcome>,
        receiver: &Receiver<Outcome>,
        stop: &Cancel,
    ) -> Result<Vec<StepReport>, BuildError> {
        let mut waiting: Vec<&PlannedStep> = self.plan.steps.iter().collect();
        let mut ended = BTreeSet::new();
        let mut running = 0_usize;
        let mut reports = Vec::new();
        let mut failure: Option<BuildError> = None;
        loop {
            if failure.is_none() {
                let ready = |planned: &&PlannedStep| {
                    planned.reads.iter().chain(&planned.after).all(|step| ended.contains(step))
                };
                let (now, later): (Vec<_>, Vec<_>) = waiting.into_iter().partition(ready);
                running += now.len();
                for planned in now {
                    start(planned, sender.clone());
                }
                waiting = later;
            }
            if running == 0 {
                return failure.map_or(Ok(reports), Err);
            }
            let Some((ended_step, result)) = self.next(receiver, stop) else { continue };
            running -= 1;
            match result {
                Ok(report) => {
                    ended.insert(ended_step);
                    reports.push(report);
                }
                Err(error) => {
                    stop.cancel();
                    // What the others say after the first failure is only that they were stopped.
                    failure.get_or_insert(error);
                }
            }
        }
    }

    fn next(&self, receiver: &Receiver<Outcome>, stop: &Cancel) -> Option<Outcome> {
        if self.observer.cancel.is_cancelled() {
            stop.cancel();
        }
        receiver.recv_timeout(CANCEL_POLL).ok()
    }

    fn step(&self, planned: &PlannedStep, done: &Done, stop: &Cancel) -> Result<StepReport, BuildError> {
        let began = Instant::now();
        let inputs = done.inputs(planned);
        let key = inputs.key();
        let name = planned.step.name();
        let stored = || {
            let record = self.store.steps().get(key)?;
            // A step that makes the same from the same may have made it; the past that is remembered is this one's.
            Ended::open(key, StepRecord { name: name.to_owned(), ..record })
        };
        if let Some(ended) = stored() {
            self.store.steps().remember(self.spec, key, &ended.record).map_err(BuildError::Store)?;
            done.put(planned.step, ended);
            return Ok(self.ended(planned.step, key, began, Origin::Store, Vec::new()));
        }
        let differences =
            self.store.steps().explain(self.spec, name, inputs.entries()).map_err(BuildError::Store)?;
        let changed: Vec<String> = differences.unwrap_or_default().into_iter().map(|one| one.label).collect();
        let guard = self.store.lock(key, stop).map_err(|error| store_error(error, stop))?;
        if let Some(ended) = stored() {
            // Another build made it while this one waited.
            done.put(planned.step, ended);
            return Ok(self.ended(planned.step, key, began, Origin::Store, changed));
        }
        self.observer.emit(Event::StepMissed { step: name.to_owned(), changed: changed.clone() });
        self.observer
            .emit(Event::StepStarted { step: name.to_owned(), title: planned.step.title().to_owned() });
        let made = self.execute.execute(planned.step, key, done, stop)?;
        let kept = Kept { facts: made.data.clone(), isolation: made.isolation.clone() };
        let mut record = StepRecord {
            name: name.to_owned(),
            inputs: inputs.entries().to_vec(),
            outputs: made.outputs,
            seconds: began.elapsed().as_secs_f64(),
            data: serde_json::to_value(kept).unwrap_or_else(|error| unreachable!("plain data: {error}")),
        };
        self.store.steps().put(self.spec, key, &record).map_err(BuildError::Store)?;
        drop(guard);
        record.data = made.data;
        done.put(planned.step, Ended { key, record, isolation: made.isolation });
        Ok(self.ended(planned.step, key, began, Origin::Made(made.size), changed))
    }

    fn ended(
        &self,
        step: Step,
        key: Digest,
        began: Instant,
        origin: Origin,
        changed: Vec<String>,
    ) -> StepReport {
        let seconds = began.elapsed().as_secs_f64();
        let (cached, size) = match origin {
            Origin::Store => (true, None),
            Origin::Made(size) => (false, size),
        };
        self.observer.emit(Event::StepFinished { step: step.name().to_owned(), seconds, cached, size });
        StepReport { name: step.name().to_owned(), cached, seconds, changed, key }
    }
}

fn store_error(error: lbuild_store::StoreError, stop: &Cancel) -> BuildError {
    if stop.is_cancelled() { BuildError::Cancelled } else { BuildError::Store(error) }
}

#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    struct Count(AtomicUsize, Option<Step>);

    impl Execute for Count {
        fn execute(&self, step: Step, _: Digest, _: &Done, _: &Cancel) -> Result<Made, BuildError> {
            if self.1 == Some(step) {
                return Err(BuildError::LockStale);
            }
            self.0.fetch_add(1, Ordering::SeqCst);
            Ok(Made { data: serde_json::json!({ "step": step.name() }), ..Made::default() })
        }
    }

    fn plan(extra: &str) -> Plan {
        let step = |step: Step, reads: &[Step], content: &str| PlannedStep {
            step,
            inputs: Inputs::of(step.name(), 1).content("content", content),
            reads: reads.to_vec(),
            after: vec![],
        };
        Plan {
            steps: vec![
                step(Step::Tools, &[], ""),
                step(Step::Base, &[], ""),
                step(Step::Configure, &[Step::Base], extra),
                step(Step::Squashfs, &[Step::Tools, Step::Configure], ""),
            ],
        }
    }

    fn run(store: &Store, plan: &Plan, execute: &Count) -> Result<Vec<StepReport>, BuildError> {
        let cancel = Cancel::new();
        let observer = Observer { events: &|_| {}, cancel: &cancel };
        let runner = Runner { plan, store, observer: &observer, spec: "demo", execute };
        runner.run().map(|(_, reports)| reports)
    }

    #[test]
    fn a_second_run_comes_from_the_store_and_a_change_redoes_only_what_reads_it() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let count = Count(AtomicUsize::new(0), None);
        run(&store, &plan("one"), &count).unwrap();
        assert_eq!(count.0.load(Ordering::SeqCst), 4);
        assert!(run(&store, &plan("one"), &count).unwrap().iter().all(|report| report.cached));
        assert_eq!(stored(&plan("one"), &store).len(), 4);
        assert_eq!(
            stored(&plan("two"), &store),
            [Step::Tools, Step::Base],
            "what reads the change is not there"
        );
        let reports = run(&store, &plan("two"), &count).unwrap();
        let ran: BTreeSet<_> = reports.iter().filter(|r| !r.cached).map(|r| r.name.as_str()).collect();
        assert_eq!(ran, BTreeSet::from(["configure", "squashfs"]));
        let configure = reports.iter().find(|report| report.name == "configure").unwrap();
        assert_eq!(configure.changed, ["content"]);
    }

    #[test]
    fn a_step_that_shares_its_output_with_another_has_a_past_of_its_own() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let count = Count(AtomicUsize::new(0), None);
        let plan = |core: &str, whole: &str| {
            let steps = [(Step::CoreInitramfs, core), (Step::Initramfs, whole)];
            let steps = steps.map(|(step, content)| PlannedStep {
                step,
                inputs: Inputs::of(step.record(), 1).content("content", content),
                reads: vec![],
                after: if step == Step::Initramfs { vec![Step::CoreInitramfs] } else { vec![] },
            });
            Plan { steps: steps.to_vec() }
        };
        let changes = |core, whole| {
            let reports = run(&store, &plan(core, whole), &count).unwrap();
            reports.into_iter().map(|report| (report.cached, report.changed)).collect::<Vec<_>>()
        };
        let why = || vec!["content".to_owned()];
        assert_eq!(changes("small", "large"), [(false, vec![]), (false, vec![])], "the first build");
        assert_eq!(changes("small", "larger"), [(true, vec![]), (false, why())]);
        assert_eq!(changes("larger", "larger"), [(true, vec![]), (true, vec![])], "one serves as the other");
    }

    #[test]
    fn the_first_failure_is_the_one_that_is_told() {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(dir.path()).unwrap();
        let count = Count(AtomicUsize::new(0), Some(Step::Configure));
        let error = run(&store, &plan(""), &count).unwrap_err();
        assert!(matches!(error, BuildError::LockStale), "{error}");
    }
}
