//! Gentoo: the `Packages` file of a binary host. It is not signed; the packages are. And what a spec accepts of them.

use std::collections::BTreeSet;
use std::io::{BufReader, Read as _};
use std::sync::OnceLock;

use lbuild_repo::compress::Capped;
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::portage::accept::{Accept, Groups, licenses};
use lbuild_repo::portage::arena::{self, Options};
use lbuild_repo::portage::index::Index as Host;
use lbuild_repo::portage::resolve::Gentoo;
use lbuild_repo::resolve::Family;
use lbuild_spec::Blueprint;

use super::reader::{Keys, Known, More, Reader, Refusal, Root};
use crate::error::ResolveError;

/// Bytes of a decompressed index.
const INDEX_CAP: u64 = 512 << 20;

/// The reader.
pub(super) struct Portage;

impl Reader for Portage {
    fn family(&self) -> &'static dyn Family {
        &Gentoo
    }

    fn form(&self) -> &'static str {
        "portage index 2"
    }

    fn verify(&self, _root: &Root, _keys: &Keys, _known: &Known) -> Result<Option<u64>, Refusal> {
        Ok(None)
    }

    fn read(&self, repositories: &[(&IndexSource, &Root)], _more: More<'_>) -> Result<Index, Refusal> {
        let text = |(_, root): &(&IndexSource, &Root)| {
            let mut text = Vec::new();
            Capped::new(BufReader::new(&*root.bytes), INDEX_CAP)?.read_to_end(&mut text)?;
            Ok(text)
        };
        let texts: Vec<Vec<u8>> = repositories.iter().map(text).collect::<Result<_, Refusal>>()?;
        let mut hosts = Vec::new();
        for ((source, _), text) in repositories.iter().zip(&texts) {
            hosts.push(((*source).clone(), Host::parse(text)?));
        }
        let hosts: Vec<(IndexSource, &Host<'_>)> =
            hosts.iter().map(|(source, host)| (source.clone(), host)).collect();
        let accept = Some(Accept { licenses: free() });
        Ok(arena::build(&hosts, &Options { accept, ..Options::default() })?)
    }
}

/// The groups of licenses.
fn groups() -> &'static Groups {
    static READ: OnceLock<Groups> = OnceLock::new();
    READ.get_or_init(|| match toml::from_str(include_str!("../../../../data/distros/gentoo-licenses.toml")) {
        Ok(groups) => groups,
        Err(error) => unreachable!("the built-in data is checked by a test: {error}"),
    })
}

/// The licenses that are accepted by themselves.
fn free() -> &'static BTreeSet<String> {
    static FREE: OnceLock<BTreeSet<String>> = OnceLock::new();
    FREE.get_or_init(|| licenses(groups(), "FREE").unwrap_or_default())
}

/// What a spec accepts, as the resolver is asked for it; `arch` is in Gentoo's own words.
pub(crate) fn accepted(blueprint: &Blueprint, arch: &str) -> Result<Vec<String>, ResolveError> {
    let unknown = |what: &str, kind, known| ResolveError::Choice {
        what: what.to_owned(),
        kind,
        base: blueprint.base.key().to_owned(),
        known,
    };
    let mut accepted = Vec::new();
    for entry in &blueprint.repositories.keywords {
        let (of, keyword) = of_one_or_all(entry);
        let known = [arch.to_owned(), format!("~{arch}"), "*".to_owned(), "~*".to_owned(), "**".to_owned()];
        if !known.iter().any(|known| known == keyword) {
            return Err(unknown(keyword, "keyword of this architecture", known.to_vec()));
        }
        accepted.push(format!("keyword {keyword}{of}"));
    }
    for entry in &blueprint.repositories.licenses {
        let (of, license) = of_one_or_all(entry);
        let Some(group) = license.strip_prefix('@') else {
            accepted.push(format!("license {license}{of}"));
            continue;
        };
        let known = || groups().keys().map(|name| format!("@{name}")).collect();
        let members = licenses(groups(), group);
        let members = members.ok_or_else(|| unknown(license, "group of licenses", known()))?;
        accepted.extend(members.into_iter().map(|license| format!("license {license}{of}")));
    }
    Ok(accepted)
}

/// `category/name what` as the end of a way for one package alone, and what it is.
fn of_one_or_all(entry: &str) -> (String, &str) {
    match entry.split_once(' ') {
        Some((name, what)) => (format!(" for {name}"), what),
        None => (String::new(), entry),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_groups_of_licenses_are_whole() {
        assert_eq!(groups().keys().collect::<Vec<_>>(), ["BINARY-REDISTRIBUTABLE", "EULA", "FREE"]);
        let of = |name| licenses(groups(), name).expect("a group that names groups that there are");
        let (free, eula) = (of("FREE"), of("EULA"));
        assert!(free.contains("GPL-2") && free.contains("MIT") && free.contains("OFL-1.1"));
        assert!(of("BINARY-REDISTRIBUTABLE").is_superset(&free));
        assert!(free.is_disjoint(&eula) && of("BINARY-REDISTRIBUTABLE").is_disjoint(&eula));
    }
}
