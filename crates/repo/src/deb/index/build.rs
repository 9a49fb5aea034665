//! From stanzas to the bytes of an index.

use super::layout::{
    ESSENTIAL, HEADER, Layout, NAME, NONE, OWN_PATH, PACKAGE, PROTECTED, PROVIDER, checksum, package,
    put_u16, put_u32, put_u64, u16_at, u32_at,
};
use super::names::Names;
use super::scan::{PROVIDES, Stanza};
use super::{IndexError, IndexSource, Rest};

/// More packages of one name than this are refused: the chains between them are followed one by one.
const MAX_PER_NAME: u32 = 4096;
/// More pool directories than this are not shared.
const MAX_POOLS: u16 = 256;
/// More architectures than this do not exist.
const MAX_ARCHES: u16 = 250;
/// Text of an index in bytes; offsets are 32 bits.
const MAX_TEXT: usize = 1 << 30;

pub(super) struct Builder {
    records: Vec<u8>,
    /// The file up to the end of its text.
    text: Vec<u8>,
    names: Names,
    /// Name, package, place and length of the version.
    provides: Vec<[u32; 4]>,
    rest: Rest,
}

impl Builder {
    pub(super) fn new(stanzas: usize) -> Self {
        let mut text = Vec::with_capacity(stanzas * 420 + HEADER);
        text.resize(HEADER, 0);
        Self {
            records: Vec::with_capacity(stanzas * PACKAGE),
            text,
            names: Names::with_capacity(stanzas * 2),
            provides: Vec::with_capacity(stanzas),
            rest: Rest::default(),
        }
    }

    /// Starts a source: stanzas belong to the last one.
    pub(super) fn start(&mut self, source: &IndexSource) -> Result<(), IndexError> {
        self.rest.sources.push(source.clone());
        if self.rest.sources.len() > usize::from(u16::MAX) { Err(IndexError::TooLarge) } else { Ok(()) }
    }

