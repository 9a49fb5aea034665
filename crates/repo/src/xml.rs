//! A reader of XML metadata from front to back, in bounded memory: elements, attributes and text, nothing else.
//!
//! Document types with definitions of their own, entities other than XML's five, and encodings other than UTF-8 are
//! refused, so that no document can grow in memory or reach outside. Names lose their namespace prefix.

use std::borrow::Cow;
use std::io::{self, BufRead, Read};

use quick_xml::errors::{IllFormedError, SyntaxError};
use quick_xml::events::{BytesRef, BytesStart, Event};

/// Elements may be nested this deep.
const MAX_DEPTH: usize = 64;
/// Bytes of one tag or one piece of text.
const MAX_EVENT: usize = 16 << 20;
/// Attributes of one element that are looked at.
const MAX_ATTRIBUTES: usize = 64;

/// Why a document cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum XmlError {
    /// It is not well-formed.
    #[error("XML is not well-formed near byte {position}")]
    Form {
        /// Where it was noticed, in bytes from the start.
        position: u64,
        /// What is wrong.
        #[source]
        source: Box<quick_xml::Error>,
    },
    /// It ends inside of an element.
    #[error("XML is truncated")]
    Truncated,
    /// It defines a document type of its own.
    #[error("XML has a document type with definitions")]
    DocumentType,
    /// An entity that is not one of XML's own five.
    #[error("XML uses the unknown entity `{0}`")]
    Entity(String),
    /// It is not in UTF-8.
    #[error("XML is not in UTF-8 but in `{0}`")]
    Encoding(String),
    /// Elements are nested too deep.
    #[error("XML is nested deeper than {MAX_DEPTH} elements")]
    TooDeep,
    /// A tag, a text or a document type is too long, or an element has too many attributes.
    #[error("XML has a tag or text longer than {MAX_EVENT} bytes, or more than {MAX_ATTRIBUTES} attributes")]
    TooLarge,
    /// The outermost element is another one.
    #[error("expected the XML element `{expected}`, found `{found}`")]
    Root {
        /// What should be here.
        expected: &'static str,
        /// What is here.
        found: String,
    },
    /// An element stands where only text may be.
    #[error("XML element `{0}` stands inside of a text")]
    ElementInText(String),
    /// Something stands after the outermost element.
    #[error("XML goes on after its end")]
    Trailing,
    /// The bytes cannot be read.
    #[error("cannot read the XML")]
    Read(#[source] io::Error),
}

/// The reader. Each call goes one step on; the innermost open element is the current one.
pub struct Xml<R> {
    reader: quick_xml::Reader<Bounded<R>>,
    buffer: Vec<u8>,
    /// The tag of the current element, without its brackets.
    tag: String,
    name_len: usize,
    depth: usize,
}

/// The tag of an element.
#[derive(Debug)]
pub struct Tag<'a> {
    start: BytesStart<'a>,
}

impl Tag<'_> {
    /// The name without its prefix.
    pub fn name(&self) -> &str {
        local(self.start.name().into_inner())
    }

    /// Calls `visit` with the name (without prefix) and the value of each attribute, as they stand.
    ///
    /// # Errors
    /// When the tag is malformed or an entity is unknown, or what `visit` returns.
    pub fn attributes<E: From<XmlError>>(
        &self,
        mut visit: impl FnMut(&str, Cow<'_, str>) -> Result<(), E>,
    ) -> Result<(), E> {
        let mut attributes = self.start.attributes();
        attributes.with_checks(false);
        for (at, attribute) in attributes.enumerate() {
            if at == MAX_ATTRIBUTES {
                return Err(XmlError::TooLarge.into());
            }
            let form = |source: quick_xml::Error| XmlError::Form { position: 0, source: Box::new(source) };
            let attribute = attribute.map_err(|source| form(source.into()))?;
            let value = attribute.value;
            let value = if value.contains('&') { Cow::Owned(unescape(&value)?) } else { value };
            visit(local(attribute.key.into_inner()), value)?;
        }
        Ok(())
    }

    /// The value of one attribute.
    ///
    /// # Errors
    /// As [`Tag::attributes`].
    pub fn attribute(&self, wanted: &str) -> Result<Option<String>, XmlError> {
        let mut found = None;
        self.attributes(|name, value| {
            if name == wanted && found.is_none() {
                found = Some(value.into_owned());
            }
            Ok::<(), XmlError>(())
        })?;
        Ok(found)
    }
}

