//! Where packages come from: the spec, then the environment, then the machine's own package configuration, then what
//! is known of the base.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use lbuild_fetch::hostconfig;
use lbuild_spec::Blueprint;
use lbuild_spec::model::{Architecture, Base};

use crate::error::ResolveError;
use crate::family::debian::{self, Distro};
use crate::suite;

/// Mirrors by repository, best first, without a slash at the end.
#[derive(Debug, Clone, Default)]
pub(crate) struct Mirrors(BTreeMap<String, Vec<String>>);

impl Mirrors {
    /// The mirrors of a blueprint; `None` is an image that nobody described, such as one that is only booted.
    pub(crate) fn of(blueprint: Option<&Blueprint>) -> Self {
        let architecture = blueprint.map_or(Architecture::X86_64, |blueprint| blueprint.architecture);
        let mut all = Self::known(architecture, blueprint);
        for source in blueprint.into_iter().flat_map(suite::used) {
            let url = source.url.trim_end_matches('/').to_owned();
            all.0.insert(suite::repository(&source.name), vec![url]);
        }
        all
    }

    /// The mirrors of an architecture that no spec names.
    pub(crate) fn of_architecture(architecture: Architecture) -> Self {
        Self::known(architecture, None)
    }

    fn known(architecture: Architecture, blueprint: Option<&Blueprint>) -> Self {
        let mut all = BTreeMap::new();
        for base in Base::ALL {
            let Some(distro) = debian::distro_of(base) else { continue };
            let of_base = blueprint.filter(|blueprint| blueprint.base == base);
            for repository in distro.repositories() {
                let lists = [
                    of_base.map(|blueprint| asked(distro, repository, blueprint)).unwrap_or_default(),
                    environment(distro, repository),
                    of_host(base, repository),
                    public(distro, repository, architecture),
                ];
                let urls = lists.into_iter().find(|list| !list.is_empty()).unwrap_or_default();
                let urls = urls.iter().map(|url| url.trim_end_matches('/').to_owned()).collect();
                all.insert(repository.to_owned(), urls);
            }
        }
        Self(all)
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
    let distros = Base::ALL.into_iter().filter_map(|base| Some((base, debian::distro_of(base)?)));
    let of_repository = |base, distro, repository: &str| {
        [environment(distro, repository), of_host(base, repository)].into_iter().flatten()
    };
    distros
        .flat_map(|(base, distro)| {
            distro
                .repositories()
                .into_iter()
                .flat_map(move |repository| of_repository(base, distro, repository))
        })
        .collect()
}

/// The key that signs a mirror which the machine's owner has set, where it is not the archive's own.
pub(crate) fn key_file(distro: &Distro, repository: &str) -> Option<PathBuf> {
    let value = settings(distro, repository).into_iter().map(|variable| format!("{variable}_KEY"));
    value.filter_map(std::env::var_os).find(|value| !value.is_empty()).map(PathBuf::from)
}

/// What a spec says.
fn asked(distro: &Distro, repository: &str, blueprint: &Blueprint) -> Vec<String> {
    let mirrors = &blueprint.mirrors;
    if repository == distro.name {
        return mirrors.build.clone();
    }
    let security = &mirrors.build_security;
    if security.is_empty() && distro.security_on_mirrors { mirrors.build.clone() } else { security.clone() }
}

/// `LBUILD_MIRROR_DEBIAN` and its like: addresses separated by spaces.
fn environment(distro: &Distro, repository: &str) -> Vec<String> {
    let values = settings(distro, repository).into_iter().filter_map(|variable| std::env::var(variable).ok());
    let lists = values.map(|value| value.split_whitespace().map(str::to_owned).collect::<Vec<_>>());
    lists.into_iter().find(|list| !list.is_empty()).unwrap_or_default()
}

/// The environment variables about a repository, the first that is set counts.
fn settings(distro: &Distro, repository: &str) -> Vec<String> {
    let also = distro.security_on_mirrors.then_some(distro.name.as_str());
    let also = also.filter(|name| *name != repository);
    let variable = |name: &str| format!("LBUILD_MIRROR_{}", name.to_uppercase().replace('-', "_"));
    [repository].into_iter().chain(also).map(variable).collect()
}

/// The machine's own package configuration, which is read where it is of Debian.
fn of_host(base: Base, repository: &str) -> Vec<String> {
    if base != Base::Debian {
        return Vec::new();
    }
    let host = hostconfig::debian_mirrors(Path::new("/")).unwrap_or_default();
    if repository == base.key() { host.debian } else { host.debian_security }
}

/// What is known of the base.
fn public(distro: &Distro, repository: &str, architecture: Architecture) -> Vec<String> {
    let arch = distro.architectures.get(architecture.key());
    let mirrors = arch.and_then(|arch| distro.mirrors.get(arch));
    mirrors.and_then(|mirrors| mirrors.get(repository)).cloned().into_iter().collect()
}
