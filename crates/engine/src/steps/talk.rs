//! Conversations with agents that only report.

use std::sync::Mutex;

use lbuild_sandbox::{Channel, Spec};
use serde::de::DeserializeOwned;

use super::Bench;
use crate::error::BuildError;
use crate::job::Talk;

/// Keeps the last report of an agent.
pub(super) struct Single<'a> {
    bench: &'a Bench<'a>,
    last: Mutex<Option<Vec<u8>>>,
}

impl<'a> Single<'a> {
    /// Runs an agent to its end and returns its last report.
    pub(super) fn run<T: DeserializeOwned>(bench: &'a Bench<'a>, spec: Spec) -> Result<T, BuildError> {
        let last = Self::follow(bench, spec)?.unwrap_or_default();
        serde_json::from_slice(&last).map_err(|error| bench.jobs().sandbox(error))
    }

    /// Runs an agent that need not report to its end.
    pub(super) fn follow(bench: &'a Bench<'a>, spec: Spec) -> Result<Option<Vec<u8>>, BuildError> {
        let talk = Single { bench, last: Mutex::new(None) };
        bench.jobs().run_with(spec, &talk, &mut |_| {})?;
        Ok(talk.last.into_inner().ok().flatten())
    }
}

impl Talk for &Single<'_> {
    fn talk(self, channel: &Channel) -> Result<(), BuildError> {
        while let Some(message) = channel.recv().map_err(|error| self.bench.jobs().sandbox(error))? {
            if let Ok(mut last) = self.last.lock() {
                *last = Some(message.bytes);
            }
        }
        Ok(())
    }
}
