//! Where packages come from: the spec, then the environment, then the machine's own package configuration.

use std::collections::BTreeMap;
use std::path::Path;

use lbuild_fetch::hostconfig;
use lbuild_spec::Blueprint;

use crate::error::ResolveError;
use crate::family::debian::Repository;
use crate::suite;

/// Mirrors by repository, best first, without a slash at the end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mirrors(BTreeMap<String, Vec<String>>);

impl Mirrors {
    /// The mirrors of a blueprint; `None` is an image that nobody described, such as one that is only booted.
    pub(crate) fn of(blueprint: Option<&Blueprint>) -> Self {
        let host = hostconfig::debian_mirrors(Path::new("/")).unwrap_or_default();
        let asked = blueprint.map(|blueprint| &blueprint.mirrors);
        let choose = |repository: Repository, spec: Option<&Vec<String>>, host: Vec<String>| {
            let spec = spec.cloned().unwrap_or_default();
            let chosen = [spec, environment(repository), host].into_iter().find(|list| !list.is_empty());
            let urls = chosen.unwrap_or_default();
            (
                repository.id().to_owned(),
                urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect(),
            )
        };
        let archive = [
            choose(Repository::Debian, asked.map(|mirrors| &mirrors.build), host.debian),
            choose(Repository::Security, asked.map(|mirrors| &mirrors.build_security), host.debian_security),
        ];
        let sources = blueprint.into_iter().flat_map(suite::used).map(|source| {
            let url = source.url.trim_end_matches('/').to_owned();
            (suite::repository(&source.name), vec![url])
        });
        Self(archive.into_iter().chain(sources).collect())
    }

    /// The URLs of one file on every mirror of a repository.
    pub(crate) fn urls(&self, repository: &str, path: &str) -> Vec<String> {
        let mirrors = self.0.get(repository).into_iter().flatten();
        mirrors.map(|mirror| format!("{mirror}/{path}")).collect()
    }

    /// Fails when there is no mirror of a repository.
    pub(crate) fn require(&self, repository: &str) -> Result<(), ResolveError> {
        match self.0.get(repository) {
            Some(mirrors) if !mirrors.is_empty() => Ok(()),
            _ => Err(ResolveError::NoMirror { repository: repository.to_owned() }),
        }
    }
}

/// The mirrors that this machine is set up with, by whoever runs it.
pub(crate) fn of_machine() -> Vec<String> {
    let host = hostconfig::debian_mirrors(Path::new("/")).unwrap_or_default();
    let environment = [Repository::Debian, Repository::Security].map(environment).into_iter().flatten();
    environment.chain(host.debian).chain(host.debian_security).collect()
}

/// `LBUILD_MIRROR_DEBIAN` and its like: addresses separated by spaces.
fn environment(repository: Repository) -> Vec<String> {
    let variable = format!("LBUILD_MIRROR_{}", repository.id().to_uppercase().replace('-', "_"));
    let value = std::env::var(variable).unwrap_or_default();
    value.split_whitespace().map(str::to_owned).collect()
}