fn local(name: &str) -> &str {
    name.rsplit_once(':').map_or(name, |(_, local)| local)
}

/// What a step met.
enum Step {
    Open,
    Close,
    Text,
    End,
}

impl<R: BufRead> Xml<R> {
    /// Starts reading.
    pub fn new(reader: R) -> Self {
        let mut reader = quick_xml::Reader::from_reader(Bounded { inner: reader, left: MAX_EVENT });
        reader.config_mut().expand_empty_elements = true;
        Self { reader, buffer: Vec::new(), tag: String::new(), name_len: 0, depth: 0 }
    }

    /// Reads up to the tag of the outermost element, which must be `expected`.
    ///
    /// # Errors
    /// When it is another one, or there is none.
    pub fn root(&mut self, expected: &'static str) -> Result<Tag<'_>, XmlError> {
        self.root_of(&[expected])
    }

    /// Reads up to the tag of the outermost element, which must be one of `expected`.
    ///
    /// # Errors
    /// When it is another one, or there is none.
    pub fn root_of(&mut self, expected: &[&'static str]) -> Result<Tag<'_>, XmlError> {
        loop {
            match self.step(None)? {
                Step::Open => break,
                Step::Text => {}
                Step::Close | Step::End => return Err(XmlError::Truncated),
            }
        }
        let tag = self.current();
        if !expected.contains(&tag.name()) {
            return Err(XmlError::Root { expected: expected[0], found: clip(tag.name()) });
        }
        Ok(self.current())
    }

    /// Reads up to the next element inside of the current one, which becomes the current one; `None` when the current
    /// one closes. Text in between is passed over.
    ///
    /// # Errors
    /// When the document is malformed, or as [`XmlError`] says.
    pub fn child(&mut self) -> Result<Option<Tag<'_>>, XmlError> {
        loop {
            match self.step(None)? {
                Step::Open => return Ok(Some(self.current())),
                Step::Close => return Ok(None),
                Step::Text => {}
                Step::End => return Err(XmlError::Truncated),
            }
        }
    }

    /// Appends the text of the current element to `into` and closes it.
    ///
    /// # Errors
    /// When an element stands inside of the text, or the document is malformed.
    pub fn text(&mut self, into: &mut String) -> Result<(), XmlError> {
        loop {
            match self.step(Some(into))? {
                Step::Open => return Err(XmlError::ElementInText(clip(self.current().name()))),
                Step::Close => return Ok(()),
                Step::Text => {}
                Step::End => return Err(XmlError::Truncated),
            }
        }
    }

    /// The text of the current element, which is closed.
    ///
    /// # Errors
    /// As [`Xml::text`].
    pub fn take_text(&mut self) -> Result<String, XmlError> {
        let mut text = String::new();
        self.text(&mut text)?;
        Ok(text)
    }

    /// Closes the current element, whatever is inside.
    ///
    /// # Errors
    /// When the document is malformed.
    pub fn skip(&mut self) -> Result<(), XmlError> {
        let outside = self.depth - 1;
        while self.depth > outside {
            if matches!(self.step(None)?, Step::End) {
                return Err(XmlError::Truncated);
            }
        }
        Ok(())
    }

    /// Reads to the end of the document, after the outermost element has closed.
    ///
    /// # Errors
    /// When anything but comments and white space follows.
    pub fn finish(&mut self) -> Result<(), XmlError> {
        loop {
            match self.step(None)? {
                Step::End => return Ok(()),
                Step::Text => {}
                Step::Open | Step::Close => return Err(XmlError::Trailing),
            }
        }
    }

    /// The tag of the element that was opened last.
    pub fn current(&self) -> Tag<'_> {
        Tag { start: BytesStart::from_content(self.tag.as_str(), self.name_len) }
    }

    fn step(&mut self, into: Option<&mut String>) -> Result<Step, XmlError> {
        self.buffer.clear();
        self.reader.get_mut().left = MAX_EVENT;
        let event = match self.reader.read_event_into(&mut self.buffer) {
            Ok(event) => event,
            Err(error) => return Err(named(error, self.reader.buffer_position())),
        };
        let outside = self.depth == 0;
        match event {
            Event::Start(start) => {
                self.tag.clear();
                self.tag.push_str(&start);
                self.name_len = start.name().into_inner().len();
                self.depth += 1;
                return if self.depth > MAX_DEPTH { Err(XmlError::TooDeep) } else { Ok(Step::Open) };
            }
            // Empty elements are expanded by the reader.
            Event::End(_) | Event::Empty(_) => {
                self.depth = self.depth.saturating_sub(1);
                return Ok(Step::Close);
            }
            Event::Eof if outside => return Ok(Step::End),
            Event::Eof => return Err(XmlError::Truncated),
            Event::Text(text) if outside && !text.trim_ascii().is_empty() => return Err(XmlError::Trailing),
            Event::CData(_) | Event::GeneralRef(_) if outside => return Err(XmlError::Trailing),
            Event::Text(text) => append(into, &text),
            Event::CData(text) => append(into, &text),
            Event::GeneralRef(entity) => append(into, resolve(&entity)?.encode_utf8(&mut [0; 4])),
            Event::Decl(declaration) => {
                let encoding = declaration.encoding().and_then(Result::ok);
                if let Some(other) = encoding.filter(|name| !name.eq_ignore_ascii_case("utf-8")) {
                    return Err(XmlError::Encoding(clip(&other)));
                }
            }
            Event::DocType(text) if text.contains('[') => return Err(XmlError::DocumentType),
            Event::DocType(_) | Event::Comment(_) | Event::PI(_) => {}
        }
        Ok(Step::Text)
    }
}

impl<R> std::fmt::Debug for Xml<R> {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Xml")
            .field("tag", &self.tag)
            .field("depth", &self.depth)
            .finish_non_exhaustive()
    }
}

