//! gpkg (GLEP 78): a tar whose members lie in one directory: `gpkg-1`, `metadata.tar.*`, `image.tar.*`, a signature
//! beside each of the two, and `Manifest`, which is a signed message when the package is signed.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufReader, Read, Seek};

use super::manifest::{self, Measured};
use super::{ArchiveError, Contents, MAX_METADATA, Metadata, Part, Region, Trust};
use crate::compress::Capped;
use crate::openpgp::{Signer, verify_cleartext, verify_detached};
use crate::tar::{self, Kind, Policy, TarError};

/// Members of the outer archive; a signed package has six.
const MAX_MEMBERS: u64 = 64;
/// Bytes of the manifest and of each signature.
const MAX_SMALL: u64 = 1 << 20;
/// Begins a signed message.
const SIGNED: &[u8] = b"-----BEGIN PGP SIGNED MESSAGE-----";
/// What the names of signatures end with.
const SIGNATURE: &str = ".sig";
/// The compressions of GLEP 78 that `repo::compress` reads; it recognises them by their first bytes.
const SUFFIXES: [&str; 5] = ["", ".gz", ".xz", ".zst", ".bz2"];

/// The members, by name without the directory.
#[derive(Default)]
struct Members {
    parts: BTreeMap<String, (Part, Measured)>,
    manifest: Option<Vec<u8>>,
    signatures: BTreeMap<String, Vec<u8>>,
}

/// Checks the whole package and reads its metadata.
pub(super) fn read<R: Read + Seek + Send>(
    reader: &mut R,
    trust: &Trust<'_>,
) -> Result<Contents, ArchiveError> {
    let members = members(reader)?;
    if !members.parts.contains_key("gpkg-1") {
        return Err(ArchiveError::MissingMember("gpkg-1"));
    }
    let manifest = members.manifest.as_deref().ok_or(ArchiveError::MissingMember("Manifest"))?;
    let (text, signers) = manifest_text(manifest, trust)?;
    check_manifest(&text, &members)?;
    let (metadata_name, metadata) = inner(&members, "metadata")?;
    let (image_name, image) = inner(&members, "image")?;
    if let Trust::Signed { .. } = trust {
        check_signature(reader, metadata_name, metadata, &members, trust)?;
        check_signature(reader, image_name, image, &members, trust)?;
    }
    let metadata = read_metadata(Region::new(reader, metadata).map_err(ArchiveError::Read)?)?;
    Ok(Contents { metadata, image, signers })
}

/// Reads the outer archive once, from front to back.
fn members<R: Read>(reader: &mut R) -> Result<Members, ArchiveError> {
    let policy = Policy { max_entries: MAX_MEMBERS, ..Policy::strict() };
    let mut archive = tar::Archive::new(reader, policy);
    let mut members = Members::default();
    let mut directories = BTreeSet::new();
    let unreadable = |source| ArchiveError::Container(TarError::from(source));
    while let Some(entry) = archive.next_entry().map_err(ArchiveError::Container)? {
        let path = String::from_utf8_lossy(&entry.path).into_owned();
        let bad = |reason| ArchiveError::Member { name: path.escape_debug().to_string(), reason };
        let (directory, name) = path.split_once('/').ok_or_else(|| bad("it lies in no directory"))?;
        if entry.kind != Kind::File || name.contains('/') {
            return Err(bad("it is not a file of the one directory"));
        }
        directories.insert(directory.to_owned());
        if directories.len() > 1 {
            return Err(bad("it lies in another directory than the others"));
        }
        let part = Part { start: archive.position(), length: entry.size };
        let mut content = archive.content();
        let small = name == "Manifest" || is_signature(name);
        if !small {
            let measured = Measured::of(content).map_err(unreadable)?;
            members.parts.insert(name.to_owned(), (part, measured));
            continue;
        }
        if entry.size > MAX_SMALL {
            return Err(bad("it is too large"));
        }
        let mut bytes = Vec::new();
        content.read_to_end(&mut bytes).map_err(unreadable)?;
        if name == "Manifest" {
            members.manifest = Some(bytes);
        } else {
            let measured = Measured::of(bytes.as_slice()).map_err(unreadable)?;
            members.parts.insert(name.to_owned(), (part, measured));
            members.signatures.insert(name.to_owned(), bytes);
        }
    }
    Ok(members)
}

fn is_signature(name: &str) -> bool {
    name.strip_suffix(SIGNATURE).is_some()
}

