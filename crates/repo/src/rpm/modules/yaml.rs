//! YAML documents as trees of texts, bounded in depth and size; aliases are refused, so that nothing grows.

use saphyr_parser::{Event, Parser};

/// Bytes of a text; Fedora's largest has 12 MB.
const MAX_BYTES: usize = 64 << 20;
/// Lists and maps may be nested this deep.
const MAX_DEPTH: usize = 32;

/// Why a text is not usable YAML.
#[derive(Debug, thiserror::Error)]
pub enum YamlError {
    /// More than any text of its kind has.
    #[error("YAML is larger than {MAX_BYTES} bytes")]
    TooLarge,
    /// It is not well-formed.
    #[error("YAML is not well-formed")]
    Form(#[source] Box<saphyr_parser::ScanError>),
    /// Lists and maps are nested too deep.
    #[error("YAML is nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// An alias, by which a small text could become a large tree.
    #[error("YAML has an alias")]
    Alias,
    /// A key that is a list or a map.
    #[error("YAML has a key that is no text")]
    Key,
}

/// A node of a document.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    /// A scalar, as written.
    Text(String),
    /// A list.
    List(Vec<Self>),
    /// A map, in order.
    Map(Vec<(String, Self)>),
}

impl Node {
    /// The value of `key`, when this is a map.
    pub(super) fn get(&self, key: &str) -> Option<&Self> {
        self.entries().iter().find_map(|(name, value)| (name == key).then_some(value))
    }

    /// The text, when this is one.
    pub(super) fn text(&self) -> Option<&str> {
        if let Self::Text(text) = self { Some(text) } else { None }
    }

    /// The items, when this is a list.
    pub(super) fn items(&self) -> &[Self] {
        if let Self::List(items) = self { items } else { &[] }
    }

    /// The texts of a list.
    pub(super) fn texts(&self) -> Vec<String> {
        self.items().iter().filter_map(Self::text).map(str::to_owned).collect()
    }

    /// The entries, when this is a map.
    pub(super) fn entries(&self) -> &[(String, Self)] {
        if let Self::Map(entries) = self { entries } else { &[] }
    }
}

/// A list or map that is not closed yet.
enum Open {
    List(Vec<Node>),
    Map(Vec<(String, Node)>, Option<String>),
}

/// Reads every document of a text.
pub(super) fn documents(text: &str) -> Result<Vec<Node>, YamlError> {
    if text.len() > MAX_BYTES {
        return Err(YamlError::TooLarge);
    }
    let mut found = Vec::new();
    let mut open: Vec<Open> = Vec::new();
    for event in Parser::new_from_str(text) {
        let (event, _) = event.map_err(|source| YamlError::Form(Box::new(source)))?;
        let node = match event {
            Event::Alias(_) => return Err(YamlError::Alias),
            Event::Scalar(value, ..) => Node::Text(value.into_owned()),
            Event::SequenceStart(..) | Event::MappingStart(..) => {
                if open.len() == MAX_DEPTH {
                    return Err(YamlError::TooDeep);
                }
                let list = matches!(event, Event::SequenceStart(..));
                open.push(if list { Open::List(Vec::new()) } else { Open::Map(Vec::new(), None) });
                continue;
            }
            Event::SequenceEnd | Event::MappingEnd => match open.pop() {
                Some(Open::List(items)) => Node::List(items),
                Some(Open::Map(entries, _)) => Node::Map(entries),
                None => continue,
            },
            _ => continue,
        };
        match open.last_mut() {
            None => found.push(node),
            Some(Open::List(items)) => items.push(node),
            Some(Open::Map(entries, key)) => match (key.take(), node) {
                (Some(name), value) => entries.push((name, value)),
                (None, Node::Text(name)) => *key = Some(name),
                (None, _) => return Err(YamlError::Key),
            },
        }
    }
    Ok(found)
}
