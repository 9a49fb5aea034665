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

/// Why nothing more will come from a guest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum End {
    /// No boot loader spoke in this many seconds.
    NoBootloader(u64),
    /// The whole time, in seconds, is over.
    TimeIsUp(u64),
    /// The machine stopped; the reason in the words of QEMU.
    Stopped(String),
}

/// Reads the serial port and the firmware's debug port of one guest. The bytes are foreign: nothing in them can make it
/// fail or take more than a fixed amount of memory.
#[derive(Debug)]
pub struct Classifier {
    serial: Console,
    debug: Console,
    state: State,
}

#[derive(Debug)]
struct State {
    stage: Stage,
    recent: VecDeque<String>,
    interrupted: String,
    finding: Option<Finding>,
}

impl Default for Classifier {
    fn default() -> Self {
        Self::new()
    }
}

impl Classifier {
    /// A classifier for a machine that was just switched on.
    pub fn new() -> Self {
        let state =
            State { stage: Stage::Start, recent: VecDeque::new(), interrupted: String::new(), finding: None };
        Self { serial: Console::new(), debug: Console::new(), state }
    }

    /// Takes bytes of the serial port; each finished line goes to `on_line`, in plain text.
    pub fn serial(&mut self, bytes: &[u8], on_line: &mut dyn FnMut(&str)) {
        let state = &mut self.state;
        self.serial.feed(bytes, &mut |line| {
            on_line(line);
            state.line(line);
        });
        self.state.prompt(&self.serial.unfinished());
    }

    /// Takes bytes of the firmware's debug port, which tells more than the serial port when nothing is bootable.
    pub fn debug(&mut self, bytes: &[u8]) {
        let state = &mut self.state;
        self.debug.feed(bytes, &mut |line| state.firmware_line(line));
    }

    /// The text after the last line end of the serial port.
    pub fn unfinished(&self) -> String {
        self.serial.unfinished()
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
        let prompt = self.serial.unfinished();
        if !prompt.trim().is_empty() {
            self.state.keep(&prompt);
        }
        self.state.finding.take().unwrap_or_else(|| self.state.at(end))
    }
}

impl State {
    fn line(&mut self, line: &str) {
        let joined = self.joined(line);
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
    fn joined(&self, line: &str) -> String {
        let broken =
            |last: &&String| self.stage <= Stage::Bootloader && last.chars().count() >= TERMINAL_WIDTH;
        self.recent.back().filter(broken).map_or_else(|| line.to_owned(), |last| format!("{last}{line}"))
    }

    fn firmware_line(&mut self, line: &str) {
        if self.stage > Stage::Firmware {
            return;
        }
        if stage_of(line) == Some(Stage::Firmware) {
            self.stage = Stage::Firmware;
        }
        if line.starts_with("Booting from")
            || line.starts_with("Boot failed")
            || line.starts_with("No bootable")
        {
            self.keep(line);
            self.find(judge(self.stage, line));
        }
    }

    /// Looks at a line that has not ended.
    fn prompt(&mut self, text: &str) {
        let whole = format!("{}{text}", self.interrupted);
        if is_login(text) {
            self.login(text);
        } else if is_login(&whole) {
            self.login(&whole);
        } else if text.starts_with("(initramfs)") || text.starts_with("grub rescue>") {
            self.find(judge(self.stage, text));
        } else if text.starts_with("grub> ") && self.stage <= Stage::Bootloader {
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
        let stage = self.stage;
        let silent = stage <= Stage::Firmware;
        let (verdict, message) = match end {
            End::NoBootloader(seconds) => {
                (Verdict::BootloaderDamaged, format!("no boot loader spoke within {seconds} seconds"))
            }
            End::TimeIsUp(_) if silent => (Verdict::BootloaderDamaged, "no boot loader spoke".to_owned()),
            End::TimeIsUp(seconds) => {
                let hint = if stage == Stage::Bootloader { "; has the kernel `console=ttyS0`?" } else { "" };
                let last = stage.name();
                (
                    Verdict::Timeout,
                    format!("no login prompt within {seconds} seconds; {last} spoke last{hint}"),
                )
            }
            End::Stopped(reason) if silent => (
                Verdict::BootloaderDamaged,
                format!("the machine stopped ({reason}) before a boot loader spoke"),
            ),
            End::Stopped(reason) => {
                (Verdict::Stopped, format!("the machine stopped ({reason}); {} spoke last", stage.name()))
            }
        };
        Finding { verdict, message, excerpt: self.recent.iter().cloned().collect() }
    }
}

#[cfg(test)]
mod tests;
