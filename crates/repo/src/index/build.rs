//! From entries to the bytes of an index.

use super::details::DetailsBuilder;
use super::entry::{Digest, Entry, IndexSource, Kind};
use super::layout::{
    HEADER, Layout, NAME, NONE, PACKAGE, PROVIDER, SLOT, checksum, package, put_u16, put_u32, put_u64,
    u16_at, u32_at,
};
use super::names::Names;
use super::{BuildError, Index, Name, Rest, SHORT_TEXTS, Short};

/// More packages of one name than this are refused: the chains between them are followed one by one.
const MAX_PER_NAME: u32 = 4096;
/// More architectures than this do not exist.
const MAX_ARCHES: u16 = 250;
/// Text of an index in bytes; offsets are 32 bits.
const MAX_TEXT: usize = 1 << 30;
/// Bytes of text per package of Debian's main archive, on average: for the first guess of how much room is needed.
const USUAL_TEXT: usize = 320;

/// Collects entries. What [`Builder::finish`] gives depends on nothing but them and their order.
pub struct Builder {
    records: Vec<u8>,
    /// The file up to the end of its text.
    text: Vec<u8>,
    names: Names,
    /// The name of each slot.
    slots: Vec<u32>,
    /// Name, package, place and length of the version.
    provides: Vec<[u32; 4]>,
    rest: Rest,
    details: DetailsBuilder,
}

impl Builder {
    /// Starts an index of `family` (`deb`, `apk`, ...) with room for about `packages` packages.
    pub fn new(family: &str, packages: usize) -> Self {
        // A guess from a hostile text must not take memory that nobody fills.
        let packages = packages.min(200_000);
        let mut text = Vec::with_capacity(packages * USUAL_TEXT + HEADER);
        text.resize(HEADER, 0);
        Self {
            records: Vec::with_capacity(packages * PACKAGE),
            text,
            names: Names::with_capacity(packages * 2),
            slots: Vec::with_capacity(packages),
            provides: Vec::with_capacity(packages),
            rest: Rest { family: family.to_owned(), ..Rest::default() },
            details: DetailsBuilder::default(),
        }
    }

    /// Starts a source: entries belong to the last one. The order of sources decides between equal versions.
    pub fn source(&mut self, source: &IndexSource) -> Result<(), BuildError> {
        self.rest.sources.push(source.clone());
        if self.rest.sources.len() > usize::from(u16::MAX) { Err(BuildError::TooLarge) } else { Ok(()) }
    }

    /// Adds one package to the last source.
    pub fn add(&mut self, entry: &Entry<'_>) -> Result<(), BuildError> {
        let source = self.rest.sources.len().checked_sub(1).ok_or(BuildError::NoSource)?;
        let source = u16::try_from(source).map_err(|_| BuildError::TooLarge)?;
        let id = narrow(self.records.len() / PACKAGE)?;
        let name = self.intern(entry.name)?;
        let arch = intern(&mut self.rest.arches, entry.arch, MAX_ARCHES).ok_or(BuildError::TooLarge)?;
        let arch = u8::try_from(arch).map_err(|_| BuildError::TooLarge)?;
        let slot = self.slot(name, source, arch, entry)?;
        self.link(name, id)?;
        let (place, lengths) = self.write_text(entry)?;
        self.write_record([name, slot, place], lengths, source, arch, entry)?;
        self.details.add(entry.summary);
        self.write_provides(id, entry)
    }

    fn intern(&mut self, name: Name<'_>) -> Result<u32, BuildError> {
        self.names.intern(name, &mut self.text, |text| {
            let place = text.len();
            text.extend_from_slice(name.text.as_bytes());
            u32::try_from(place).unwrap_or(NONE)
        })
    }

