//! Debian's lists: parsed, loaded, resolved and explained.

use std::io::{Error, Result};
use std::path::Path;

use lbuild_repo::deb;
use lbuild_repo::deb::resolve::Debian;
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::{Unsatisfiable, resolve};
use serde_json::{Value, json};

use super::measure::times;
use super::{chosen, request};

/// Desktops, an office and everything of TeX: more than two thousand packages.
const LARGE: [&str; 4] = ["task-gnome-desktop", "kde-full", "texlive-full", "libreoffice"];

/// Two mail servers of which a system has one.
const CLASH: [&str; 2] = ["exim4", "postfix"];

/// Measures all of it; the index is written to `cache`.
pub fn measure(directory: &Path, cache: Option<&Path>) -> Result<Value> {
    let texts = read_lists(directory)?;
    let (parse, index) = times(|| parse(&texts))?;
    let file = tempfile::NamedTempFile::new()?;
    let cache = cache.unwrap_or(file.path());
    std::fs::write(cache, index.write_cache())?;
    let (load, index) = times(|| Index::open_cache(std::fs::read(cache)?).map_err(Error::other))?;

    let large = request("amd64", &LARGE);
    let (solve, packages) = times(|| chosen(resolve(&Debian, &index, &large)))?;
    let clash = request("amd64", &[&LARGE[..], &CLASH].concat());
    let (explain, reason) = times(|| reason(resolve(&Debian, &index, &clash)))?;
    let (answer, _) = times(|| chosen(resolve(&Debian, &self::parse(&read_lists(directory)?)?, &large)))?;

    Ok(json!({
        "bytes": texts.iter().map(|(_, text)| text.len()).sum::<usize>(),
        "packages": index.len(),
        "cache": index.write_cache().len(),
        "parse": parse,
        "load": load,
        "request": LARGE,
        "solve": solve,
        "chosen": packages,
        "explain": explain,
        "summary": reason.summary,
        "fixes": reason.fixes.len(),
        "answer": answer,
    }))
}

fn parse(texts: &[(IndexSource, Vec<u8>)]) -> Result<Index> {
    let sources: Vec<(IndexSource, &[u8])> =
        texts.iter().map(|(source, text)| (source.clone(), text.as_slice())).collect();
    deb::index::parse(&sources).map_err(Error::other)
}

fn reason<T>(answer: std::result::Result<T, Unsatisfiable>) -> Result<Unsatisfiable> {
    answer.err().ok_or_else(|| Error::other("two mail servers are no conflict any more"))
}

fn read_lists(directory: &Path) -> Result<Vec<(IndexSource, Vec<u8>)>> {
    let mut lists = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some((_, suite_and_component)) = name.split_once("_dists_") else { continue };
        let mut parts = suite_and_component.split('_');
        let (Some(suite), Some(component)) = (parts.next(), parts.next()) else { continue };
        if !name.ends_with("_Packages") {
            continue;
        }
        let pin = if suite.ends_with("-backports") { 100 } else { 500 };
        let source = IndexSource {
            suite: suite.to_owned(),
            component: component.to_owned(),
            arch: "amd64".to_owned(),
            base_url: String::new(),
            pin,
            ..IndexSource::default()
        };
        lists.push((source, std::fs::read(&path)?));
    }
    if lists.is_empty() {
        return Err(Error::other(format!("{} has no `*_Packages`", directory.display())));
    }
    lists.sort_by(|(a, _), (b, _)| (&a.suite, &a.component).cmp(&(&b.suite, &b.component)));
    Ok(lists)
}
