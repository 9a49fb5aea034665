//! Progress that is drawn over: one line per running step, bars for downloads and packages, one line for the whole.
//! What is done scrolls up as one line per step; what is drawn disappears when the result is printed.
//!
//! Finished and running steps share their columns: sign, name, time, and then what there is to say.

use std::collections::{HashMap, HashSet};
use std::fmt::Write;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};
use lbuild_engine::Event;

use super::echo::Hidden;
use super::{Options, Renderer};
use crate::format::{bytes, clean, count, cut, seconds};
use crate::terminal::{Style, Terminal};

/// Times a second that the screen is drawn.
const RATE: u8 = 15;
/// Width of the names of steps.
const NAME: usize = 16;
/// Width of the text behind a bar.
const TEXT: usize = 36;

/// Draws.
pub struct Interactive {
    style: Style,
    glyphs: Glyphs,
    verbose: bool,
    screen: MultiProgress,
    state: Mutex<State>,
}

struct State {
    overall: ProgressBar,
    running: HashMap<String, ProgressBar>,
    /// Steps whose line has become a bar.
    counting: HashSet<String>,
    /// Inputs that changed, by the step that must run because of them.
    changed: HashMap<String, String>,
    download: Option<ProgressBar>,
    echo: Option<Hidden>,
    reused: usize,
}

/// The signs of one character set.
struct Glyphs {
    done: &'static str,
    spinner: &'static [&'static str],
    bar: &'static str,
}

const UNICODE: Glyphs =
    Glyphs {
        done: "✓", spinner: &["⠋", "⠙", "⠹", "⠸", "⠼", "⠴", "⠦", "⠧", "⠇", "⠏", "✓"], bar: "━╸─"
    };
const ASCII: Glyphs = Glyphs { done: "+", spinner: &["|", "/", "-", "\\", "+"], bar: "=>-" };