    /// The slot of the entry among the packages of its name, which must not claim to be the same package.
    fn slot(&mut self, name: u32, source: u16, arch: u8, entry: &Entry<'_>) -> Result<u32, BuildError> {
        let mut slot = None;
        let mut other = self.names.names[name as usize].first_package;
        while other != NONE {
            let record = &self.records[other as usize * PACKAGE..][..PACKAGE];
            if self.short(record, Short::Slot) == entry.slot.as_bytes() {
                slot = Some(u32_at(record, package::SLOT));
                let same = u16_at(record, package::SOURCE) == source
                    && record[package::BYTES] == arch
                    && self.short(record, Short::Version) == entry.version.as_bytes()
                    && self.short(record, Short::Build) == entry.build.as_bytes();
                if same && !self.has_digest(record, entry.digest) {
                    return Err(self.duplicate(source, entry));
                }
            }
            other = u32_at(record, package::NEXT);
        }
        if let Some(slot) = slot {
            return Ok(slot);
        }
        self.slots.push(name);
        narrow(self.slots.len() - 1)
    }

    fn short(&self, record: &[u8], wanted: Short) -> &[u8] {
        let length = |at: usize| usize::from(u16_at(record, package::SHORT_LENGTHS + at * 2));
        let before: usize = (0..wanted as usize).map(length).sum();
        let digest = Digest::length(record[package::BYTES + 1]) as usize;
        &self.text[u32_at(record, package::TEXT) as usize + digest + before..][..length(wanted as usize)]
    }

    fn has_digest(&self, record: &[u8], digest: Digest) -> bool {
        let bytes = digest.bytes();
        let start = u32_at(record, package::TEXT) as usize;
        record[package::BYTES + 1] == digest.code()
            && self.text.get(start..start + bytes.len()) == Some(bytes)
    }

    fn duplicate(&self, source: u16, entry: &Entry<'_>) -> BuildError {
        BuildError::Duplicate {
            index: self.rest.sources[usize::from(source)].to_string(),
            package: clip(entry.name.text),
            version: clip(entry.version),
        }
    }

    /// Appends the package to the chain of its name.
    fn link(&mut self, name: u32, id: u32) -> Result<(), BuildError> {
        let entry = &mut self.names.names[name as usize];
        entry.packages += 1;
        if entry.packages > MAX_PER_NAME {
            let (at, length) = (entry.text as usize, entry.length as usize);
            let name = self.text.get(at..at + length).unwrap_or_default();
            return Err(BuildError::TooMany { package: clip(&String::from_utf8_lossy(name)) });
        }
        let before = std::mem::replace(&mut entry.last_package, id);
        if before == NONE {
            entry.first_package = id;
        } else {
            let at = before as usize * PACKAGE + package::NEXT;
            self.records[at..at + 4].copy_from_slice(&id.to_le_bytes());
        }
        Ok(())
    }

    fn write_text(&mut self, entry: &Entry<'_>) -> Result<(u32, [u16; SHORT_TEXTS]), BuildError> {
        let place = self.text.len();
        self.text.extend_from_slice(entry.digest.bytes());
        let mut lengths = [0; SHORT_TEXTS];
        for (length, part) in lengths.iter_mut().zip(short_texts(entry)) {
            *length = u16::try_from(part.len())
                .map_err(|_| BuildError::TooLong { package: clip(entry.name.text) })?;
            self.text.extend_from_slice(part.as_bytes());
        }
        for part in entry.relations {
            self.text.extend_from_slice(part.as_bytes());
        }
        if self.text.len() > MAX_TEXT {
            return Err(BuildError::TooLarge);
        }
        Ok((narrow(place)?, lengths))
    }

    fn write_record(
        &mut self,
        [name, slot, place]: [u32; 3],
        lengths: [u16; SHORT_TEXTS],
        source: u16,
        arch: u8,
        entry: &Entry<'_>,
    ) -> Result<(), BuildError> {
        let out = &mut self.records;
        for number in [name, NONE, slot, place] {
            put_u32(out, number);
        }
        for length in lengths {
            put_u16(out, length);
        }
        put_u16(out, source);
        out.extend_from_slice(&[arch, entry.digest.code(), 0, 0]);
        for part in entry.relations {
            put_u32(out, narrow(part.len())?);
        }
        put_u32(out, entry.flags);
        put_u32(out, entry.rank);
        put_u64(out, entry.size);
        put_u64(out, entry.installed);
        Ok(())
    }

