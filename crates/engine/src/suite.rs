//! The suites that a request reads: those of the base's own archive, and those of the sources that a spec names.

use lbuild_repo::deb::release::{Keyring, VerifiedRelease};
use lbuild_repo::resolve::Pin;
use lbuild_spec::Blueprint;
use lbuild_spec::model::RepositorySource;
use lbuild_store::{Digest, Hasher};

use crate::error::ResolveError;
use crate::family::debian::{self, Distro, Pocket, Release};
use crate::mirror;

/// What is read for one request.
#[derive(Debug, Clone)]
pub(crate) struct Suites {
    pub(crate) arch: String,
    /// The release's own suite is the first.
    pub(crate) list: Vec<Suite>,
    /// Preferences, of which those for all packages set the priorities of suites.
    pub(crate) pins: Vec<Pin>,
}

/// One suite of one repository.
#[derive(Debug, Clone)]
pub(crate) struct Suite {
    /// Repository in locks: `debian`, `debian-security`, or what [`repository`] makes of the name of a source.
    pub(crate) repository: String,
    /// Name, such as `trixie-updates`; a directory without suites ends in `/`.
    pub(crate) name: String,
    pub(crate) components: Vec<String>,
    /// Host that the spec gets it from in the finished system; empty where that is for the base to say.
    pub(crate) host: String,
    pub(crate) trust: Trust,
    /// SHA-256 of the key that the machine's owner has set for the mirror, where it is not the archive's own.
    pub(crate) own_key: Option<Digest>,
    /// The source of the spec that it is of.
    pub(crate) source: Option<Source>,
    /// What would switch it on, when it is read for explanations only.
    pub(crate) switch: String,
    /// Its other components are read too, for explanations only.
    pub(crate) other_components: bool,
}

/// Whose word counts for a suite.
#[derive(Debug, Clone)]
pub(crate) enum Trust {
    /// That of these keys, and of no others.
    Keys(Keyring),
    /// Anybody's: the spec says so by name.
    Nobody,
}

/// A source of the spec.
#[derive(Debug, Clone)]
pub(crate) struct Source {
    pub(crate) name: String,
    pub(crate) url: String,
    /// SHA-256 of the text of its key; `None` when nobody signs it.
    pub(crate) key: Option<Digest>,
}

/// The pocket that is used only for packages that ask for it.
const BACKPORTS: &str = "backports";

/// The name of a source's repository in locks.
pub(crate) fn repository(source: &str) -> String {
    format!("{SOURCE}{source}")
}

/// What the repository of a source begins with in locks.
pub(crate) const SOURCE: &str = "source/";

/// The name of the source, if a repository is one.
pub(crate) fn source_of(repository: &str) -> Option<&str> {
    repository.strip_prefix(SOURCE)
}

/// The sources that a build uses.
pub(crate) fn used(blueprint: &Blueprint) -> impl Iterator<Item = &RepositorySource> {
    let sources = blueprint.repositories.sources.iter().map(|source| &source.value);
    sources.filter(|source| source.build.unwrap_or(true))
}

impl Suites {
    /// What the packages of a system are chosen from.
    pub(crate) fn of_system(
        blueprint: &Blueprint,
        distro: &Distro,
        release: &Release,
        arch: &str,
    ) -> Result<Self, ResolveError> {
        let asked = &blueprint.repositories;
        let on = |pocket: &&Pocket| match pocket.name.as_str() {
            "updates" => asked.suites.updates,
            "security" => asked.suites.security,
            "backports" => asked.suites.backports,
            _ => true,
        };
        let components = if asked.components.is_empty() { &distro.components } else { &asked.components };
        let mirrors = &blueprint.mirrors;
        let hosts = [&mirrors.system, &mirrors.system_security];
        let hosts = hosts.map(|url| url.as_deref().map_or("", host).to_owned());
        let mut list = archive(distro, release, on, components, &hosts)?;
        for source in used(blueprint) {
            list.extend(of_source(source, release)?);
        }
        Ok(Self { arch: arch.to_owned(), list, pins: debian::pins(blueprint) })
    }

