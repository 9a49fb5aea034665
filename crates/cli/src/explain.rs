//! `--explain`: for each step, whether it came from the store, and which input changed.

use lbuild_engine::{BuildReport, StepReport};

use crate::format::{clean, seconds};
use crate::terminal::Style;

/// The table, one line per step.
pub fn table(report: &BuildReport, style: Style) -> String {
    let name = report.steps.iter().map(|step| step.name.len()).max().unwrap_or(0).max("step".len());
    let head = format!("{:name$}  {:4}  {:>10}  why", "step", "", "time");
    let mut lines = vec![format!("{}\n", style.faint(&head))];
    for step in &report.steps {
        let result = if step.cached { style.good("hit ") } else { style.warn("miss") };
        let time = if step.cached { String::new() } else { seconds(step.seconds) };
        let line = format!("{:name$}  {result}  {time:>10}  {}", step.name, why(step));
        lines.push(format!("{}\n", line.trim_end()));
    }
    lines.concat()
}

fn why(step: &StepReport) -> String {
    match (step.cached, step.changed.as_slice()) {
        (true, _) => String::new(),
        (false, []) => "first build".to_owned(),
        (false, changed) => format!("changed: {}", clean(&changed.join(", "))),
    }
}
