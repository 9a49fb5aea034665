//! Artifacts in the output directory: each whole or not there, the manifest and the checksums last.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use lbuild_image::manifest::{
    Artifact, CHECKSUMS_NAME, MANIFEST_NAME, Manifest, Provenance, checksums, media_type,
};
use lbuild_image::measure::Measured;
use lbuild_spec::Blueprint;
use lbuild_spec::model::Output;
use lbuild_store::{BlobRef, Cancel, Copy, Digest, Store, StoreError};
use rustix::fs::{Access, access};

use crate::error::BuildError;
use crate::event::{Event, Observer};
use crate::lock::Lock;
use crate::plan::Step;
use crate::report::ArtifactReport;
use crate::resolve::versions;
use crate::run::Done;
use crate::steps::IMAGE;

/// Name of the lock among the artifacts.
const LOCK_NAME: &str = "lbuild.lock";

/// The steps whose outputs are artifacts, with the ends of their file names.
const IMAGES: [(Output, Step, &str, &str); 3] = [
    (Output::Iso, Step::Iso, "iso", media_type::ISO),
    (Output::Oci, Step::Oci, "oci.tar", media_type::OCI_ARCHIVE),
    (Output::Rootfs, Step::Rootfs, "tar.zst", media_type::ROOTFS),
];

/// The output directory of one build. One that was made for it goes again when nothing is published.
pub(crate) struct Publisher {
    store: Store,
    out: PathBuf,
    made: bool,
    /// The file names of the images that are asked for.
    names: BTreeMap<Step, String>,
    /// Copies that were made while the store took the images in.
    ready: Mutex<Vec<Copy>>,
}

impl Drop for Publisher {
    fn drop(&mut self) {
        if self.made {
            // Refused, as it should be, when something was put into it.
            let _ = fs::remove_dir(&self.out);
        }
    }
}

/// A file to publish.
struct Item {
    name: String,
    media_type: &'static str,
    blob: BlobRef,
}

impl Publisher {
    /// Makes the directory and finds out whether it can be written before anything is built.
    pub(crate) fn prepare(
        store: &Store,
        out: &Path,
        blueprint: &Blueprint,
        lock: &Lock,
    ) -> Result<Self, BuildError> {
        let failed = |source| BuildError::Output { path: out.to_path_buf(), source };
        let asked = IMAGES.into_iter().filter(|(output, ..)| blueprint.outputs.contains(output));
        let name = |suffix| format!("{}-{}.{suffix}", lock.name, lock.architecture);
        let names = asked.map(|(_, step, suffix, _)| (step, name(suffix))).collect();
        let made = !out.exists();
        fs::create_dir_all(out).map_err(failed)?;
        let publisher =
            Self { store: store.clone(), out: out.to_path_buf(), made, names, ready: Mutex::default() };
        access(out, Access::WRITE_OK | Access::EXEC_OK).map_err(|errno| failed(errno.into()))?;
        Ok(publisher)
    }

    /// For work that makes no artifacts.
    pub(crate) fn of_nothing(store: &Store) -> Self {
        let (out, names) = (PathBuf::new(), BTreeMap::new());
        Self { store: store.clone(), out, made: false, names, ready: Mutex::default() }
    }

    /// The directory.
    pub(crate) fn out(&self) -> &Path {
        &self.out
    }

    /// Takes the file that a step made into the store; one that is to be published is copied in the same reading.
    pub(crate) fn adopt(&self, step: Step, file: &Path, cancel: &Cancel) -> Result<BlobRef, BuildError> {
        let Some(name) = self.names.get(&step) else {
            return self.store.blobs().adopt(file, cancel).map_err(BuildError::Store);
        };
        let adopted = self.store.publications().adopt(file, &self.out.join(name), cancel);
        let (blob, copy) = adopted.map_err(BuildError::Store)?;
        self.ready().extend(copy);
        Ok(blob)
    }

