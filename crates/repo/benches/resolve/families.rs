//! The indexes of the other families, from their files to an answer.

use std::collections::{BTreeSet, HashMap};
use std::fs::File;
use std::io::{BufReader, Error, Read as _, Result};

use lbuild_repo::apk::index::Index as ApkIndex;
use lbuild_repo::apk::{self, Trust};
use lbuild_repo::compress::{Capped, read_ahead};
use lbuild_repo::family::family;
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::portage::arena::Options;
use lbuild_repo::resolve::resolve;
use lbuild_repo::rpm::index::{Repositories, Repository, Survey};
use lbuild_repo::{alpm, portage, rpm};
use serde_json::{Value, json};

use super::measure::times;
use super::{chosen, request};

/// Bytes of one decompressed file.
const CAP: u64 = 1 << 30;

/// Reads some files into an index.
type Read = fn(&[&str]) -> Result<Index>;

/// Family, its reader, architecture, and what is asked of it.
const FAMILIES: [(&str, Read, &str, &[&str]); 4] = [
    (apk::arena::FAMILY, read_apk, "x86_64", &["plasma-desktop", "gnome", "libreoffice", "texlive-full"]),
    (alpm::index::FAMILY, read_alpm, "x86_64", &["gnome", "kde", "libreoffice-writer", "gimp"]),
    (
        portage::arena::FAMILY,
        read_portage,
        "amd64",
        &["dev-vcs/git", "media-video/ffmpeg", "app-editors/vim", "net-misc/curl"],
    ),
    (rpm::index::FAMILY, read_rpm, "x86_64", &["texlive", "nautilus", "gimp", "mariadb-server"]),
];

/// Measures one family on these files.
pub fn measure(name: &str, files: &[&str]) -> Result<Value> {
    let known = FAMILIES.iter().find(|(family, ..)| *family == name);
    let (_, read, arch, names) = known.ok_or_else(|| Error::other(format!("`{name}` is not a family")))?;
    let rules = family(name).ok_or_else(|| Error::other(format!("`{name}` has no rules")))?;
    let (parse, index) = times(|| read(files))?;
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), index.write_cache())?;
    let (load, index) = times(|| Index::open_cache(std::fs::read(file.path())?).map_err(Error::other))?;
    let request = request(arch, names);
    let (solve, packages) = times(|| chosen(resolve(rules, &index, &request)))?;
    let (answer, _) = times(|| chosen(resolve(rules, &read(files)?, &request)))?;
    Ok(json!({
        "packages": index.len(),
        "cache": index.write_cache().len(),
        "parse": parse,
        "load": load,
        "request": names,
        "solve": solve,
        "chosen": packages,
        "answer": answer,
    }))
}

fn source(file: &str, arch: &str) -> IndexSource {
    IndexSource { suite: file.to_owned(), arch: arch.to_owned(), pin: 500, ..IndexSource::default() }
}

fn open(file: &str) -> Result<BufReader<Capped<'static>>> {
    Ok(BufReader::new(Capped::new(BufReader::new(File::open(file)?), CAP)?))
}

fn read_apk(files: &[&str]) -> Result<Index> {
    let open = |file: &&str| ApkIndex::open(&std::fs::read(file)?, Trust::Anybody).map_err(Error::other);
    let read: Vec<ApkIndex> = files.iter().map(open).collect::<Result<_>>()?;
    let sources: Vec<_> = files.iter().map(|file| source(file, "x86_64")).zip(&read).collect();
    apk::arena::build(&sources).map_err(Error::other)
}

fn read_alpm(files: &[&str]) -> Result<Index> {
    let open = |file: &&str| Ok((source(file, "x86_64"), BufReader::new(File::open(file)?)));
    alpm::index::read(files.iter().map(open).collect::<Result<_>>()?).map_err(Error::other)
}

fn read_portage(files: &[&str]) -> Result<Index> {
    let text = |file: &&str| {
        let mut text = Vec::new();
        open(file)?.read_to_end(&mut text)?;
        Ok(text)
    };
    let texts: Vec<Vec<u8>> = files.iter().map(text).collect::<Result<_>>()?;
    let hosts: Vec<_> = texts
        .iter()
        .map(|text| portage::index::Index::parse(text).map_err(Error::other))
        .collect::<Result<_>>()?;
    let sources: Vec<_> = files.iter().map(|file| source(file, "amd64")).zip(&hosts).collect();
    portage::arena::build(&sources, &Options::default()).map_err(Error::other)
}

fn read_rpm(files: &[&str]) -> Result<Index> {
    let mut survey = Survey::new("x86_64");
    for file in files {
        read_ahead(open(file)?, |primary| survey.read(file, primary)).map_err(Error::other)?;
    }
    let mut repositories = Repositories::new(survey);
    for file in files {
        let repository = Repository {
            source: source(file, "x86_64"),
            hidden: BTreeSet::new(),
            excluded: BTreeSet::new(),
            files: HashMap::new(),
        };
        read_ahead(open(file)?, |primary| repositories.add(&repository, primary)).map_err(Error::other)?;
    }
    repositories.finish().map_err(Error::other)
}
