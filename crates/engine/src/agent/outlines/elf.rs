//! A kernel module without what only the kernel reads of it.
//!
//! A module is a relocatable ELF file (gABI, "Sections"). Programs that index modules read its symbols, versions,
//! `.modinfo` and signature; code, data, relocations, types and unwinding tables are four fifths of it.

/// `e_ident` of a 64-bit little-endian file: magic, class, order of bytes.
const IDENT: &[u8] = b"\x7fELF\x02\x01";

/// Bytes of the file's header.
const HEADER: usize = 64;

/// Bytes of a section's header.
const ENTRY: usize = 64;

/// Kinds of sections: relocations with and without addends, and sections without bytes in the file.
const RELA: u32 = 4;
const NOBITS: u32 = 8;
const REL: u32 = 9;

/// Flag of sections that hold code.
const CODE: u64 = 4;

/// Starts of the names of other sections that only the kernel reads.
const LOADED: [&[u8]; 4] = [b".BTF", b".data", b".orc_", b".rodata"];

/// The same file with those sections empty; everything else, also what follows the last section, has the same bytes.
/// `None` when it is not such a file.
pub(super) fn outline(module: &[u8]) -> Option<Vec<u8>> {
    let header = module.get(..HEADER).filter(|header| header.starts_with(IDENT))?;
    let (first, size) = (usize::try_from(long(header, 40)?).ok()?, usize::from(short(header, 58)?));
    let (count, names) = (usize::from(short(header, 60)?), usize::from(short(header, 62)?));
    let sections = part(module, first, count.checked_mul(ENTRY)?).filter(|_| size == ENTRY)?;
    let names = Section::read(sections.get(names * ENTRY..)?)?.bytes(module)?;
    let mut end = first + sections.len();
    let mut outline = header.to_vec();
    let mut table = Vec::with_capacity(sections.len());
    for entry in sections.chunks_exact(ENTRY) {
        let section = Section::read(entry)?;
        let bytes = section.bytes(module)?;
        if !bytes.is_empty() {
            end = end.max(section.offset + bytes.len());
        }
        let kept = if section.is_loaded(names)? { &[][..] } else { bytes };
        // Sections of a hostile file may all be the same bytes.
        let fits = outline.len() + kept.len() <= 2 * module.len();
        let offset = append(&mut outline, fits.then_some(kept)?);
        table.extend_from_slice(&entry[..24]);
        table.extend_from_slice(&offset.to_le_bytes());
        table.extend_from_slice(&(kept.len() as u64).to_le_bytes());
        table.extend_from_slice(&entry[40..]);
    }
    let first = append(&mut outline, &table);
    outline[40..48].copy_from_slice(&first.to_le_bytes());
    // A signature.
    outline.extend_from_slice(&module[end..]);
    Some(outline)
}

/// What matters of a section's header.
struct Section {
    name: usize,
    kind: u32,
    flags: u64,
    offset: usize,
    size: usize,
}

impl Section {
    fn read(entry: &[u8]) -> Option<Self> {
        Some(Self {
            name: usize::try_from(word(entry, 0)?).ok()?,
            kind: word(entry, 4)?,
            flags: long(entry, 8)?,
            offset: usize::try_from(long(entry, 24)?).ok()?,
            size: usize::try_from(long(entry, 32)?).ok()?,
        })
    }

    fn bytes<'a>(&self, module: &'a [u8]) -> Option<&'a [u8]> {
        if self.kind == NOBITS { Some(&[]) } else { part(module, self.offset, self.size) }
    }

    /// Whether only the kernel reads it.
    fn is_loaded(&self, names: &[u8]) -> Option<bool> {
        let name = names.get(self.name..)?;
        let relocations = matches!(self.kind, RELA | REL);
        Some(relocations || self.flags & CODE != 0 || LOADED.iter().any(|loaded| name.starts_with(loaded)))
    }
}

/// Appends bytes where an aligned structure may begin, and tells where that is.
fn append(file: &mut Vec<u8>, bytes: &[u8]) -> u64 {
    file.resize(file.len().next_multiple_of(8), 0);
    let offset = file.len() as u64;
    file.extend_from_slice(bytes);
    offset
}

fn part(bytes: &[u8], offset: usize, size: usize) -> Option<&[u8]> {
    bytes.get(offset..offset.checked_add(size)?)
}

fn short(bytes: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_le_bytes(part(bytes, at, 2)?.try_into().ok()?))
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_le_bytes(part(bytes, at, 4)?.try_into().ok()?))
}