    fn ready(&self) -> MutexGuard<'_, Vec<Copy>> {
        self.ready.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Places everything that the build made.
    pub(crate) fn publish(
        &self,
        blueprint: &Blueprint,
        lock: &Lock,
        done: &Done,
        isolation: &str,
        observer: &Observer<'_>,
    ) -> Result<Vec<ArtifactReport>, BuildError> {
        let mut items = self.items(done);
        items.push(Item {
            name: LOCK_NAME.to_owned(),
            media_type: media_type::LOCK,
            blob: put(&self.store, lock.to_text().as_bytes())?,
        });
        let artifacts =
            items.iter().map(|item| Artifact::new(&item.name, item.media_type, measured(item.blob)));
        let manifest = Manifest::new(&lock.name, artifacts.collect(), provenance(blueprint, lock, isolation));
        let text = manifest.to_json();
        let sums = manifest.artifacts.iter().map(|artifact| (artifact.name.as_str(), artifact.sha256));
        let manifest_digest = Digest::of(text.as_bytes());
        let sums = checksums(sums.chain([(MANIFEST_NAME, manifest_digest)]));
        let (manifest_blob, sums) = (put(&self.store, text.as_bytes())?, put(&self.store, sums.as_bytes())?);
        let files = items.iter().map(|item| (item.blob, item.name.as_str()));
        let files = files.chain([(manifest_blob, MANIFEST_NAME), (sums, CHECKSUMS_NAME)]);
        self.place(files, observer)?;
        Ok(manifest.artifacts.into_iter().map(|artifact| told(artifact, observer)).collect())
    }

    /// Copies every file before the first one appears, since that can fail and be stopped.
    fn place<'n>(
        &self,
        files: impl Iterator<Item = (BlobRef, &'n str)>,
        observer: &Observer<'_>,
    ) -> Result<(), BuildError> {
        let copies: Vec<_> = files
            .map(|(blob, name)| {
                let path = self.out.join(name);
                let copy = self.copy(blob, &path, observer.cancel);
                copy.map(|copy| (copy, path.clone())).map_err(|error| output_error(path, error))
            })
            .collect::<Result<_, _>>()?;
        copies
            .into_iter()
            .try_for_each(|(copy, path)| copy.name().map(drop).map_err(|error| output_error(path, error)))
    }

    /// The copy that is ready, or else a new one.
    fn copy(&self, blob: BlobRef, path: &Path, cancel: &Cancel) -> Result<Copy, StoreError> {
        let found = self.ready().extract_if(.., |copy| copy.is_of(blob, path)).next();
        found.map_or_else(|| self.store.publications().copy(blob, path, cancel), Ok)
    }

    /// The images, and the proof that they boot.
    fn items(&self, done: &Done) -> Vec<Item> {
        let image = |(_, step, _, media_type)| {
            let name = self.names.get(&step)?.clone();
            Some(Item { name, media_type, blob: done.get(step)?.blob(IMAGE)? })
        };
        let mut items: Vec<Item> = IMAGES.into_iter().filter_map(image).collect();
        if let Some(record) = done.get(Step::BootCheck) {
            let kinds = [
                ("boot.json", media_type::JSON),
                ("serial.log", media_type::TEXT),
                ("screenshot.png", media_type::PNG),
            ];
            let proof = kinds.into_iter().filter_map(|(name, media_type)| {
                Some(Item { name: name.to_owned(), media_type, blob: record.blob(name)? })
            });
            items.extend(proof);
        }
        items
    }
}

fn provenance(blueprint: &Blueprint, lock: &Lock, isolation: &str) -> Provenance {
    Provenance {
        lbuild: env!("CARGO_PKG_VERSION").to_owned(),
        spec_digest: Digest(blueprint.digest),
        lock_digest: lock.digest(),
        base: lock.base.clone(),
        release: lock.release.clone(),
        architecture: lock.architecture.clone(),
        source_date_epoch: u64::try_from(lock.epoch).unwrap_or(0),
        isolation: isolation.to_owned(),
        tools: versions(&lock.tools),
    }
}

fn told(artifact: Artifact, observer: &Observer<'_>) -> ArtifactReport {
    let report = ArtifactReport {
        name: artifact.name,
        media_type: artifact.media_type,
        size: artifact.size,
        sha256: artifact.sha256,
    };
    observer.emit(Event::Artifact {
        name: report.name.clone(),
        size: report.size,
        sha256: report.sha256.to_string(),
    });
    report
}

fn measured(blob: BlobRef) -> Measured {
    Measured { sha256: blob.digest, size: blob.size }
}

fn put(store: &Store, bytes: &[u8]) -> Result<BlobRef, BuildError> {
    store.blobs().put_bytes(bytes).map_err(BuildError::Store)
}

/// Tells a full or read-only output directory from a broken store.
fn output_error(path: PathBuf, error: StoreError) -> BuildError {
    let kind = match &error {
        StoreError::Full { path: at, .. } if *at == path => std::io::ErrorKind::StorageFull,
        StoreError::ReadOnly { path: at } if *at == path => std::io::ErrorKind::ReadOnlyFilesystem,
        StoreError::Permission { path: at, .. } if *at == path => std::io::ErrorKind::PermissionDenied,
        _ => return BuildError::Store(error),
    };
    BuildError::Output { path, source: std::io::Error::new(kind, error) }
}
