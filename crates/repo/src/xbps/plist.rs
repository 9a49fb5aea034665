//! Property lists in XML, as far as xbps uses them: dictionaries, arrays, strings, integers, data and booleans.
//!
//! Strict: a key stands once in its dictionary, nothing stands outside of the list, and depth and number of values are
//! bounded.

use std::collections::HashSet;
use std::io::BufRead;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::xml::{Xml, XmlError};

/// Values inside of one entry of the outermost dictionary.
const MAX_VALUES: usize = 4_000_000;
/// Entries of the outermost dictionary; Void has about 15,000 packages.
const MAX_ENTRIES: usize = 500_000;

/// Why a property list is refused.
#[derive(Debug, thiserror::Error)]
pub enum PlistError {
    /// It is not well-formed XML, or more than any list needs.
    #[error("property list is no proper XML")]
    Xml(#[from] XmlError),
    /// An element that does not belong where it stands.
    #[error("property list has an unexpected `{0}`")]
    Element(String),
    /// A key without a value, or the other way round.
    #[error("property list has a dictionary without a value for `{0}`")]
    NoValue(String),
    /// A key that stands twice in one dictionary.
    #[error("property list has the key `{0}` twice")]
    Duplicate(String),
    /// A number or encoded data that is malformed.
    #[error("property list has a malformed {0}")]
    Value(&'static str),
    /// More values than any list needs.
    #[error("property list has too many values")]
    TooMany,
}

/// A value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// `<dict>`
    Dictionary(Dictionary),
    /// `<array>`
    Array(Vec<Value>),
    /// `<string>`
    Text(String),
    /// `<integer>`
    Integer(i64),
    /// `<data>`, decoded.
    Data(Vec<u8>),
    /// `<true/>` or `<false/>`
    Boolean(bool),
}

/// Keys and values in their order.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Dictionary {
    entries: Vec<(String, Value)>,
}

impl Dictionary {
    /// The value of a key.
    pub fn get(&self, key: &str) -> Option<&Value> {
        self.entries.iter().find(|(other, _)| other == key).map(|(_, value)| value)
    }

    /// Keys and values in their order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Value)> {
        self.entries.iter().map(|(key, value)| (key.as_str(), value))
    }
}

/// Reads a list whose outermost value is a dictionary.
pub fn read(reader: impl BufRead) -> Result<Dictionary, PlistError> {
    let mut dictionary = Dictionary::default();
    read_each(reader, |key, value| {
        dictionary.entries.push((key, value));
        Ok::<(), PlistError>(())
    })?;
    Ok(dictionary)
}

/// Reads a list whose outermost value is a dictionary and hands out one entry after the other, so that the whole need
/// not fit in memory.
pub fn read_each<E: From<PlistError>>(
    reader: impl BufRead,
    mut take: impl FnMut(String, Value) -> Result<(), E>,
) -> Result<(), E> {
    let mut xml = Xml::new(reader);
    let failed = |source| E::from(PlistError::Xml(source));
    xml.root("plist").map_err(failed)?;
    let outermost = xml.child().map_err(failed)?.map(|tag| tag.name().to_owned());
    match outermost.as_deref() {
        Some("dict") => {}
        other => return Err(PlistError::Element(other.unwrap_or("end").to_owned()).into()),
    }
    let mut keys = HashSet::new();
    while let Some(key) = key(&mut xml)? {
        let mut left = MAX_VALUES;
        let value = value_of(&mut xml, &key, &mut left)?;
        if keys.len() >= MAX_ENTRIES {
            return Err(PlistError::TooMany.into());
        }
        if !keys.insert(key.clone()) {
            return Err(PlistError::Duplicate(shown(&key)).into());
        }
        take(key, value)?;
    }
    if let Some(tag) = xml.child().map_err(failed)? {
        return Err(PlistError::Element(shown(tag.name())).into());
    }
    xml.finish().map_err(failed)
}

/// The next key of the dictionary that is being read.
fn key<R: BufRead>(xml: &mut Xml<R>) -> Result<Option<String>, PlistError> {
    match xml.child()?.map(|tag| (tag.name() == "key", shown(tag.name()))) {
        None => Ok(None),
        Some((true, _)) => Ok(Some(xml.take_text()?)),
        Some((false, name)) => Err(PlistError::Element(name)),
    }
}

/// The value that follows `key`.
fn value_of<R: BufRead>(xml: &mut Xml<R>, key: &str, left: &mut usize) -> Result<Value, PlistError> {
    let kind = xml.child()?.map(|tag| Kind::of(tag.name())).transpose()?;
    value(xml, kind.ok_or_else(|| PlistError::NoValue(shown(key)))?, left)
}

#[derive(Debug, Clone, Copy)]
enum Kind {
    Dictionary,
    Array,
    Text,
    Integer,
    Data,
    Boolean(bool),
}

impl Kind {
    fn of(element: &str) -> Result<Self, PlistError> {
        Ok(match element {
            "dict" => Self::Dictionary,
            "array" => Self::Array,
            "string" => Self::Text,
            "integer" => Self::Integer,
            "data" => Self::Data,
            "true" => Self::Boolean(true),
            "false" => Self::Boolean(false),
            other => return Err(PlistError::Element(shown(other))),
        })
    }
}

/// The value whose element was opened. The reader bounds how deep they nest.
fn value<R: BufRead>(xml: &mut Xml<R>, kind: Kind, left: &mut usize) -> Result<Value, PlistError> {
    *left = left.checked_sub(1).ok_or(PlistError::TooMany)?;
    Ok(match kind {
        Kind::Dictionary => {
            let mut dictionary = Dictionary::default();
            while let Some(key) = key(xml)? {
                let value = value_of(xml, &key, left)?;
                if dictionary.get(&key).is_some() {
                    return Err(PlistError::Duplicate(shown(&key)));
                }
                // Looking for a key takes a step for each; more of them than this no format of xbps has.
                if dictionary.entries.len() >= 10_000 {
                    return Err(PlistError::TooMany);
                }
                dictionary.entries.push((key, value));
            }
            Value::Dictionary(dictionary)
        }
        Kind::Array => {
            let mut values = Vec::new();
            while let Some(kind) = xml.child()?.map(|tag| Kind::of(tag.name())).transpose()? {
                values.push(value(xml, kind, left)?);
            }
            Value::Array(values)
        }
        Kind::Text => Value::Text(xml.take_text()?),
        Kind::Integer => Value::Integer(integer(xml.take_text()?.trim())?),
        Kind::Data => {
            let text: String = xml.take_text()?.split_ascii_whitespace().collect();
            Value::Data(STANDARD.decode(text).map_err(|_| PlistError::Value("piece of data"))?)
        }
        Kind::Boolean(value) => {
            if !xml.take_text()?.trim().is_empty() {
                return Err(PlistError::Value("boolean"));
            }
            Value::Boolean(value)
        }
    })
}

/// A decimal number, or a hexadecimal one after `0x`.
fn integer(text: &str) -> Result<i64, PlistError> {
    let number = match text.strip_prefix("0x") {
        Some(digits) if !digits.starts_with(['+', '-']) => i64::from_str_radix(digits, 16).ok(),
        Some(_) => None,
        None => text.parse().ok().filter(|_| !text.starts_with('+')),
    };
    number.ok_or(PlistError::Value("number"))
}

/// Text for a message: escaped and cut.
fn shown(text: &str) -> String {
    text.chars().take(80).collect::<String>().escape_default().to_string()
}
