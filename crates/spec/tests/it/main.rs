//! Public behaviour of the spec crate.

mod compatibility;
mod documents;
mod edit;
mod examples;
mod hostile;
mod layers;
mod memory;
mod messages;
mod properties;

use lbuild_spec::{Blueprint, Diagnostics, Format, Source, validate};

/// A spec from text.
fn source(format: Format, text: &str) -> Source {
    let file = match format {
        Format::Toml => "spec.toml",
        Format::Yaml => "spec.yaml",
        Format::Json => "spec.json",
    };
    Source { file: file.to_owned(), format, text: text.to_owned() }
}

/// A Debian spec in TOML with these further lines.
fn debian(text: &str) -> Source {
    source(Format::Toml, &format!("name = \"t\"\nbase = \"debian\"\n{text}"))
}

/// The blueprint of a spec that must be good.
fn good(source: &Source) -> Blueprint {
    validate(source).unwrap_or_else(|found| panic!("{}", found.render(source, false)))
}

/// What is wrong with a spec that must be bad.
fn bad(source: &Source) -> Diagnostics {
    match validate(source) {
        Ok(_) => panic!("this spec must not be accepted:\n{}", source.text),
        Err(found) => {
            assert!(found.has_errors());
            found
        }
    }
}

/// The pointers of all findings.
fn pointers(found: &Diagnostics) -> Vec<&str> {
    found.0.iter().map(|finding| finding.pointer.as_str()).collect()
}