    fn write_provides(&mut self, id: u32, entry: &Entry<'_>) -> Result<(), BuildError> {
        let field = entry.relations[Kind::Provides as usize];
        // The field is the last part of the text that was just written.
        let start = self.text.len() - field.len();
        for provided in &entry.provides {
            let shared = place_in(field, provided.name.text).map(|at| start + at);
            let name = self.names.intern(provided.name, &mut self.text, |text| {
                let place = shared.unwrap_or_else(|| append(text, provided.name.text));
                u32::try_from(place).unwrap_or(NONE)
            })?;
            self.names.names[name as usize].providers += 1;
            let version = match provided.version {
                "" => 0,
                version => {
                    place_in(field, version).map_or_else(|| append(&mut self.text, version), |at| start + at)
                }
            };
            self.provides.push([name, id, narrow(version)?, narrow(provided.version.len())?]);
        }
        if self.text.len() > MAX_TEXT { Err(BuildError::TooLarge) } else { Ok(()) }
    }

    /// Puts the parts together.
    pub fn finish(mut self) -> Result<Index, BuildError> {
        let rest = serde_json::to_vec(&self.rest).map_err(|_| BuildError::TooLarge)?;
        let layout = Layout {
            packages: self.records.len() / PACKAGE,
            names: self.names.names.len(),
            slots: self.slots.len(),
            providers: self.provides.len(),
            buckets: self.names.bucket_count(),
            text_length: self.text.len() - HEADER,
            rest_length: rest.len(),
        };
        self.provides.sort_by_key(|[name, ..]| *name);
        let mut out = self.text;
        out.reserve(layout.rest_start() + rest.len() - out.len());
        layout.write(&mut out[..HEADER]);
        out.append(&mut self.records);
        let mut first_provider = 0;
        for name in &self.names.names {
            for number in [name.text, name.length, name.first_package, first_provider, name.providers] {
                put_u32(&mut out, number);
            }
            first_provider += name.providers;
        }
        debug_assert_eq!(out.len(), layout.names_start() + layout.names * NAME);
        for name in &self.slots {
            put_u32(&mut out, *name);
        }
        debug_assert_eq!(out.len(), layout.slots_start() + layout.slots * SLOT);
        for [_, package, version, length] in &self.provides {
            for number in [*package, *version, *length] {
                put_u32(&mut out, number);
            }
        }
        debug_assert_eq!(out.len(), layout.providers_start() + layout.providers * PROVIDER);
        self.names.write_buckets(&mut out);
        out.extend_from_slice(&rest);
        let sum = checksum(&out[16..]);
        out[8..16].copy_from_slice(&sum.to_le_bytes());
        Ok(Index { bytes: out, layout, rest: self.rest, details: Some(self.details.finish()) })
    }
}

/// The short texts of an entry, in the order of [`Short`].
fn short_texts<'a>(entry: &Entry<'a>) -> [&'a str; SHORT_TEXTS] {
    [entry.version, entry.source, entry.location, entry.groups, entry.slot, entry.build, entry.extra]
}

/// Where `part` lies in `whole`, if both are the same memory.
fn place_in(whole: &str, part: &str) -> Option<usize> {
    let at = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
    (at + part.len() <= whole.len()).then_some(at)
}

fn append(text: &mut Vec<u8>, part: &str) -> usize {
    let place = text.len();
    text.extend_from_slice(part.as_bytes());
    place
}

/// The position of `text` in a list of at most `most` entries.
fn intern(list: &mut Vec<String>, text: &str, most: u16) -> Option<u16> {
    if let Some(known) = list.iter().position(|known| known == text) {
        return u16::try_from(known).ok();
    }
    if list.len() >= usize::from(most) {
        return None;
    }
    list.push(text.to_owned());
    u16::try_from(list.len() - 1).ok()
}

fn narrow(number: usize) -> Result<u32, BuildError> {
    u32::try_from(number).map_err(|_| BuildError::TooLarge)
}

fn clip(text: &str) -> String {
    text.chars().take(80).collect()
}