fn append(into: Option<&mut String>, text: &str) {
    if let Some(into) = into {
        into.push_str(text);
    }
}

/// Gives the library's error a name of ours.
fn named(error: quick_xml::Error, position: u64) -> XmlError {
    match error {
        quick_xml::Error::Io(error) => {
            let error =
                std::sync::Arc::try_unwrap(error).unwrap_or_else(|shared| io::Error::from(shared.kind()));
            if error.get_ref().and_then(|inner| inner.downcast_ref::<TooLong>()).is_some() {
                XmlError::TooLarge
            } else {
                XmlError::Read(error)
            }
        }
        quick_xml::Error::Syntax(
            SyntaxError::UnclosedTag
            | SyntaxError::UnclosedComment
            | SyntaxError::UnclosedCData
            | SyntaxError::UnclosedPI
            | SyntaxError::UnclosedXmlDecl
            | SyntaxError::UnclosedDoctype,
        )
        | quick_xml::Error::IllFormed(IllFormedError::MissingEndTag(_)) => XmlError::Truncated,
        other => XmlError::Form { position, source: Box::new(other) },
    }
}

fn resolve(entity: &BytesRef<'_>) -> Result<char, XmlError> {
    let unknown = || XmlError::Entity(clip(entity));
    if entity.is_char_ref() {
        return entity.resolve_char_ref().ok().flatten().ok_or_else(unknown);
    }
    Ok(match &**entity {
        "amp" => '&',
        "lt" => '<',
        "gt" => '>',
        "quot" => '"',
        "apos" => '\'',
        _ => return Err(unknown()),
    })
}

/// Replaces the entities in the value of an attribute.
fn unescape(value: &str) -> Result<String, XmlError> {
    let mut text = String::with_capacity(value.len());
    let mut rest = value;
    while let Some(at) = rest.find('&') {
        text.push_str(&rest[..at]);
        let after = &rest[at + 1..];
        let end = after.find(';').ok_or_else(|| XmlError::Entity(clip(after)))?;
        text.push(resolve(&BytesRef::new(&after[..end]))?);
        rest = &after[end + 1..];
    }
    text.push_str(rest);
    Ok(text)
}

fn clip(text: &str) -> String {
    text.chars().take(80).collect()
}

/// One event read more than [`MAX_EVENT`].
#[derive(Debug, thiserror::Error)]
#[error("longer than {MAX_EVENT} bytes")]
struct TooLong;

/// Gives out at most `left` bytes until somebody raises it again.
#[derive(Debug)]
struct Bounded<R> {
    inner: R,
    left: usize,
}

impl<R: BufRead> BufRead for Bounded<R> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        let buffer = self.inner.fill_buf()?;
        if self.left == 0 && !buffer.is_empty() {
            return Err(io::Error::new(io::ErrorKind::FileTooLarge, TooLong));
        }
        Ok(&buffer[..buffer.len().min(self.left)])
    }

    fn consume(&mut self, count: usize) {
        self.left = self.left.saturating_sub(count);
        self.inner.consume(count);
    }
}