impl Interactive {
    /// Draws the title at once.
    pub fn start(options: Options, title: &str) -> Self {
        let Terminal { stderr: style, unicode, .. } = options.terminal;
        let screen = MultiProgress::with_draw_target(ProgressDrawTarget::stderr_with_hz(RATE));
        let glyphs = if unicode { UNICODE } else { ASCII };
        let interactive = Self {
            style,
            verbose: options.verbose,
            state: Mutex::new(State {
                overall: screen.add(ProgressBar::new(0)),
                running: HashMap::new(),
                counting: HashSet::new(),
                changed: HashMap::new(),
                download: None,
                echo: Hidden::start(),
                reused: 0,
            }),
            screen,
            glyphs,
        };
        interactive.line(&format!("  {}", style.strong(&clean(title))));
        let overall = interactive.state().overall.clone();
        overall.set_style(interactive.template(&format!("  {{spinner}} {:NAME$} {{time}}", "")));
        overall.enable_steady_tick(Duration::from_millis(100));
        overall.tick();
        interactive
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A style from a template; colours only where the terminal has them.
    fn template(&self, template: &str) -> ProgressStyle {
        let colored = if self.style.color {
            template.replace("{spinner}", "{spinner:.cyan}").replace("{bar:22}", "{bar:22.cyan/dim}")
        } else {
            template.to_owned()
        };
        ProgressStyle::with_template(&colored)
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .tick_strings(self.glyphs.spinner)
            .progress_chars(self.glyphs.bar)
            .with_key("time", |state: &ProgressState, out: &mut dyn Write| {
                // the column is part of a line that is drawn again soon
                let _ = write!(out, "{:>10}", running(state.elapsed()));
            })
    }

    fn line(&self, text: &str) {
        // a terminal that went away does not stop a build
        let _ = self.screen.println(text);
    }

    fn add_line(&self, state: &State, template: &str, length: u64) -> ProgressBar {
        let bar = self.screen.insert_before(&state.overall, ProgressBar::new(length));
        bar.set_style(self.template(template));
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    }

    fn step_started(&self, step: &str, title: &str) {
        let mut state = self.state();
        let bar = self.add_line(&state, "  {spinner} {prefix} {time}  {wide_msg}", 0);
        bar.set_prefix(name(step));
        bar.set_message(self.style.faint(&cut(&clean(title), TEXT)));
        state.running.insert(step.to_owned(), bar);
    }

    fn step_finished(&self, step: &str, time: f64, cached: bool, size: Option<u64>) {
        let mut state = self.state();
        if let Some(bar) = state.running.remove(step) {
            bar.finish_and_clear();
        }
        state.counting.remove(step);
        state.overall.inc(1);
        // the download belongs to the step that waited for it
        if let Some(bar) = state.download.take_if(|bar| bar.position() == bar.length().unwrap_or_default()) {
            bar.finish_and_clear();
        }
        if cached {
            state.reused += 1;
            return;
        }
        let changed = state.changed.remove(step).unwrap_or_default();
        drop(state);
        let (done, size) = (self.style.good(self.glyphs.done), size.map(bytes).unwrap_or_default());
        let text = format!("  {done} {} {:>10}  {size:>9}", name(step), seconds(time));
        self.line(format!("{text}  {}", self.style.faint(&changed)).trim_end());
    }

    fn packages(&self, step: &str, done: usize, total: usize, current: &str) {
        let mut state = self.state();
        let Some(bar) = state.running.get(step).cloned() else { return };
        if state.counting.insert(step.to_owned()) {
            bar.set_style(self.template("  {spinner} {prefix} {time}  {bar:22} {pos:>4}/{len} {wide_msg}"));
        }
        bar.set_length(total as u64);
        bar.set_position(done as u64);
        bar.set_message(self.style.faint(&cut(&clean(current), TEXT)));
    }

    fn download(&self, done: u64, total: u64, files: usize, files_total: usize) {
        let mut state = self.state();
        if state.download.is_none() && done < total {
            let bar = self.add_line(
                &state,
                "  {spinner} {prefix} {time}  {bar:22} {decimal_bytes_per_sec:>12}  {wide_msg}",
                total,
            );
            bar.set_prefix(name("download"));
            state.download = Some(bar);
        }
        let Some(bar) = &state.download else { return };
        bar.set_length(total);
        bar.set_position(done);
        bar.set_message(format!("{files}/{files_total} files, {} of {}", bytes(done), bytes(total)));
        if done >= total {
            bar.finish_and_clear();
            state.download = None;
        }
    }

    fn planned(&self, steps: usize) {
        let state = self.state();
        let template = format!("  {{spinner}} {:NAME$} {{time}}  {{bar:22}} {{pos:>4}}/{{len}} steps", "");
        state.overall.set_style(self.template(&template));
        state.overall.set_length(steps as u64);
        state.overall.set_position(0);
    }
}

/// A time that still grows: never in a unit that changes at once.
fn running(time: Duration) -> String {
    seconds(time.as_secs_f64().max(0.1))
}

/// The name of a step, padded.
fn name(step: &str) -> String {
    format!("{:<NAME$}", cut(&clean(step), NAME))
}

impl Renderer for Interactive {
    fn event(&self, event: &Event) {
        match event {
            Event::Planned { steps } => self.planned(steps.len()),
            Event::StepStarted { step, title } => self.step_started(step, title),
            Event::StepFinished { step, seconds, cached, size } => {
                self.step_finished(step, *seconds, *cached, *size);
            }
            Event::StepMissed { step, changed } if !changed.is_empty() => {
                let text = format!("changed: {}", cut(&clean(&changed.join(", ")), TEXT));
                self.state().changed.insert(step.clone(), text);
            }
            Event::Download { done, total, files, files_total } => {
                self.download(*done, *total, *files, *files_total);
            }
            Event::Packages { step, done, total, current } => self.packages(step, *done, *total, current),
            Event::Log { step, line } if self.verbose => {
                self.line(&self.style.faint(&format!("    {}| {}", clean(step), clean(line))));
            }
            Event::Warning { message } => {
                self.line(&format!("  {} {}", self.style.warn("warning:"), clean(message)));
            }
            // the summary at the end shows artifacts, with more room
            Event::StepMissed { .. } | Event::Log { .. } | Event::Artifact { .. } => {}
        }
    }

    fn note(&self, text: &str) {
        self.line(&format!("  {}", self.style.warn(text)));
    }

    fn finish(&self) {
        let mut state = self.state();
        for (_, bar) in state.running.drain() {
            bar.finish_and_clear();
        }
        if let Some(bar) = state.download.take() {
            bar.finish_and_clear();
        }
        // before the last line is cleared: what is printed later would stay on the line of the cursor
        if state.reused > 0 {
            let text = format!("{} from the store", count(state.reused, "step"));
            self.line(&format!("  {} {}", self.style.good(self.glyphs.done), self.style.faint(&text)));
        }
        state.overall.finish_and_clear();
        state.echo = None;
    }
}