fn long(bytes: &[u8], at: usize) -> Option<u64> {
    Some(u64::from_le_bytes(part(bytes, at, 8)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SIGNATURE: &[u8] = b"~Module signature appended~\n";

    /// A file with these sections of name, kind, flags and bytes, and a signature at its end.
    fn module(sections: &[(&str, u32, u64, &[u8])]) -> Vec<u8> {
        let mut names = vec![0];
        let mut file = vec![0; HEADER];
        let mut table = vec![0; ENTRY];
        let mut entry = |name: &str, kind: u32, flags: u64, offset: u64, size: usize, names: &mut Vec<u8>| {
            let mut entry = [0; ENTRY];
            entry[0..4].copy_from_slice(&u32::try_from(names.len()).unwrap().to_le_bytes());
            entry[4..8].copy_from_slice(&kind.to_le_bytes());
            entry[8..16].copy_from_slice(&flags.to_le_bytes());
            entry[24..32].copy_from_slice(&offset.to_le_bytes());
            entry[32..40].copy_from_slice(&(size as u64).to_le_bytes());
            table.extend_from_slice(&entry);
            names.extend_from_slice(name.as_bytes());
            names.push(0);
        };
        for (name, kind, flags, bytes) in sections {
            let offset = if *kind == NOBITS { u64::MAX } else { append(&mut file, bytes) };
            entry(name, *kind, *flags, offset, bytes.len(), &mut names);
        }
        let end = file.len() as u64;
        let length = names.len() + ".shstrtab\0".len();
        entry(".shstrtab", 3, 0, end, length, &mut names);
        file.extend_from_slice(&names);
        let first = append(&mut file, &table);
        file[..IDENT.len()].copy_from_slice(IDENT);
        file[40..48].copy_from_slice(&first.to_le_bytes());
        file[58..60].copy_from_slice(&64_u16.to_le_bytes());
        let count = u16::try_from(table.len() / ENTRY).unwrap();
        file[60..62].copy_from_slice(&count.to_le_bytes());
        file[62..64].copy_from_slice(&(count - 1).to_le_bytes());
        file.extend_from_slice(SIGNATURE);
        file
    }

    fn example() -> Vec<u8> {
        module(&[
            (".text", 1, 6, &[0xAA; 4096]),
            (".rela.text", RELA, 0, &[0xBB; 4096]),
            (".modinfo", 1, 2, b"license=GPL\0"),
            (".bss", NOBITS, 3, &[0; 9]),
            (".BTF", 1, 0, &[0xCC; 4096]),
            (".rodata.str1.1", 1, 0x32, &[0xDD; 4096]),
            ("__versions", 1, 2, b"versions"),
        ])
    }

    /// The bytes of every section that has some.
    fn contents(module: &[u8]) -> Vec<&[u8]> {
        let first = usize::try_from(long(module, 40).unwrap()).unwrap();
        let count = usize::from(short(module, 60).unwrap());
        let entries = part(module, first, count * ENTRY).unwrap().chunks_exact(ENTRY);
        let bytes = entries.map(|entry| Section::read(entry).unwrap().bytes(module).unwrap());
        bytes.filter(|bytes| !bytes.is_empty()).collect()
    }

    #[test]
    fn only_what_the_kernel_loads_is_left_out() {
        let module = example();
        let outline = outline(&module).unwrap();
        let names = contents(&module).pop().unwrap();
        assert_eq!(contents(&outline), [&b"license=GPL\0"[..], b"versions", names]);
        assert!(outline.ends_with(SIGNATURE));
        assert!(outline.len() < 1024, "{}", outline.len());
        // What is no longer there is empty, and everything else of its header stays.
        assert_eq!(outline.len(), super::outline(&outline).unwrap().len());
    }

    #[test]
    fn what_is_no_module_has_no_outline() {
        let module = example();
        assert_eq!(outline(b""), None);
        assert_eq!(outline(b"#!/bin/sh\n"), None);
        let until = module.len() - SIGNATURE.len();
        for length in 0..until {
            assert_eq!(outline(&module[..length]), None, "{length} bytes");
        }
    }

    #[test]
    fn no_damage_of_the_headers_does_more_than_change_the_outline() {
        let module = example();
        let first = usize::try_from(long(&module, 40).unwrap()).unwrap();
        for at in (0..HEADER).chain(first..module.len() - SIGNATURE.len()) {
            for value in [0, 1, 4, 9, 0x7f, 0x80, 0xff] {
                let mut damaged = module.clone();
                damaged[at] = value;
                // Sections may overlap then, so that the outline can be larger, but not without end.
                let length = outline(&damaged).map_or(0, |outline| outline.len());
                assert!(length < 4 * module.len(), "byte {at} as {value}: {length}");
            }
        }
    }
}
