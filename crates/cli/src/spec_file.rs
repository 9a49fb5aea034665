//! Reads a spec and reports what is wrong with it.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use lbuild_spec::{Blueprint, Diagnostics, Format, Source};

use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output;

/// Largest spec, in bytes. A person writes a few kilobytes.
const LARGEST: u64 = 10 << 20;

/// Reads the text of a spec.
pub fn read(path: &Path) -> Result<Source, Failure> {
    let file = path.display().to_string();
    let format = Format::from_path(&file).ok_or_else(|| {
        Failure::new(Exit::Usage, format!("cannot tell the format of `{file}` from its name"))
            .hint("a spec ends in .toml, .yaml, .yml or .json".to_owned())
    })?;
    let cannot =
        |error: &std::io::Error| Failure::because(Exit::Spec, format!("cannot read `{file}`"), error);
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LARGEST + 1).read_to_end(&mut bytes))
        .map_err(|error| cannot(&error))?;
    if bytes.len() as u64 > LARGEST {
        return Err(Failure::new(Exit::Spec, format!("`{file}` is larger than {} MiB", LARGEST >> 20)));
    }
    let text = String::from_utf8(bytes).map_err(|error| {
        let valid = &error.as_bytes()[..error.utf8_error().valid_up_to()];
        let line = valid.split(|&byte| byte == b'\n').count();
        Failure::new(Exit::Spec, format!("`{file}` is not UTF-8 text (line {line})"))
    })?;
    Ok(Source { file, format, text })
}

/// Parses and evaluates a spec.
pub fn check(source: &Source) -> Result<Blueprint, Diagnostics> {
    let spec = lbuild_spec::parse(source)?;
    lbuild_spec::blueprint(&spec, source)
}

/// A spec that is valid, and where it lies.
pub struct Loaded {
    /// The effective system.
    pub blueprint: Blueprint,
    /// The directory that paths in the spec are relative to.
    pub directory: PathBuf,
}

/// Reads a spec and prints every error and warning in it.
pub fn load(path: &Path, context: &Context) -> Result<Loaded, Failure> {
    let source = read(path)?;
    let color = context.terminal.stderr.color;
    let mut blueprint = check(&source).map_err(|diagnostics| {
        if context.global.json {
            let lines = diagnostics.0.iter().map(ToString::to_string);
            return Failure::new(Exit::Spec, format!("`{}` is not valid", source.file)).details(lines);
        }
        output::print_error(&diagnostics.render(&source, color));
        Failure::new(Exit::Spec, format!("`{}` is not valid", source.file))
    })?;
    let warnings = Diagnostics(blueprint.warnings.clone());
    output::print_error(&warnings.render(&source, color));
    let parent = path.parent().filter(|parent| !parent.as_os_str().is_empty());
    let directory = parent.unwrap_or(Path::new(".")).to_owned();
    lbuild_engine::embed_keys(&mut blueprint, &directory)
        .map_err(|error| Failure::from_error(Exit::Spec, &error))?;
    Ok(Loaded { blueprint, directory })
}
