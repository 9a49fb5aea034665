//! Numbers about the service, in the text format of Prometheus.
//!
//! Counters are of this process; what the database knows is the same whichever process is asked.

pub mod count;
pub mod stored;

use std::sync::Mutex;
use std::time::Duration;

use lbuild_engine::Event;
use prometheus_client::encoding::text::encode;
use prometheus_client::encoding::{EncodeLabelSet, EncodeLabelValue, LabelValueEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::{Registry, Unit};

use stored::Stored;

/// Upper ends of the buckets of request times, in seconds.
const REQUEST_SECONDS: [f64; 10] = [0.001, 0.0025, 0.005, 0.01, 0.02, 0.05, 0.1, 0.25, 1.0, 5.0];

/// Upper ends of the buckets of step times, in seconds.
const STEP_SECONDS: [f64; 12] = [0.01, 0.05, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 300.0, 1800.0];

/// A text among a few that we know.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) struct Word(pub(crate) String);

impl EncodeLabelValue for Word {
    fn encode(&self, encoder: &mut LabelValueEncoder<'_>) -> Result<(), std::fmt::Error> {
        self.0.as_str().encode(encoder)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Request {
    method: Word,
    /// As the router has it, so that no caller makes up new ones.
    route: Word,
    status: u16,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Route {
    route: Word,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Step {
    step: Word,
    /// `hit`: it came from the store; `miss`: it ran.
    cache: Word,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash, EncodeLabelSet)]
struct Ending {
    ending: Word,
}

/// Times, by labels.
type Timed<L> = Family<L, Histogram, fn() -> Histogram>;

/// The numbers of one process.
pub struct Metrics {
    registry: Registry,
    requests: Family<Request, Counter>,
    request_seconds: Timed<Route>,
    step_seconds: Timed<Step>,
    attempts: Family<Ending, Counter>,
    stored: Mutex<Stored>,
}

impl Default for Metrics {
    fn default() -> Self {
        let mut registry = Registry::with_prefix("lbuild");
        let requests = Family::default();
        registry.register("http_requests", "Requests that were answered", requests.clone());
        let request_seconds: Timed<Route> = Family::new_with_constructor(|| Histogram::new(REQUEST_SECONDS));
        let help = "Time until the head of an answer";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, request_seconds.clone());
        let step_seconds: Timed<Step> = Family::new_with_constructor(|| Histogram::new(STEP_SECONDS));
        let help = "Time of the steps of builds; a step from the store is a hit";
        registry.register_with_unit("step_duration", help, Unit::Seconds, step_seconds.clone());
        let attempts = Family::default();
        registry.register(
            "build_attempts",
            "Builds that workers of this process have ended",
            attempts.clone(),
        );
        let stored = Mutex::new(Stored::new(&mut registry));
        Self { registry, requests, request_seconds, step_seconds, attempts, stored }
    }
}

impl Metrics {
    fn answered(&self, method: &str, route: &str, status: u16, took: Duration) {
        let word = |text: &str| Word(text.to_owned());
        self.requests.get_or_create(&Request { method: word(method), route: word(route), status }).inc();
        self.request_seconds.get_or_create(&Route { route: word(route) }).observe(took.as_secs_f64());
    }

    /// Notes what an event of a build tells of time.
    pub fn event(&self, event: &Event) {
        if let Event::StepFinished { step, seconds, cached, .. } = event {
            let cache = if *cached { "hit" } else { "miss" };
            let labels = Step { step: Word(step.clone()), cache: Word(cache.to_owned()) };
            self.step_seconds.get_or_create(&labels).observe(*seconds);
        }
    }

    /// Notes how an attempt to build ended.
    pub fn ended(&self, ending: &str) {
        self.attempts.get_or_create(&Ending { ending: Word(ending.to_owned()) }).inc();
    }

    fn text(&self) -> Result<String, std::fmt::Error> {
        let mut text = String::new();
        encode(&mut text, &self.registry)?;
        Ok(text)
    }
}
