//! An OCI image with one layer, as an image layout inside a tar.
//!
//! The layer is the zstd blob of the root filesystem as it stands: the layout is written around it in one pass, so
//! that no second copy is compressed or hashed. The blob comes first, since everything else is small.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};

use lbuild_digest::Digest;
use serde_json::{Value, json};

use crate::blob::Compressed;
use crate::measure::Measured;
use crate::tar;

const MEDIA_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const MEDIA_MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const MEDIA_CONFIG: &str = "application/vnd.oci.image.config.v1+json";
const MEDIA_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+zstd";

/// What the image says about itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OciOptions {
    /// Architecture, as OCI names it (`amd64`, `arm64`) or as the kernel does (`x86_64`, `aarch64`).
    pub architecture: String,
    /// Creation time in seconds since 1970.
    pub epoch: u64,
    /// The name under which tools find the image in the layout and load it, for example `debian-live:trixie`.
    pub reference: String,
    /// Default command.
    pub cmd: Vec<String>,
    /// Environment as `NAME=value`.
    pub env: Vec<String>,
    /// Labels; `org.opencontainers.image.*` where the specification has a name for it.
    pub labels: BTreeMap<String, String>,
    /// What made the layer, for the image's history.
    pub created_by: String,
}

/// The parts of a written layout.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OciImage {
    /// The image manifest; its digest is the image's digest.
    pub manifest: Measured,
    /// The image configuration; its digest is the image's id.
    pub config: Measured,
}

/// Why a layout could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OciError {
    /// The layer's blob does not have the size that was measured.
    #[error("the layer has {found} bytes where {expected} were measured")]
    LayerSize {
        /// Bytes that came.
        found: u64,
        /// Bytes that were measured.
        expected: u64,
    },
    /// The time cannot be written as a date.
    #[error("the epoch {0} lies beyond the year 9999")]
    Epoch(u64),
    /// Reading the layer or writing the layout failed.
    #[error("cannot write the image layout")]
    Io(#[from] io::Error),
}

/// Writes the layout as tar to `out`; `bytes` are the compressed layer, read to the end.
///
/// # Errors
/// [`OciError`]: a layer of another size, an epoch that is no date, or the error of either stream.
pub fn write_layout(
    options: &OciOptions,
    layer: &Compressed,
    bytes: &mut impl Read,
    out: &mut impl Write,
) -> Result<OciImage, OciError> {
    let config = config(options, layer)?;
    let manifest = manifest(&config, layer);
    let index = index(options, Measured::of(&manifest));
    let mut archive = tar::Archive::new(out, options.epoch);
    for directory in ["blobs", "blobs/sha256"] {
        archive.directory(directory)?;
    }
    archive.header(&blob_path(layer.compressed.sha256), layer.compressed.size)?;
    // One byte more than expected is enough to notice a longer blob.
    let found = io::copy(&mut bytes.take(layer.compressed.size + 1), archive.sink())?;
    if found != layer.compressed.size {
        return Err(OciError::LayerSize { found, expected: layer.compressed.size });
    }
    archive.pad(found)?;
    for blob in [&config, &manifest] {
        archive.file(&blob_path(Digest::of(blob)), blob)?;
    }
    archive.file("index.json", &index)?;
    archive.file("oci-layout", br#"{"imageLayoutVersion":"1.0.0"}"#)?;
    archive.finish()?;
    Ok(OciImage { manifest: Measured::of(&manifest), config: Measured::of(&config) })
}

fn architecture(options: &OciOptions) -> &str {
    match options.architecture.as_str() {
        "x86_64" => "amd64",
        "aarch64" => "arm64",
        other => other,
    }
}

fn blob_path(digest: Digest) -> String {
    format!("blobs/sha256/{digest}")
}

fn config(options: &OciOptions, layer: &Compressed) -> Result<Vec<u8>, OciError> {
    let created = crate::date::rfc3339(options.epoch).ok_or(OciError::Epoch(options.epoch))?;
    let mut process = json!({ "Cmd": options.cmd, "Env": options.env });
    if !options.labels.is_empty() {
        process["Labels"] = json!(options.labels);
    }
    Ok(encode(&json!({
        "created": created,
        "architecture": architecture(options),
        "os": "linux",
        "config": process,
        "rootfs": { "type": "layers", "diff_ids": [format!("sha256:{}", layer.plain.sha256)] },
        "history": [{ "created": created, "created_by": options.created_by }],
    })))
}

fn manifest(config: &[u8], layer: &Compressed) -> Vec<u8> {
    encode(&json!({
        "schemaVersion": 2,
        "mediaType": MEDIA_MANIFEST,
        "config": descriptor(MEDIA_CONFIG, Measured::of(config)),
        "layers": [descriptor(MEDIA_LAYER, layer.compressed)],
    }))
}

fn index(options: &OciOptions, manifest: Measured) -> Vec<u8> {
    let mut entry = descriptor(MEDIA_MANIFEST, manifest);
    entry["platform"] = json!({ "architecture": architecture(options), "os": "linux" });
    entry["annotations"] = json!({ "org.opencontainers.image.ref.name": options.reference });
    encode(&json!({ "schemaVersion": 2, "mediaType": MEDIA_INDEX, "manifests": [entry] }))
}

fn descriptor(media_type: &str, measured: Measured) -> Value {
    json!({ "mediaType": media_type, "digest": format!("sha256:{}", measured.sha256), "size": measured.size })
}

fn encode(value: &Value) -> Vec<u8> {
    serde_json::to_vec(value).expect("the documents hold only strings, numbers and lists")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn options() -> OciOptions {
        OciOptions {
            architecture: "x86_64".into(),
            epoch: 1_700_000_000,
            reference: "live:trixie".into(),
            cmd: vec!["/bin/bash".into()],
            env: vec!["PATH=/usr/bin".into()],
            labels: BTreeMap::new(),
            created_by: "lbuild".into(),
        }
    }

    fn layer(bytes: &[u8]) -> Compressed {
        Compressed { compressed: Measured::of(bytes), plain: Measured::of(b"plain") }
    }

    #[test]
    fn the_documents_refer_to_each_other() {
        let (options, layer) = (options(), layer(b"blob"));
        let config = config(&options, &layer).unwrap();
        let manifest = manifest(&config, &layer);
        let index: Value = serde_json::from_slice(&index(&options, Measured::of(&manifest))).unwrap();
        let manifest_digest = format!("sha256:{}", Digest::of(&manifest));
        assert_eq!(index["manifests"][0]["digest"], manifest_digest);
        assert_eq!(index["manifests"][0]["annotations"]["org.opencontainers.image.ref.name"], "live:trixie");
        let manifest: Value = serde_json::from_slice(&manifest).unwrap();
        assert_eq!(manifest["config"]["digest"], format!("sha256:{}", Digest::of(&config)));
        assert_eq!(manifest["layers"][0]["size"], 4);
        let config: Value = serde_json::from_slice(&config).unwrap();
        assert_eq!(config["rootfs"]["diff_ids"][0], format!("sha256:{}", Digest::of(b"plain")));
        assert_eq!(
            (&config["architecture"], &index["manifests"][0]["platform"]["architecture"]),
            (&"amd64".into(), &"amd64".into())
        );
        assert_eq!(config["created"], "2023-11-14T22:13:20Z");
    }

    #[test]
    fn a_layer_of_another_size_is_refused() {
        for blob in [&b"blo"[..], b"blob!"] {
            let result = write_layout(&options(), &layer(b"blob"), &mut &blob[..], &mut io::sink());
            assert!(matches!(result, Err(OciError::LayerSize { expected: 4, .. })));
        }
    }
}