    /// The same with what the archive has besides, switched off: so that an explanation can propose it.
    pub(crate) fn wider(&self, release: &Release) -> Self {
        let mut wider = self.clone();
        for suite in wider.list.iter_mut().filter(|suite| suite.source.is_none()) {
            suite.other_components = true;
        }
        let backports = format!("{}-{BACKPORTS}", release.codename);
        let main = wider.list.first().cloned();
        if let Some(main) = main.filter(|_| wider.list.iter().all(|suite| suite.name != backports)) {
            let switch = format!("suite {backports}");
            wider.list.push(Suite { name: backports, switch, other_components: false, ..main });
        }
        wider
    }

    /// Whether nothing but the archive's own priorities and packages count.
    pub(crate) fn are_usual(&self) -> bool {
        self.pins.is_empty() && self.list.iter().all(|suite| suite.source.is_none())
    }

    /// What the tools are chosen from: the archive alone, whatever the spec adds to it.
    pub(crate) fn of_tools(distro: &Distro, release: &Release, arch: &str) -> Result<Self, ResolveError> {
        let on = |pocket: &&Pocket| pocket.name != BACKPORTS;
        let list = archive(distro, release, on, &distro.components, &Default::default())?;
        Ok(Self { arch: arch.to_owned(), list, pins: Vec::new() })
    }
}

/// The suites of the archive that are `on`; `hosts` are those of its two repositories.
fn archive(
    distro: &Distro,
    release: &Release,
    on: impl FnMut(&&Pocket) -> bool,
    components: &[String],
    hosts: &[String; 2],
) -> Result<Vec<Suite>, ResolveError> {
    let [main, security] = hosts;
    let suite = |pocket: &Pocket| {
        let (trust, own_key) = archive_trust(distro, release, pocket)?;
        Ok(Suite {
            repository: pocket.repository.clone(),
            name: pocket.suite(&release.codename),
            components: components.to_vec(),
            host: if pocket.is_security() { security.clone() } else { main.clone() },
            trust,
            own_key,
            source: None,
            switch: String::new(),
            other_components: false,
        })
    };
    distro.pockets.iter().filter(on).map(suite).collect()
}

/// The keys of a suite of the archive, and the digest of the key that the machine's owner has set instead of them.
fn archive_trust(
    distro: &Distro,
    release: &Release,
    pocket: &Pocket,
) -> Result<(Trust, Option<Digest>), ResolveError> {
    let Some(file) = mirror::key_file(distro, &pocket.repository) else {
        let keyring = Keyring::join(&release.keyring(pocket));
        return Ok((Trust::Keys(keyring.expect("the embedded archive keys are certificates")), None));
    };
    let unreadable = |source| ResolveError::MirrorKey {
        repository: pocket.repository.clone(),
        path: file.clone(),
        source,
    };
    let bytes = std::fs::read(&file).map_err(|error| unreadable(Box::new(error)))?;
    let keyring = Keyring::parse(&bytes).map_err(|error| unreadable(Box::new(error)))?;
    Ok((Trust::Keys(keyring), Some(Digest::of(&bytes))))
}

fn of_source(source: &RepositorySource, release: &Release) -> Result<Vec<Suite>, ResolveError> {
    let trust = trust(source)?;
    let or = |list: &[String], usual: &str| {
        if list.is_empty() { vec![usual.to_owned()] } else { list.to_vec() }
    };
    let key = source.signed_by.as_ref().map(|key| Digest::of(key.as_bytes()));
    let suite = |name: String| Suite {
        repository: repository(&source.name),
        components: if name.ends_with('/') { vec![String::new()] } else { or(&source.components, "main") },
        name,
        host: host(&source.url).to_owned(),
        trust: trust.clone(),
        own_key: None,
        source: Some(Source { name: source.name.clone(), url: source.url.clone(), key }),
        switch: String::new(),
        other_components: false,
    };
    Ok(or(&source.suites, &release.codename).into_iter().map(suite).collect())
}

