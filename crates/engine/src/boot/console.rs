//! Serial output as lines of plain text.

/// Longest line in bytes; a longer one is cut into several.
const MAX_LINE: usize = 4096;

/// Turns what a guest writes to a terminal into lines without control characters. It draws nothing: moving the
/// cursor to another place ends a line, which is right for boot menus and messages alike.
#[derive(Debug, Default)]
pub struct Console {
    line: Vec<u8>,
    escape: Escape,
}

/// Where in an escape sequence the text is (ECMA-48).
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
enum Escape {
    #[default]
    None,
    /// After ESC.
    Start,
    /// After ESC and an intermediate byte such as `(`.
    Intermediate,
    /// In a control sequence.
    Control,
    /// In an operating system command or another string, up to BEL or ESC `\`.
    Text,
    /// After an ESC inside a string.
    Escaped,
}

impl Escape {
    fn after(self, byte: u8) -> Self {
        match (self, byte) {
            (Self::Text, 0x1b) => Self::Escaped,
            (Self::Text, 0x07 | b'\n') => Self::None,
            (Self::Text, _) | (Self::Start, b']' | b'P' | b'X' | b'^' | b'_') => Self::Text,
            (Self::None | Self::Start | Self::Control, 0x1b) => Self::Start,
            (Self::Start, b'[') => Self::Control,
            (Self::Start | Self::Intermediate, 0x20..=0x2f) => Self::Intermediate,
            (Self::Control, byte) if byte != b'\n' && !(0x40..=0x7e).contains(&byte) => Self::Control,
            _ => Self::None,
        }
    }
}

impl Console {
    /// An empty console.
    pub fn new() -> Self {
        Self::default()
    }

    /// Takes bytes and gives each finished line that has a letter or digit to `on_line`: the others are blank, or frames of
    /// menus.
    pub fn feed(&mut self, bytes: &[u8], on_line: &mut dyn FnMut(&str)) {
        for &byte in bytes {
            if self.take(byte) {
                self.flush(on_line);
            }
        }
    }

    /// The line that has not ended yet: a prompt, where the guest waits for input.
    pub fn unfinished(&self) -> String {
        // The control characters above ASCII can start a sequence as well.
        String::from_utf8_lossy(&self.line).chars().filter(|c| !c.is_control()).collect()
    }

    /// Ends the last line.
    pub fn flush(&mut self, on_line: &mut dyn FnMut(&str)) {
        let text = self.unfinished();
        let text = text.trim_end();
        if text.chars().any(char::is_alphanumeric) {
            on_line(text);
        }
        self.line.clear();
    }

    /// Whether the byte ends a line.
    fn take(&mut self, byte: u8) -> bool {
        let before = self.escape;
        self.escape = before.after(byte);
        let ends = match before {
            Escape::None => self.character(byte),
            // A byte that cannot be part of a sequence ends it: a cut sequence must not swallow the text after it.
            Escape::Control | Escape::Text if byte == b'\n' => true,
            // Index, next line and reverse index; the sequences that move the cursor or clear the screen.
            Escape::Start => matches!(byte, b'D' | b'E' | b'M'),
            Escape::Control => matches!(byte, b'A' | b'B' | b'E'..=b'H' | b'J' | b'd' | b'f'),
            Escape::Intermediate | Escape::Text | Escape::Escaped => false,
        };
        ends || self.line.len() >= MAX_LINE
    }

    fn character(&mut self, byte: u8) -> bool {
        match byte {
            b'\n' => return true,
            b'\t' => self.line.push(b' '),
            0x08 => {
                self.line.pop();
            }
            0x00..=0x1f | 0x7f => {}
            _ => self.line.push(byte),
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(bytes: &[u8]) -> Vec<String> {
        let mut console = Console::new();
        let mut lines = Vec::new();
        console.feed(bytes, &mut |line| lines.push(line.to_owned()));
        console.flush(&mut |line| lines.push(line.to_owned()));
        lines
    }

    #[test]
    fn colours_and_titles_vanish() {
        assert_eq!(lines(b"\x1b[0;32m[  OK  ]\x1b[0m ready\r\n\x1b]0;title\x07x\n"), ["[  OK  ] ready", "x"]);
        assert_eq!(lines(b"\x1b(B\x1b[!p\x1b]104\x07\x1b[?7hboot\n"), ["boot"]);
    }

    #[test]
    fn moving_the_cursor_ends_a_line() {
        assert_eq!(lines(b"\x1b[H\x1b[J\x1b[2;24HGNU GRUB\x1b[4;2H+----+\x1b[m"), ["GNU GRUB"]);
    }

    #[test]
    fn a_prompt_is_the_unfinished_line() {
        let mut console = Console::new();
        console.feed(b"Debian\r\n\r\nlive login: ", &mut |_| {});
        assert_eq!(console.unfinished(), "live login: ");
    }

    #[test]
    fn a_sequence_cut_by_a_line_end_swallows_nothing_after_it() {
        assert_eq!(lines(b"\x1b[12\nKernel panic\n\x1b]0;open\nnext\n"), ["Kernel panic", "next"]);
    }

    #[test]
    fn an_endless_line_is_cut() {
        let lines = lines(&[b'a'; 3 * MAX_LINE]);
        assert_eq!(lines.len(), 3);
        assert!(lines.iter().all(|line| line.len() == MAX_LINE));
    }
}
