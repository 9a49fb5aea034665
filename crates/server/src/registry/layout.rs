//! Where the parts of an image lie in the tar that the build made.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::TryStreamExt as _;
use lbuild_image::tar::{NotOurs, Places};
use serde::Deserialize;

use crate::artifact::{ArtifactError, Artifacts};

/// Images that are remembered.
const REMEMBERED: usize = 1000;

/// Largest document of an image, in bytes.
const LARGEST: u64 = 4 << 20;

/// An image in its tar.
#[derive(Debug)]
pub struct Image {
    places: Places,
    /// The manifest: its digest in hexadecimal.
    pub manifest: String,
}

/// Why an image cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImageError {
    /// The artifact.
    #[error(transparent)]
    Artifact(#[from] ArtifactError),
    /// Its bytes.
    #[error("the artifact ended early")]
    Read(#[from] std::io::Error),
    /// It is no tar.
    #[error(transparent)]
    NotOurs(#[from] NotOurs),
    /// It is no image layout.
    #[error("the artifact is no image layout")]
    NoLayout,
}

#[derive(Deserialize)]
struct Index {
    manifests: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

impl Image {
    /// Where a blob lies in the tar; its digest is in hexadecimal.
    pub fn blob(&self, sha256: &str) -> Option<Range<u64>> {
        self.places.member(&format!("blobs/sha256/{sha256}"))
    }
}

/// Images that were read a moment ago, by the digest of their tar.
#[derive(Default)]
pub struct Images {
    known: Mutex<HashMap<String, Arc<Image>>>,
}

impl Images {
    /// The image in an artifact; its digest is in hexadecimal.
    pub async fn get(&self, artifacts: &Artifacts, sha256: &str) -> Result<Arc<Image>, ImageError> {
        let known = |known: &HashMap<String, Arc<Image>>| known.get(sha256).cloned();
        if let Some(image) = known(&self.known.lock().unwrap_or_else(PoisonError::into_inner)) {
            return Ok(image);
        }
        let image = Arc::new(read_image(artifacts, sha256).await?);
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(sha256.to_owned(), Arc::clone(&image));
        Ok(image)
    }
}

async fn read_image(artifacts: &Artifacts, sha256: &str) -> Result<Image, ImageError> {
    let mut places = Places::default();
    while let Some(range) = places.wanted() {
        places.read(&part(artifacts, sha256, range).await?)?;
    }
    let index = places.member("index.json").ok_or(ImageError::NoLayout)?;
    let index = part(artifacts, sha256, index).await?;
    let manifest = manifest_of(&index).ok_or(ImageError::NoLayout)?;
    Ok(Image { places, manifest })
}

/// The digest of the manifest that the index of a layout names, in hexadecimal.
pub fn manifest_of(index: &[u8]) -> Option<String> {
    let index: Index = serde_json::from_slice(index).ok()?;
    let digest = index.manifests.into_iter().next()?.digest;
    digest.strip_prefix("sha256:").map(str::to_owned)
}

/// Bytes of an artifact that are few.
pub async fn part(artifacts: &Artifacts, sha256: &str, range: Range<u64>) -> Result<Vec<u8>, ImageError> {
    if range.end - range.start > LARGEST {
        return Err(ImageError::NoLayout);
    }
    let mut content = artifacts.read(sha256, range).await?;
    let mut bytes = Vec::new();
    while let Some(piece) = content.try_next().await? {
        bytes.extend_from_slice(&piece);
    }
    Ok(bytes)
}