/// The key of a source, which vouches for this source alone.
fn trust(source: &RepositorySource) -> Result<Trust, ResolveError> {
    let name = || source.name.clone();
    let Some(key) = &source.signed_by else {
        let nobody = source.unsigned.then_some(Trust::Nobody);
        return nobody.ok_or_else(|| ResolveError::NoKey { source_name: name() });
    };
    let keyring = Keyring::parse(key.as_bytes())
        .map_err(|reason| ResolveError::SourceKey { source_name: name(), source: reason })?;
    if let Some(expected) = &source.fingerprint {
        let found = keyring.fingerprints();
        if found.iter().any(|found| !found.eq_ignore_ascii_case(expected)) {
            let expected = expected.to_ascii_uppercase();
            return Err(ResolveError::Fingerprint { source_name: name(), expected, found });
        }
    }
    Ok(Trust::Keys(keyring))
}

/// The host in a URL, without its port.
fn host(url: &str) -> &str {
    let authority = url.split_once("://").map_or("", |(_, rest)| rest).split('/').next().unwrap_or_default();
    match authority.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => authority.split(':').next().unwrap_or_default(),
    }
}

impl Suite {
    /// What to call it in messages.
    pub(crate) fn label(&self) -> String {
        match &self.source {
            Some(source) => format!("{} {}", source.name, self.name),
            None => self.name.clone(),
        }
    }

    /// The path of a file of the suite below the address of its repository.
    pub(crate) fn path(&self, file: &str) -> String {
        match self.directory() {
            Some(directory) => format!("{directory}{file}"),
            None => format!("dists/{}/{file}", self.name),
        }
    }

    /// The directory of a suite that is nothing else, with a slash at its end unless it is the top.
    pub(crate) fn directory(&self) -> Option<&str> {
        let directory = self.name.strip_suffix('/')?;
        Some(if matches!(directory, "" | ".") { "" } else { &self.name })
    }

    /// The name that its release file must bear; a directory has none.
    pub(crate) fn expected(&self) -> Option<String> {
        self.directory().is_none().then(|| self.name.clone())
    }

    /// Where the date of the last release file is kept. What nobody signs has no date that could be trusted.
    pub(crate) fn watermark(&self) -> Option<String> {
        match (&self.source, &self.trust) {
            (_, Trust::Nobody) => None,
            (None, _) => {
                let key = self.own_key.map(|key| format!("@{key}")).unwrap_or_default();
                Some(format!("{}{key}/{}", self.repository, self.name))
            }
            (Some(source), _) => {
                // another key or address is another history
                let mut hasher = Hasher::new();
                hasher.field("url", source.url.as_bytes());
                hasher.field("key", &source.key.unwrap_or(Digest([0; 32])).0);
                Some(format!("{SOURCE}{}/{}", hasher.finish(), self.name))
            }
        }
    }

    /// The names by which a pin may mean it.
    pub(crate) fn names(release: &VerifiedRelease) -> Vec<String> {
        vec![release.codename.clone(), release.suite.clone()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_told_from_ports_and_paths() {
        for (url, expected) in [
            ("http://a.example:8080/debian", "a.example"),
            ("https://a.example", "a.example"),
            ("http://[2001:db8::1]:80/x", "2001:db8::1"),
            ("file:///srv/repo", ""),
        ] {
            assert_eq!(host(url), expected, "{url}");
        }
    }

    fn suite(name: &str) -> Suite {
        let source = Source { name: "acme".to_owned(), url: "http://a.example".to_owned(), key: None };
        Suite {
            repository: repository("acme"),
            name: name.to_owned(),
            components: Vec::new(),
            host: String::new(),
            trust: Trust::Nobody,
            own_key: None,
            source: Some(source),
            switch: String::new(),
            other_components: false,
        }
    }

    #[test]
    fn a_suite_with_a_slash_at_its_end_is_a_directory() {
        for (name, path) in [
            ("stable", "dists/stable/Release"),
            ("./", "Release"),
            ("/", "Release"),
            ("deb/amd64/", "deb/amd64/Release"),
        ] {
            assert_eq!(suite(name).path("Release"), path);
        }
        assert_eq!((suite("./").expected(), suite("a/b").expected().as_deref()), (None, Some("a/b")));
    }

    #[test]
    fn what_nobody_signs_has_no_watermark() {
        assert_eq!(suite("stable").watermark(), None);
        assert_eq!(source_of(&suite("stable").repository), Some("acme"));
    }
}
