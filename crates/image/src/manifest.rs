//! `manifest.json` and `SHA256SUMS`: what a build made, and from what.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use lbuild_digest::Digest;
use serde::{Deserialize, Serialize};

use crate::measure::Measured;

/// The file that lists the artifacts and their origin.
pub const MANIFEST_NAME: &str = "manifest.json";
/// The file with the digests of everything that is published.
pub const CHECKSUMS_NAME: &str = "SHA256SUMS";

/// Media types of the artifacts.
pub mod media_type {
    /// A hybrid ISO image.
    pub const ISO: &str = "application/vnd.efi.iso";
    /// An OCI image layout as tar.
    pub const OCI_ARCHIVE: &str = "application/vnd.oci.image.layout.v1+tar";
    /// A root filesystem as zstd-compressed tar; also that of an OCI layer with the same bytes.
    pub const ROOTFS: &str = "application/x-tar+zstd";
    /// The lock of a build.
    pub const LOCK: &str = "application/toml";
    /// A report of the boot check.
    pub const JSON: &str = "application/json";
    /// A log.
    pub const TEXT: &str = "text/plain";
    /// A screenshot.
    pub const PNG: &str = "image/png";
}

/// Everything that `manifest.json` says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Manifest {
    /// Version of this format: 1.
    pub version: u32,
    /// Name of the spec.
    pub name: String,
    /// The published files, sorted by name.
    pub artifacts: Vec<Artifact>,
    /// What they were made from, and how.
    pub provenance: Provenance,
}

/// One published file.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Artifact {
    /// File name inside the output directory.
    pub name: String,
    /// Media type, see [`media_type`].
    pub media_type: String,
    /// Size in bytes.
    pub size: u64,
    /// Digest of the file.
    pub sha256: Digest,
}

impl Artifact {
    /// An artifact from its measure.
    pub fn new(name: impl Into<String>, media_type: impl Into<String>, measured: Measured) -> Self {
        Self {
            name: name.into(),
            media_type: media_type.into(),
            size: measured.size,
            sha256: measured.sha256,
        }
    }
}

/// What a build was made from, and how.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Provenance {
    /// Version of the program that built it.
    pub lbuild: String,
    /// Digest of the canonical effective spec.
    pub spec_digest: Digest,
    /// Digest of the lock file.
    pub lock_digest: Digest,
    /// Base distribution.
    pub base: String,
    /// Release of the base.
    pub release: String,
    /// Architecture, in the words of the spec.
    pub architecture: String,
    /// Latest time stamp in the artifacts, in seconds since 1970.
    pub source_date_epoch: u64,
    /// How strongly the build was isolated from its host.
    pub isolation: String,
    /// Programs of the tools tree: package name and version.
    pub tools: BTreeMap<String, String>,
}

impl Manifest {
    /// A manifest of this version, with its artifacts in order.
    pub fn new(name: impl Into<String>, mut artifacts: Vec<Artifact>, provenance: Provenance) -> Self {
        artifacts.sort();
        Self { version: 1, name: name.into(), artifacts, provenance }
    }

    /// The text of `manifest.json`.
    pub fn to_json(&self) -> String {
        let mut json =
            serde_json::to_string_pretty(self).expect("a manifest holds only strings, numbers and lists");
        json.push('\n');
        json
    }
}

/// The text of `SHA256SUMS` as `sha256sum --check` reads it, sorted by name.
pub fn checksums<'a>(files: impl IntoIterator<Item = (&'a str, Digest)>) -> String {
    let sorted: BTreeMap<_, _> = files.into_iter().collect();
    sorted.into_iter().fold(String::new(), |mut text, (name, digest)| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{digest}  {name}");
        text
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn manifest() -> Manifest {
        let provenance = Provenance {
            lbuild: "0.1.0".into(),
            spec_digest: Digest([1; 32]),
            lock_digest: Digest([2; 32]),
            base: "debian".into(),
            release: "trixie".into(),
            architecture: "x86_64".into(),
            source_date_epoch: 1_700_000_000,
            isolation: "userns".into(),
            tools: BTreeMap::from([("xorriso".into(), "1.5.6".into())]),
        };
        let iso = Artifact::new("live.iso", media_type::ISO, Measured::of(b"iso"));
        let oci = Artifact::new("live.oci.tar", media_type::OCI_ARCHIVE, Measured::of(b"oci"));
        Manifest::new("live", vec![oci, iso], provenance)
    }

    #[test]
    fn the_manifest_survives_json_and_is_sorted() {
        let json = manifest().to_json();
        assert_eq!(serde_json::from_str::<Manifest>(&json).unwrap(), manifest());
        assert!(json.find("live.iso").unwrap() < json.find("live.oci.tar").unwrap());
        assert!(json.contains("\"sourceDateEpoch\": 1700000000") && json.ends_with("}\n"));
    }

    #[test]
    fn checksums_are_lines_of_digest_and_name() {
        let text = checksums([("b", Digest([0xbb; 32])), ("a", Digest([0xaa; 32]))]);
        assert_eq!(text, format!("{}  a\n{}  b\n", "aa".repeat(32), "bb".repeat(32)));
    }
}
