//! Times of indexes and of the resolver on real lists, as one JSON object for each run of the program.
//!
//! | `cargo bench -p lbuild-repo --bench resolve -- ...` | measures |
//! |---|---|
//! | `debian DIR [CACHE]` | the `*_Packages` files of DIR, as apt keeps them; writes the index for `memory` |
//! | `apk\|alpm\|portage\|rpm FILE...` | the indexes of another family, and a request for it |
//! | `memory CACHE` | what an index takes that is loaded from its cache |
//!
//! Times are in seconds, one for each of several runs; sizes are in bytes.

mod debian;
mod families;
mod measure;

use std::io::{Error, Result};
use std::path::Path;

use lbuild_repo::resolve::{Request, Selection, Unsatisfiable, Wanted};

fn main() -> Result<()> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|word| !word.starts_with('-')).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let told = match words.as_slice() {
        ["debian", directory] => debian::measure(Path::new(directory), None)?,
        ["debian", directory, cache] => debian::measure(Path::new(directory), Some(Path::new(cache)))?,
        ["memory", cache] => measure::memory(Path::new(cache))?,
        [family, files @ ..] if !files.is_empty() => families::measure(family, files)?,
        _ => return Err(Error::other("usage: debian DIR [CACHE] | FAMILY FILE... | memory CACHE")),
    };
    println!("{told}");
    Ok(())
}

/// Asks for packages by their names.
fn request(arch: &str, names: &[&str]) -> Request {
    let wanted = |name: &&str| Wanted { name: (*name).to_owned(), ..Wanted::default() };
    Request { packages: names.iter().map(wanted).collect(), ..Request::new(arch) }
}

/// How many packages were chosen; that there is no answer is an error.
fn chosen(answer: std::result::Result<Selection, Unsatisfiable>) -> Result<usize> {
    answer.map(|selection| selection.packages.len()).map_err(|reason| Error::other(reason.summary))
}
