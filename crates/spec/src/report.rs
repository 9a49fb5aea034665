//! Collects findings while a spec is read, and turns byte ranges into lines and columns at the end.

use crate::diagnostic::{Diagnostic, Diagnostics, Severity};
use crate::origin::{Layer, Written};
use crate::source::{LineIndex, Source, Span};

/// Findings beyond this number are counted, not kept: hostile input must not fill memory.
const MAX_FINDINGS: usize = 200;

/// Longest piece of written text that a message quotes, in characters.
const QUOTED: usize = 60;

/// Longest message, reason or hint, in bytes.
const LONGEST: usize = 600;

/// One finding, still with a byte range. Boxed, because it travels as the error of many small functions.
#[derive(Clone, Debug)]
pub(crate) struct Finding(Box<Details>);

#[derive(Clone, Debug)]
struct Details {
    severity: Severity,
    code: &'static str,
    span: Span,
    pointer: String,
    message: String,
    reason: Option<String>,
    hint: Option<String>,
    sensitive: bool,
}

impl Finding {
    pub(crate) fn error(code: &'static str, span: Span, pointer: &str, message: impl Into<String>) -> Self {
        Self(Box::new(Details {
            severity: Severity::Error,
            code,
            span,
            pointer: pointer.to_owned(),
            message: message.into(),
            reason: None,
            hint: None,
            sensitive: false,
        }))
    }

    pub(crate) fn warning(code: &'static str, span: Span, pointer: &str, message: impl Into<String>) -> Self {
        let mut finding = Self::error(code, span, pointer, message);
        finding.0.severity = Severity::Warning;
        finding
    }

    pub(crate) fn reason(self, reason: impl Into<String>) -> Self {
        self.maybe_reason(Some(reason.into()))
    }

    pub(crate) fn hint(self, hint: impl Into<String>) -> Self {
        self.maybe_hint(Some(hint.into()))
    }

    pub(crate) fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.0.hint = hint.or(self.0.hint.take());
        self
    }

    pub(crate) fn maybe_reason(mut self, reason: Option<String>) -> Self {
        self.0.reason = reason.or(self.0.reason.take());
        self
    }

    pub(crate) fn span(&self) -> Span {
        self.0.span
    }

    pub(crate) fn point_to(mut self, pointer: String) -> Self {
        self.0.pointer = pointer;
        self
    }

    pub(crate) fn sensitive(mut self, sensitive: bool) -> Self {
        self.0.sensitive = sensitive;
        self
    }
}

/// The findings so far.
pub(crate) struct Report<'s> {
    source: &'s Source,
    index: LineIndex,
    findings: Vec<Finding>,
    dropped: usize,
}

impl<'s> Report<'s> {
    pub(crate) fn new(source: &'s Source) -> Self {
        Self { source, index: LineIndex::new(&source.text), findings: Vec::new(), dropped: 0 }
    }

    pub(crate) fn add(&mut self, finding: Finding) {
        if self.findings.len() < MAX_FINDINGS {
            self.findings.push(finding);
        } else {
            self.dropped += 1;
        }
    }

    /// Whether further findings are only counted, so that making them is a waste.
    pub(crate) fn is_full(&self) -> bool {
        self.dropped > 0
    }

    pub(crate) fn has_errors(&self) -> bool {
        self.dropped > 0 || self.findings.iter().any(|finding| finding.0.severity == Severity::Error)
    }

    /// A place in the text as part of an origin.
    pub(crate) fn written(&self, layer: Layer, span: Span) -> Written {
        let position = self.index.position(&self.source.text, span.start);
        Written { layer, file: self.source.file.clone(), line: position.line, column: position.column }
    }

    /// The line that a place in the text is on.
    pub(crate) fn line(&self, span: Span) -> u32 {
        self.index.position(&self.source.text, span.start).line
    }

    /// The bytes `at` of a value, when its text stands in the source just so; else all of the value.
    pub(crate) fn within(&self, span: Span, text: &str, at: Option<std::ops::Range<usize>>) -> Span {
        let written = self.source.text.get(span.start..span.end).unwrap_or("");
        match (at, written.find(text)) {
            (Some(at), Some(offset)) if !text.is_empty() => {
                Span::new(span.start + offset + at.start, span.start + offset + at.end)
            }
            _ => span,
        }
    }

    /// Everything found, sorted by place.
    pub(crate) fn finish(mut self) -> Diagnostics {
        if self.dropped > 0 {
            let message = format!("{} more findings are not shown", self.dropped);
            let end = Span::new(self.source.text.len(), self.source.text.len());
            self.findings.push(Finding::error("too-many-findings", end, "", message));
        }
        let found = std::mem::take(&mut self.findings);
        Diagnostics(found.into_iter().map(|finding| self.place(finding)).collect()).sorted()
    }

    fn place(&self, finding: Finding) -> Diagnostic {
        let text = &self.source.text;
        let finding = *finding.0;
        let position = self.index.position(text, finding.span.start);
        Diagnostic {
            severity: finding.severity,
            code: finding.code,
            message: clean(&finding.message),
            reason: finding.reason.as_deref().map(clean),
            hint: finding.hint.as_deref().map(clean),
            file: self.source.file.clone(),
            line: position.line,
            column: position.column,
            length: self.index.length(text, finding.span),
            pointer: finding.pointer,
            sensitive: finding.sensitive,
        }
    }
}

/// Written text for use in a message: in backticks, cut when long.
pub(crate) fn quote(text: &str) -> String {
    let mut out = String::from("`");
    out.extend(text.chars().take(QUOTED));
    if text.chars().nth(QUOTED).is_some() {
        out.push('…');
    }
    out.push('`');
    out
}

/// A message as one line of bounded length, without characters that act on a terminal.
fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len().min(LONGEST));
    for c in text.trim_end().chars() {
        match c {
            _ if out.len() >= LONGEST => {
                out.push('…');
                break;
            }
            '\n' => out.push_str(", "),
            _ if acts(c) => out.extend(c.escape_unicode()),
            _ => out.push(c),
        }
    }
    out
}

/// Control characters, and those that hide or turn around what follows.
pub(crate) fn acts(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}