impl<R: BufRead> Read for Bounded<R> {
    fn read(&mut self, target: &mut [u8]) -> io::Result<usize> {
        let count = self.fill_buf()?.read(target)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn walk(text: &str) -> Result<Vec<String>, XmlError> {
        let mut xml = Xml::new(text.as_bytes());
        let mut seen = vec![xml.root("root")?.name().to_owned()];
        while let Some(tag) = xml.child()? {
            let mut line = tag.name().to_owned();
            tag.attributes(|name, value| {
                line.extend([" ", name, "=", &*value]);
                Ok::<(), XmlError>(())
            })?;
            line.push(':');
            xml.text(&mut line)?;
            seen.push(line);
        }
        xml.finish()?;
        Ok(seen)
    }

    #[test]
    fn elements_attributes_and_text() {
        let text = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<!-- c --><!DOCTYPE root PUBLIC \"a\" \"b\">\n\
            <root xmlns='x'>  <a b='1' x:c=\"&lt;&#x41;&amp;\"/><n:d>t&gt;<!-- no -->u<![CDATA[<v>]]></n:d></root>\n";
        assert_eq!(walk(text).unwrap(), ["root", "a b=1 c=<A&:", "d:t>u<v>"]);
    }

    #[test]
    fn what_is_skipped_closes_where_it_opened() {
        let mut xml = Xml::new(&b"<root><a><b>x</b><c/></a><d>y</d></root>"[..]);
        xml.root("root").unwrap();
        assert_eq!(xml.child().unwrap().unwrap().name(), "a");
        xml.skip().unwrap();
        assert_eq!(xml.child().unwrap().unwrap().name(), "d");
        assert_eq!(xml.take_text().unwrap(), "y");
        assert!(xml.child().unwrap().is_none());
        xml.finish().unwrap();
    }

    #[test]
    fn hostile_documents_are_named() {
        type Case = (&'static str, fn(&XmlError) -> bool);
        let cases: [Case; 14] = [
            ("<!DOCTYPE root [<!ENTITY a 'b'>]><root/>", |e| matches!(e, XmlError::DocumentType)),
            ("<root><a>&b;</a></root>", |e| matches!(e, XmlError::Entity(name) if name == "b")),
            ("<root><a b='&c;'/></root>", |e| matches!(e, XmlError::Entity(name) if name == "c")),
            ("<root><a b='&c'/></root>", |e| matches!(e, XmlError::Entity(_))),
            ("<root><a>&#0;</a></root>", |e| matches!(e, XmlError::Entity(_))),
            ("<root><a>&#x110000;</a></root>", |e| matches!(e, XmlError::Entity(_))),
            ("<?xml version='1.0' encoding='utf-16'?><root/>", |e| matches!(e, XmlError::Encoding(_))),
            ("<root><a></root>", |e| matches!(e, XmlError::Form { .. })),
            ("<root><a>", |e| matches!(e, XmlError::Truncated)),
            ("<root", |e| matches!(e, XmlError::Truncated)),
            ("", |e| matches!(e, XmlError::Truncated)),
            ("<other/>", |e| matches!(e, XmlError::Root { .. })),
            ("<root/><root/>", |e| matches!(e, XmlError::Trailing)),
            ("<root><a><b/></a></root>", |e| matches!(e, XmlError::ElementInText(_))),
        ];
        for (text, expected) in cases {
            let error = walk(text).expect_err(text);
            assert!(expected(&error), "{text}: {error:?}");
        }
        let deep = "<root>".to_owned() + &"<a>".repeat(MAX_DEPTH);
        let mut xml = Xml::new(deep.as_bytes());
        xml.root("root").unwrap();
        xml.child().unwrap();
        assert!(matches!(xml.skip(), Err(XmlError::TooDeep)));
        let mut invalid = b"<root><a>".to_vec();
        invalid.extend_from_slice(b"\xff</a></root>");
        let mut xml = Xml::new(&invalid[..]);
        xml.root("root").unwrap();
        xml.child().unwrap();
        assert!(matches!(xml.take_text(), Err(XmlError::Form { .. })));
    }

    #[test]
    fn bombs_stop_at_their_bounds() {
        let long = format!("<root><a>{}</a></root>", "x".repeat(MAX_EVENT + 1));
        assert!(matches!(walk(&long), Err(XmlError::TooLarge)));
        let many = format!("<root><a {}/></root>", "a='' ".repeat(MAX_ATTRIBUTES + 1));
        assert!(matches!(walk(&many), Err(XmlError::TooLarge)));
    }
}