/// The text of the manifest, and who signed it.
fn manifest_text(manifest: &[u8], trust: &Trust<'_>) -> Result<(String, Vec<Signer>), ArchiveError> {
    let member = || "Manifest".to_owned();
    if let Trust::Signed { keyring, policy } = trust {
        if !manifest.starts_with(SIGNED) {
            return Err(ArchiveError::Unsigned(member()));
        }
        return verify_cleartext(manifest, keyring, policy)
            .map_err(|source| ArchiveError::Signature { member: member(), source });
    }
    let text = std::str::from_utf8(manifest).map_err(|_| ArchiveError::Manifest("not UTF-8".to_owned()))?;
    if !manifest.starts_with(SIGNED) {
        return Ok((text.to_owned(), Vec::new()));
    }
    // The lines between the head of the message, which an empty line ends, and the signature.
    let body = text.split_once("\n\n").map_or("", |(_, body)| body);
    let body = body.split_once("-----BEGIN PGP SIGNATURE-----").map_or(body, |(body, _)| body);
    Ok((body.to_owned(), Vec::new()))
}

/// Every member is in the manifest, everything in the manifest is a member, and each is what is said of it.
fn check_manifest(text: &str, members: &Members) -> Result<(), ArchiveError> {
    let lines = manifest::read(text)?;
    if let Some(name) = lines.keys().find(|name| !members.parts.contains_key(*name)) {
        return Err(ArchiveError::Unlisted(name.escape_debug().to_string()));
    }
    for (name, (_, measured)) in &members.parts {
        let line = lines.get(name).ok_or_else(|| ArchiveError::Unlisted(name.escape_debug().to_string()))?;
        line.check(name, measured)?;
    }
    Ok(())
}

/// The member that holds the archive `stem`, whatever it is compressed with.
fn inner<'m>(members: &'m Members, stem: &'static str) -> Result<(&'m str, Part), ArchiveError> {
    let archive = |name: &str| name.strip_prefix(stem).is_some_and(|rest| rest.starts_with(".tar"));
    let mut found = members.parts.iter().filter(|(name, _)| archive(name) && !is_signature(name));
    let (name, (part, _)) = found.next().ok_or(ArchiveError::MissingMember(stem))?;
    if let Some((second, _)) = found.next() {
        return Err(ArchiveError::Member { name: second.clone(), reason: "there is another one" });
    }
    let suffix = &name[stem.len() + ".tar".len()..];
    if !SUFFIXES.contains(&suffix) {
        return Err(ArchiveError::Compression(name.escape_debug().to_string()));
    }
    Ok((name, *part))
}

fn check_signature<R: Read + Seek>(
    reader: &mut R,
    name: &str,
    part: Part,
    members: &Members,
    trust: &Trust<'_>,
) -> Result<(), ArchiveError> {
    let Trust::Signed { keyring, policy } = trust else { return Ok(()) };
    let signature = members
        .signatures
        .get(&format!("{name}{SIGNATURE}"))
        .ok_or_else(|| ArchiveError::Unsigned(name.to_owned()))?;
    let content = Region::new(reader, part).map_err(ArchiveError::Read)?;
    verify_detached(signature, BufReader::new(content), keyring, policy)
        .map(drop)
        .map_err(|source| ArchiveError::Signature { member: name.to_owned(), source })
}

/// Reads the metadata archive: files `metadata/NAME`.
fn read_metadata(reader: impl Read + Send) -> Result<Metadata, ArchiveError> {
    let plain = Capped::new(BufReader::new(reader), MAX_METADATA).map_err(ArchiveError::Read)?;
    let mut archive = tar::Archive::new(plain, Policy::strict());
    let mut metadata = Metadata::default();
    while let Some(entry) = archive.next_entry().map_err(ArchiveError::Metadata)? {
        if entry.kind == Kind::Directory && entry.path == b"metadata" {
            continue;
        }
        let name = entry.path.strip_prefix(b"metadata/").filter(|_| entry.kind == Kind::File);
        let Some(name) = name else {
            return Err(ArchiveError::MetadataFile(entry.path.escape_ascii().to_string()));
        };
        let mut content = Vec::with_capacity(usize::try_from(entry.size.min(1 << 20)).unwrap_or_default());
        archive
            .content()
            .read_to_end(&mut content)
            .map_err(|source| ArchiveError::Metadata(TarError::from(source)))?;
        metadata.insert(name, content)?;
    }
    Ok(metadata)
}
