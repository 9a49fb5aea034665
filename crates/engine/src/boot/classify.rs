//! Finds out from what a guest writes how its boot went.

use std::collections::VecDeque;

use super::console::Console;
use super::signs::{before_kernel_message, is_login, judge, stage_of};
use super::verdict::{Finding, Stage, Verdict};

/// Lines of an excerpt before its reason.
const BEFORE: usize = 10;

/// Lines of an excerpt in all.
const EXCERPT: usize = 24;

/// Characters of a serial terminal's row, where GRUB breaks its messages.
const TERMINAL_WIDTH: usize = 79;

/// Why nothing more will come from a guest. Times in seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// No boot loader spoke in this time.
    NoBootloader(u64),
    /// Nobody spoke for this time.
    Silence(u64),
    /// The whole time is over.
    TimeIsUp(u64),
    /// The machine stopped; the reason in the words of QEMU.
    Stopped(String),
}

/// Reads the serial port and the BIOS screen of one guest. The bytes are foreign: nothing in them can make it fail or
/// take more than a fixed amount of memory.
#[derive(Debug, Default)]
pub struct Classifier {
    serial: Port,
    screen: Port,
    state: State,
}

#[derive(Debug, Default)]
struct Port {
    console: Console,
    /// It gave a line.
    spoke: bool,
    /// The last line.
    previous: String,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    recent: VecDeque<String>,
    /// What stood in a line before a kernel message broke into it.
    interrupted: String,
    finding: Option<Finding>,
}

impl Default for State {
    fn default() -> Self {
        Self { stage: Stage::Start, recent: VecDeque::new(), interrupted: String::new(), finding: None }
    }
}

impl Classifier {
    /// A classifier for a machine that was just switched on.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes of the serial port; each finished line goes to `on_line`, in plain text.
    pub fn serial(&mut self, bytes: &[u8], on_line: &mut dyn FnMut(&str)) {
        let (state, Port { console, spoke, previous }) = (&mut self.state, &mut self.serial);
        console.feed(bytes, &mut |line| {
            *spoke = true;
            on_line(line);
            state.line(line, previous);
        });
        state.prompt(&console.unfinished());
    }

    /// Takes bytes of the text on the screen, which is all there is of a BIOS, and of a boot loader without a
    /// configuration. It is heard until the serial port speaks; each finished line goes to `on_line`.
    pub fn screen(&mut self, bytes: &[u8], on_line: &mut dyn FnMut(&str)) {
        if self.serial.spoke {
            return;
        }
        let (state, previous) = (&mut self.state, &mut self.screen.previous);
        self.screen.console.feed(bytes, &mut |line| {
            on_line(line);
            state.line(line, previous);
        });
        state.prompt(&self.screen.console.unfinished());
    }

    /// The text after the last line end of the serial port.
    pub fn unfinished(&self) -> String {
        self.serial.console.unfinished()
    }

    /// How far the guest came.
    pub fn stage(&self) -> Stage {
        self.state.stage
    }

    /// The verdict, once there is one; the first stands.
    pub fn finding(&self) -> Option<&Finding> {
        self.state.finding.as_ref()
    }

    /// The verdict, now that nothing more will come.
    pub fn finish(mut self, end: &End) -> Finding {
        let prompt = self.unfinished();
        if !prompt.trim().is_empty() {
            self.state.keep(prompt.trim_end());
        }
        self.state.finding.take().unwrap_or_else(|| self.state.at(end))
    }
}

impl State {
    fn line(&mut self, line: &str, previous: &mut String) {
        let joined = self.joined(line, previous);
        line.clone_into(previous);
        if let Some(before) = before_kernel_message(line) {
            before.clone_into(&mut self.interrupted);
        } else if !line.starts_with('[') {
            self.interrupted.clear();
        }
        if let Some(stage) = stage_of(line) {
            self.stage = self.stage.max(stage);
        }
        let found = judge(self.stage, &joined);
        self.keep(line);
        self.find(found);
        if is_login(line) {
            self.login(line);
        }
    }

    /// The line, with the row before it where GRUB broke one message into two.
    fn joined(&self, line: &str, previous: &str) -> String {
        let broken = self.stage <= Stage::Bootloader && previous.chars().count() >= TERMINAL_WIDTH;
        if broken { format!("{previous}{line}") } else { line.to_owned() }
    }

    /// Looks at a line that has not ended.
    fn prompt(&mut self, text: &str) {
        let whole = format!("{}{text}", self.interrupted);
        if is_login(text) {
            self.login(text);
        } else if is_login(&whole) {
            self.login(&whole);
        } else if ["(initramfs)", "grub rescue>", "No bootable device"]
            .iter()
            .any(|end| text.starts_with(end))
        {
            self.find(judge(self.stage, text));
        } else if text.starts_with("grub>") && self.stage <= Stage::Bootloader {
            self.find(Some((Verdict::BootloaderDamaged, "GRUB found no configuration".to_owned())));
        } else if text.starts_with("Shell> ") && self.stage <= Stage::Firmware {
            self.find(Some((Verdict::BootloaderDamaged, "the firmware found nothing bootable".to_owned())));
        }
    }

    fn login(&mut self, line: &str) {
        let host = line.split(" login:").next().unwrap_or_default();
        self.find(Some((Verdict::LoginPrompt, format!("`{host}` asks for a login"))));
    }

    fn find(&mut self, found: Option<(Verdict, String)>) {
        if self.finding.is_none()
            && let Some((verdict, message)) = found
        {
            self.finding = Some(Finding { verdict, message, excerpt: self.recent.iter().cloned().collect() });
        }
    }

    fn keep(&mut self, line: &str) {
        if self.recent.len() == BEFORE {
            self.recent.pop_front();
        }
        self.recent.push_back(line.to_owned());
        if let Some(finding) = &mut self.finding
            && finding.excerpt.len() < EXCERPT
        {
            finding.excerpt.push(line.to_owned());
        }
    }

    fn at(&self, end: &End) -> Finding {
        let (verdict, message) = if self.stage <= Stage::Firmware {
            (Verdict::BootloaderDamaged, no_bootloader(end))
        } else {
            self.no_system(end)
        };
        Finding { verdict, message, excerpt: self.recent.iter().cloned().collect() }
    }

    fn no_system(&self, end: &End) -> (Verdict, String) {
        let in_loader = self.stage == Stage::Bootloader;
        let hint = if in_loader {
            "; the kernel is damaged, or `console=ttyS0` is not among its parameters"
        } else {
            ""
        };
        let last = self.stage.name();
        match end {
            End::Stopped(reason) => {
                (Verdict::Stopped, format!("the machine stopped ({reason}); {last} spoke last{hint}"))
            }
            End::Silence(seconds) => {
                (Verdict::Timeout, format!("{last} spoke last, and nobody since {seconds} seconds{hint}"))
            }
            End::TimeIsUp(seconds) | End::NoBootloader(seconds) => (
                Verdict::Timeout,
                format!("no login prompt within {seconds} seconds; {last} spoke last{hint}"),
            ),
        }
    }
}

fn no_bootloader(end: &End) -> String {
    match end {
        End::NoBootloader(seconds) | End::Silence(seconds) | End::TimeIsUp(seconds) => {
            format!("no boot loader spoke within {seconds} seconds")
        }
        End::Stopped(reason) => format!("the machine stopped ({reason}) before a boot loader spoke"),
    }
}

#[cfg(test)]
mod tests;
