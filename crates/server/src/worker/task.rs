//! The spec as the queue keeps it: the text as it was sent, so that messages name its lines.

use std::fs;
use std::path::Path;

use lbuild_engine::{BuildError, BuildRequest};
use lbuild_spec::blueprint::Content;
use lbuild_spec::{Blueprint, Diagnostic, Diagnostics, Format, Severity, Source};
use serde::{Deserialize, Serialize};

/// What messages call the spec of a request.
const NAME: &str = "spec";

#[derive(Serialize, Deserialize)]
struct Stored {
    format: String,
    text: String,
}

/// The spec as one JSON text.
pub fn store(source: &Source) -> String {
    let stored = Stored { format: source.format.to_string(), text: source.text.clone() };
    serde_json::to_string(&stored).expect("strings can be written as JSON")
}

/// The source that was stored.
pub fn restore(text: &str) -> Option<Source> {
    let stored: Stored = serde_json::from_str(text).ok()?;
    Some(source(format_of(&stored.format)?, stored.text))
}

/// The format of this name.
pub fn format_of(name: &str) -> Option<Format> {
    [Format::Toml, Format::Yaml, Format::Json]
        .into_iter()
        .find(|format| format.to_string().eq_ignore_ascii_case(name))
}

/// A spec that came with a request.
pub fn source(format: Format, text: String) -> Source {
    Source { file: NAME.to_owned(), format, text }
}

/// Reads and checks a spec. One that names files beside itself is refused: only its text was sent.
pub fn check(source: &Source) -> Result<Blueprint, Diagnostics> {
    let spec = lbuild_spec::parse(source)?;
    let blueprint = lbuild_spec::blueprint(&spec, source)?;
    let files = blueprint.files.iter().filter_map(|file| match &file.value.content {
        Content::Source(path) => Some((path, &file.origin)),
        Content::Bytes(_) => None,
    });
    let keys = blueprint.repositories.sources.iter();
    let keys = keys.filter_map(|source| Some((source.value.signed_by_file.as_ref()?, &source.origin)));
    let found = files.chain(keys).map(|(path, origin)| Diagnostic {
        severity: Severity::Error,
        code: "file-not-sent",
        message: format!("`{path}` is a file beside the spec"),
        reason: Some("only the text of the spec was sent".to_owned()),
        hint: Some("put the content into the spec, as `text` or `base64`".to_owned()),
        file: NAME.to_owned(),
        line: origin.line,
        column: origin.column,
        length: 1,
        pointer: String::new(),
        sensitive: false,
    });
    let found: Vec<Diagnostic> = found.collect();
    if found.is_empty() { Ok(blueprint) } else { Err(Diagnostics(found)) }
}

/// What the engine is asked to do for a stored spec, in a directory of its own.
pub fn request(stored: &str, boot_check: bool, scratch: &Path) -> Result<BuildRequest, BuildError> {
    let output = |source| BuildError::Output { path: scratch.to_owned(), source };
    let (out, spec_dir) = (scratch.join("out"), scratch.join("spec"));
    fs::create_dir_all(&spec_dir).map_err(output)?;
    let unreadable = || output(std::io::Error::other("the stored spec cannot be read"));
    let source = restore(stored).ok_or_else(unreadable)?;
    let blueprint = check(&source).map_err(|_| unreadable())?;
    Ok(BuildRequest { blueprint, lock: None, out, spec_dir, boot_check })
}
