//! Binary hosts in the arena of [`crate::index`], from which packages are chosen.
//!
//! A package is called `category/package` there; its short name is provided, so that a request may leave the category
//! out. What only Gentoo's rules need stands in [`Entry::extra`](crate::index::Entry), see [`Built`].

use std::collections::BTreeMap;

use super::accept::Accept;
use super::index::{self, DependencyClass, Header};
use super::installed::Installed;
use super::profile::Profile;
use super::relation::{BuiltWith, parse, reduce};
use crate::index::{BuildError, Builder, Digest, Entry, Index, IndexSource, Kind, Package, Provided};

/// [`Index::family`] of what [`build`] makes.
pub const FAMILY: &str = "portage";

/// In the flags of a package: it is a set such as `@system`, which has no archive and only asks for others.
const SET: u32 = 1;

/// In the flags of a package: the stage archive that the system is made from already has it.
const IN_STAGE: u32 = 2;
/// What has to be switched on for what the profile masks.
const MASKED: &str = "masked packages";

/// How much more a version of the stage archive is preferred than one of a host: it is there already.
const STAGE_PIN: i32 = 1;

/// What decides beside the indexes themselves.
#[derive(Debug, Clone, Default)]
pub struct Options<'o> {
    /// Whose masks and system set count.
    pub profile: Option<&'o Profile>,
    /// What is accepted by itself; all packages of a host without it.
    pub accept: Option<Accept<'o>>,
    /// What the stage archive has that the system is made from. Hosts leave out what every system has.
    pub stage: &'o [Installed],
    /// Old name to new, see [`super::profile::moves`].
    pub moves: BTreeMap<String, String>,
}

/// Reads indexes into one arena, the most preferred first.
///
/// What the profile masks, and what is not accepted by its keywords or licenses, is in sources of their own, which are
/// off: see [`IndexSource::switch`].
pub fn build(hosts: &[(IndexSource, &index::Index<'_>)], options: &Options<'_>) -> Result<Index, BuildError> {
    let count = hosts.iter().map(|(_, host)| host.entries.len()).sum();
    let mut builder = Builder::new(FAMILY, count);
    let mut writer = Writer { options, former: BTreeMap::new() };
    for (old, new) in &options.moves {
        writer.former.entry(new).or_default().push(old);
    }
    if let (Some(profile), Some((source, _))) = (options.profile, hosts.first()) {
        builder.source(&IndexSource { component: "sets".to_owned(), ..source.clone() })?;
        add_set(&mut builder, "@system", &profile.system, &source.arch)?;
        add_set(&mut builder, "@profile", &profile.packages, &source.arch)?;
    }
    if let Some((source, _)) = hosts.first().filter(|_| !options.stage.is_empty()) {
        let pin = source.pin.saturating_add(STAGE_PIN);
        builder.source(&IndexSource { suite: "stage3".to_owned(), pin, ..source.clone() })?;
        for installed in options.stage {
            add_installed(&mut builder, installed, &source.arch)?;
        }
    }
    for (source, host) in hosts {
        // Those that are in use come first, and have a source even when there are none.
        let mut sorted = BTreeMap::from([(String::new(), Vec::new())]);
        for entry in &host.entries {
            sorted.entry(writer.switch(entry, &source.arch)).or_default().push(entry);
        }
        for (switch, entries) in sorted {
            builder.source(&IndexSource { switch, ..source.clone() })?;
            for entry in entries {
                writer.add(&mut builder, entry, &host.header, &source.arch)?;
            }
        }
    }
    builder.finish()
}

/// Adds a set as a package that only asks for others; nothing for a set without members.
fn add_set(builder: &mut Builder, name: &str, atoms: &[String], arch: &str) -> Result<(), BuildError> {
    if atoms.is_empty() {
        return Ok(());
    }
    let requires = atoms.join(" ");
    let entry = Entry { name: name.into(), version: "0", arch, flags: SET, ..Entry::default() };
    builder.add(&entry.with(Kind::Requires, &requires))
}

fn add_installed(builder: &mut Builder, installed: &Installed, arch: &str) -> Result<(), BuildError> {
    let flags = |list: &[String]| list.join(" ");
    let extra = [&installed.sub_slot, &installed.repository, &flags(&installed.on), &flags(&installed.known)]
        .map(String::as_str)
        .join("\n");
    let short = installed.key.split_once('/').map_or(installed.key.as_str(), |(_, short)| short);
    builder.add(&Entry {
        name: installed.key.as_str().into(),
        version: &installed.version,
        arch,
        slot: &installed.slot,
        extra: &extra,
        flags: IN_STAGE,
        provides: vec![Provided { name: short.into(), version: &installed.version }],
        ..Entry::default()
    })
}

struct Writer<'o> {
    options: &'o Options<'o>,
    /// Old names by new one.
    former: BTreeMap<&'o str, Vec<&'o str>>,
}

impl Writer<'_> {
    /// What has to be switched on for a build.
    fn switch(&self, entry: &index::Entry<'_>, arch: &str) -> String {
        let masked = |profile: &Profile| profile.masks(entry.key, entry.version, entry.slot, entry.sub_slot);
        let mask = self.options.profile.is_some_and(masked).then(|| MASKED.to_owned());
        let accept = self.options.accept.map(|accept| accept.switch(entry, arch));
        let lines = mask.into_iter().chain(accept).filter(|line| !line.is_empty());
        lines.collect::<Vec<_>>().join("\n")
    }

    fn add(
        &self,
        builder: &mut Builder,
        entry: &index::Entry<'_>,
        header: &Header<'_>,
        arch: &str,
    ) -> Result<(), BuildError> {
        let before = reduced(entry, &[DependencyClass::Install]);
        let requires = reduced(entry, &[DependencyClass::Run, DependencyClass::Post]);
        let build = entry.build_id.to_string();
        let extra = Built::write(entry, header);
        let former = self.former.get(entry.key).map_or(String::new(), |names| names.join(" "));
        let short = entry.key.split_once('/').map_or(entry.key, |(_, short)| short);
        let digest = match (entry.sha1, entry.md5) {
            (Some(sha1), _) => Digest::Sha1(sha1),
            (None, Some(md5)) => Digest::Md5(md5),
            (None, None) => Digest::None,
        };
        let arena = Entry {
            name: entry.key.into(),
            version: entry.version,
            arch,
            location: &entry.path,
            summary: entry.description,
            slot: entry.slot,
            build: &build,
            extra: &extra,
            size: entry.size,
            digest,
            rank: entry.build_id,
            provides: vec![Provided { name: short.into(), version: entry.version }],
            ..Entry::default()
        };
        builder.add(
            &arena
                .with(Kind::PreRequires, &before)
                .with(Kind::Requires, &requires)
                .with(Kind::Replaces, &former),
        )
    }
}