    /// Adds stanzas, in order.
    pub(super) fn add(&mut self, stanzas: &[Stanza<'_>]) -> Result<(), IndexError> {
        let source = u16::try_from(self.rest.sources.len() - 1).map_err(|_| IndexError::TooLarge)?;
        stanzas.iter().try_for_each(|stanza| self.add_stanza(source, stanza))
    }

    fn add_stanza(&mut self, source: u16, stanza: &Stanza<'_>) -> Result<(), IndexError> {
        let id = narrow(self.records.len() / PACKAGE)?;
        let name = self.names.intern(stanza.name, stanza.name_hash, &mut self.text, |text| {
            let place = text.len();
            text.extend_from_slice(stanza.name.as_bytes());
            u32::try_from(place).unwrap_or(NONE)
        })?;
        self.refuse_duplicate(name, source, stanza)?;
        self.link(name, id)?;
        let pool = self.pool(stanza);
        let filename = if pool == OWN_PATH { stanza.filename } else { "" };
        let place = self.write_text(stanza, filename)?;
        self.write_record([name, NONE, place], [source, pool], filename, stanza)?;
        self.write_provides(id, place, filename, stanza)
    }

    /// The directory of the pool, as long as there are few of them.
    fn pool(&mut self, stanza: &Stanza<'_>) -> u16 {
        let known = stanza.pool.map(|pool| intern(&mut self.rest.pools, pool, MAX_POOLS));
        known.flatten().unwrap_or(OWN_PATH)
    }

    /// The same name, version and architecture twice in one index, with different content.
    fn refuse_duplicate(&self, name: u32, source: u16, stanza: &Stanza<'_>) -> Result<(), IndexError> {
        let mut other = self.names.names[name as usize].first_package;
        while other != NONE {
            let record = &self.records[other as usize * PACKAGE..][..PACKAGE];
            let text = u32_at(record, package::TEXT) as usize;
            let version = &self.text[text..text + usize::from(u16_at(record, package::SHORT_LENGTHS))];
            let same_arch = self
                .rest
                .arches
                .get(usize::from(record[package::BYTES + 3]))
                .is_some_and(|a| a == stanza.arch);
            if u16_at(record, package::SOURCE) == source
                && version == stanza.version.as_bytes()
                && same_arch
                && record[package::SHA256..package::SHA256 + 32] != stanza.sha256
            {
                return Err(IndexError::Duplicate {
                    index: self.rest.sources[usize::from(source)].to_string(),
                    package: stanza.name.to_owned(),
                    version: stanza.version.to_owned(),
                });
            }
            other = u32_at(record, package::NEXT);
        }
        Ok(())
    }

    /// Appends the package to the chain of its name.
    fn link(&mut self, name: u32, id: u32) -> Result<(), IndexError> {
        let entry = &mut self.names.names[name as usize];
        entry.packages += 1;
        if entry.packages > MAX_PER_NAME {
            return Err(IndexError::TooMany { package: text_at(&self.text, entry.text, entry.length) });
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

    fn write_text(&mut self, stanza: &Stanza<'_>, filename: &str) -> Result<u32, IndexError> {
        let place = self.text.len();
        for part in [stanza.version, stanza.source, filename].into_iter().chain(stanza.relations) {
            self.text.extend_from_slice(part.as_bytes());
        }
        if self.text.len() > MAX_TEXT {
            return Err(IndexError::TooLarge);
        }
        narrow(place)
    }

    fn write_record(
        &mut self,
        [name, next, place]: [u32; 3],
        [source, pool]: [u16; 2],
        filename: &str,
        stanza: &Stanza<'_>,
    ) -> Result<(), IndexError> {
        let arch = intern(&mut self.rest.arches, stanza.arch, MAX_ARCHES).ok_or(IndexError::TooLarge)?;
        let arch = u8::try_from(arch).map_err(|_| IndexError::TooLarge)?;
        let out = &mut self.records;
        for number in [name, next, place] {
            put_u32(out, number);
        }
        for part in [stanza.version, stanza.source, filename] {
            put_u16(out, u16::try_from(part.len()).map_err(|_| IndexError::TooLarge)?);
        }
        put_u16(out, source);
        for part in stanza.relations {
            put_u32(out, narrow(part.len())?);
        }
        let flags = u8::from(stanza.essential) * ESSENTIAL + u8::from(stanza.protected) * PROTECTED;
        out.extend_from_slice(&[stanza.priority, flags, stanza.multi_arch, arch]);
        put_u64(out, stanza.size);
        put_u32(out, stanza.installed_kib);
        put_u16(out, pool);
        put_u16(out, 0);
        out.extend_from_slice(&stanza.sha256);
        Ok(())
    }

    fn write_provides(
        &mut self,
        id: u32,
        place: u32,
        filename: &str,
        stanza: &Stanza<'_>,
    ) -> Result<(), IndexError> {
        let field = stanza.relations[PROVIDES];
        let before: usize = stanza.relations[..PROVIDES].iter().map(|part| part.len()).sum();
        let start = place as usize + stanza.version.len() + stanza.source.len() + filename.len() + before;
        // Both lie in the same text, so that the distance is the place inside the field.
        let place_of = |part: &str| narrow(start + part.as_ptr().addr() - field.as_ptr().addr());
        for provided in &stanza.provides {
            let at = place_of(provided.name)?;
            let name = self.names.intern(provided.name, provided.name_hash, &mut self.text, |_| at)?;
            self.names.names[name as usize].providers += 1;
            let version = if provided.version.is_empty() { 0 } else { place_of(provided.version)? };
            self.provides.push([name, id, version, narrow(provided.version.len())?]);
        }
        Ok(())
    }

    /// Puts the parts together.
    pub(super) fn finish(mut self) -> Result<(Vec<u8>, Layout, Rest), IndexError> {
        let rest = serde_json::to_vec(&self.rest).map_err(|_| IndexError::TooLarge)?;
        let layout = Layout {
            packages: self.records.len() / PACKAGE,
            names: self.names.names.len(),
            providers: self.provides.len(),
            slots: self.names.slot_count(),
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
        for [_, package, version, length] in &self.provides {
            for number in [*package, *version, *length] {
                put_u32(&mut out, number);
            }
        }
        debug_assert_eq!(out.len(), layout.providers_start() + layout.providers * PROVIDER);
        self.names.write_slots(&mut out);
        out.extend_from_slice(&rest);
        let sum = checksum(&out[16..]);
        out[8..16].copy_from_slice(&sum.to_le_bytes());
        Ok((out, layout, self.rest))
    }
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

fn narrow(number: usize) -> Result<u32, IndexError> {
    u32::try_from(number).map_err(|_| IndexError::TooLarge)
}

fn text_at(text: &[u8], at: u32, length: u32) -> String {
    let bytes = text.get(at as usize..(at + length) as usize).unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}
