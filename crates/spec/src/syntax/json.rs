//! JSON (RFC 8259), with the place of every value.

use super::toml::{not_a_number, out_of_range};
use super::{Budget, MAX_DEPTH, dedup, too_deep};
use crate::report::{Finding, Report};
use crate::source::Span;
use crate::value::{Entry, Node, Value};

pub(super) fn read(text: &str, report: &mut Report<'_>) -> Option<Node> {
    let mut reader = Reader { text, at: 0, budget: Budget::default() };
    match reader.document() {
        Ok(mut node) => {
            dedup(&mut node, "", report);
            Some(node)
        }
        Err(finding) => {
            report.add(finding);
            None
        }
    }
}

struct Reader<'t> {
    text: &'t str,
    at: usize,
    budget: Budget,
}

impl Reader<'_> {
    fn document(&mut self) -> Result<Node, Finding> {
        self.space();
        let node = self.value(0)?;
        self.space();
        if self.at < self.text.len() {
            return Err(self.unexpected("the end of the text"));
        }
        Ok(node)
    }

    fn value(&mut self, depth: usize) -> Result<Node, Finding> {
        let start = self.at;
        self.budget.spend(Span::new(start, start + 1))?;
        if depth > MAX_DEPTH {
            return Err(too_deep(Span::new(start, start + 1)));
        }
        let value = match self.peek() {
            Some(b'{') => self.table(depth)?,
            Some(b'[') => self.array(depth)?,
            Some(b'"') => Value::String(self.string()?),
            Some(b'-' | b'0'..=b'9') => self.number()?,
            Some(b't') => self.word("true", Value::Bool(true))?,
            Some(b'f') => self.word("false", Value::Bool(false))?,
            Some(b'n') => self.word("null", Value::Null)?,
            _ => return Err(self.unexpected("a value")),
        };
        Ok(Node::new(value, Span::new(start, self.at)))
    }

    fn table(&mut self, depth: usize) -> Result<Value, Finding> {
        self.at += 1;
        let mut entries = Vec::new();
        self.space();
        if self.take(b'}') {
            return Ok(Value::Table(entries));
        }
        loop {
            self.space();
            if self.peek() != Some(b'"') {
                return Err(self.unexpected("a key in double quotes"));
            }
            let start = self.at;
            let key = self.string()?;
            let key_span = Span::new(start, self.at);
            self.space();
            self.expect(b':', "`:`")?;
            self.space();
            let node = self.value(depth + 1)?;
            entries.push(Entry { key, key_span, node });
            self.space();
            if self.take(b'}') {
                return Ok(Value::Table(entries));
            }
            self.expect(b',', "`,` or `}`")?;
        }
    }

    fn array(&mut self, depth: usize) -> Result<Value, Finding> {
        self.at += 1;
        let mut items = Vec::new();
        self.space();
        if self.take(b']') {
            return Ok(Value::Array(items));
        }
        loop {
            self.space();
            items.push(self.value(depth + 1)?);
            self.space();
            if self.take(b']') {
                return Ok(Value::Array(items));
            }
            self.expect(b',', "`,` or `]`")?;
        }
    }

    fn string(&mut self) -> Result<String, Finding> {
        let start = self.at;
        self.at += 1;
        let mut out = String::new();
        loop {
            let rest = &self.text[self.at..];
            let plain = rest.find(|c: char| c == '"' || c == '\\' || c < ' ').unwrap_or(rest.len());
            out.push_str(&rest[..plain]);
            self.at += plain;
            match self.peek() {
                Some(b'"') => {
                    self.at += 1;
                    return Ok(out);
                }
                Some(b'\\') => out.push(self.escape()?),
                Some(_) => return Err(self.unexpected("an escaped control character")),
                None => {
                    return Err(syntax(Span::new(start, start + 1), "this string has no closing quote"));
                }
            }
        }
    }

    fn escape(&mut self) -> Result<char, Finding> {
        let start = self.at;
        self.at += 1;
        let escaped = self.peek();
        self.at += 1;
        Ok(match escaped {
            Some(b'"') => '"',
            Some(b'\\') => '\\',
            Some(b'/') => '/',
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => return self.unicode(start),
            _ => return Err(syntax(Span::new(start, start + 2), "unknown escape sequence")),
        })
    }

    fn unicode(&mut self, start: usize) -> Result<char, Finding> {
        let first = self.hex(start)?;
        let code = if (0xD800..0xDC00).contains(&first) && self.text[self.at..].starts_with("\\u") {
            self.at += 2;
            let second = self.hex(start)?;
            0x1_0000 + ((first - 0xD800) << 10) + (second.wrapping_sub(0xDC00) & 0xFFFF)
        } else {
            first
        };
        char::from_u32(code)
            .ok_or_else(|| syntax(Span::new(start, self.at), "this escape is half of a surrogate pair"))
    }

    fn hex(&mut self, start: usize) -> Result<u32, Finding> {
        let digits = self.text.get(self.at..self.at + 4);
        let digits = digits.filter(|digits| digits.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let code = digits.and_then(|digits| u32::from_str_radix(digits, 16).ok());
        self.at += 4;
        code.ok_or_else(|| syntax(Span::new(start, start + 2), "`\\u` needs four hexadecimal digits"))
    }

    fn number(&mut self) -> Result<Value, Finding> {
        let start = self.at;
        let rest = &self.text[start..];
        let end = rest.find(|c: char| !matches!(c, '0'..='9' | '+' | '-' | '.' | 'e' | 'E'));
        let number = &rest[..end.unwrap_or(rest.len())];
        self.at += number.len();
        let span = Span::new(start, self.at);
        if !is_json_number(number) {
            return Err(syntax(span, "this is not a number"));
        }
        if number.bytes().all(|byte| byte.is_ascii_digit() || byte == b'-') {
            return number.parse().map(Value::Integer).map_err(|_| out_of_range(span));
        }
        let parsed = number.parse::<f64>().ok().filter(|number| number.is_finite());
        parsed.map(Value::Float).ok_or_else(|| not_a_number(span))
    }

    fn word(&mut self, word: &str, value: Value) -> Result<Value, Finding> {
        if !self.text[self.at..].starts_with(word) {
            return Err(self.unexpected("a value"));
        }
        self.at += word.len();
        Ok(value)
    }

    fn space(&mut self) {
        while matches!(self.peek(), Some(b' ' | b'\t' | b'\n' | b'\r')) {
            self.at += 1;
        }
    }

    fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.peek() == Some(byte);
        self.at += usize::from(found);
        found
    }

    fn expect(&mut self, byte: u8, what: &str) -> Result<(), Finding> {
        if self.take(byte) { Ok(()) } else { Err(self.unexpected(what)) }
    }

    fn unexpected(&self, expected: &str) -> Finding {
        let length = self.text[self.at..].chars().next().map_or(0, char::len_utf8);
        syntax(Span::new(self.at, self.at + length), &format!("expected {expected}"))
    }
}

fn syntax(span: Span, message: &str) -> Finding {
    Finding::error("syntax", span, "", format!("not valid JSON: {message}"))
}

fn is_json_number(text: &str) -> bool {
    let text = text.strip_prefix('-').unwrap_or(text);
    let digits = |text: &str| text.bytes().take_while(u8::is_ascii_digit).count();
    let whole = digits(text);
    if whole == 0 || (whole > 1 && text.starts_with('0')) {
        return false;
    }
    let mut rest = &text[whole..];
    if let Some(fraction) = rest.strip_prefix('.') {
        let count = digits(fraction);
        if count == 0 {
            return false;
        }
        rest = &fraction[count..];
    }
    if let Some(exponent) = rest.strip_prefix(['e', 'E']) {
        let exponent = exponent.strip_prefix(['+', '-']).unwrap_or(exponent);
        return !exponent.is_empty() && digits(exponent) == exponent.len();
    }
    rest.is_empty()
}