/// The dependencies of a build without the conditions that its flags have decided. What cannot be read stays as it is.
fn reduced(entry: &index::Entry<'_>, classes: &[DependencyClass]) -> String {
    let mut text = String::new();
    for class in classes {
        let original = entry.dependency_text(*class);
        let nodes = if original.contains(['?', '!', '=']) { parse(original).ok() } else { None };
        text.push(' ');
        match nodes {
            Some(nodes) => {
                let nodes = reduce(nodes, &|flag| entry.enabled(flag));
                let words: Vec<String> = nodes.iter().map(ToString::to_string).collect();
                text.push_str(&words.join(" "));
            }
            None => text.push_str(original),
        }
    }
    text.trim_ascii().to_owned()
}

/// Whether a package is a set, which has no archive.
pub fn is_set(package: Package<'_>) -> bool {
    package.flags() & SET != 0
}

/// Whether a package is already there in the stage archive, and has no archive of its own.
pub fn is_in_stage(package: Package<'_>) -> bool {
    package.flags() & IN_STAGE != 0
}

/// What a build was made with, from [`Package::extra`]: one line each for the sub-slot, the ebuild repository, the flags
/// that were on, and the flags that it knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Built<'i> {
    /// Sub-slot.
    pub sub_slot: &'i str,
    /// The ebuild repository that it was built from.
    pub repository: &'i str,
    /// Flags that were on.
    pub on: &'i str,
    /// Flags that it knows, on or off.
    pub known: &'i str,
}

impl<'i> Built<'i> {
    /// That of a package.
    pub fn of(package: Package<'i>) -> Self {
        let mut lines = package.extra().split('\n');
        let mut next = || lines.next().unwrap_or_default();
        Self { sub_slot: next(), repository: next(), on: next(), known: next() }
    }

    fn write(entry: &index::Entry<'_>, header: &Header<'_>) -> String {
        let own = entry.iuse.split_ascii_whitespace().map(|flag| flag.trim_start_matches(['+', '-']));
        let known: Vec<&str> = own.chain(header.implied.iter()).collect();
        [entry.sub_slot, entry.repository, entry.use_flags, &known.join(" ")].join("\n")
    }
}

impl BuiltWith for Built<'_> {
    fn knows(&self, flag: &str) -> bool {
        self.known.split_ascii_whitespace().any(|other| other == flag)
    }

    fn has(&self, flag: &str) -> bool {
        self.on.split_ascii_whitespace().any(|other| other == flag)
    }
}
