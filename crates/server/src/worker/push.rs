//! Pushes the container image of a build to the registry that its owner named.
//!
//! A push that fails takes nothing away: the image stays among the artifacts, and the build says what happened.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use lbuild_db::{Database, DbError, TenantId};
use lbuild_engine::Cancel;
use lbuild_fetch::registry::{Blob, Credentials, Image, InvalidTarget, PushError, Target, push};
use lbuild_fetch::{FetchOptions, Reach, TransferError};
use lbuild_image::tar::{NotOurs, Places};
use serde::{Deserialize, Serialize};
use serde_json::{Value as Json, json};
use utoipa::ToSchema;

use crate::api::secrets::RegistryLogin;
use crate::problem::chain;
use crate::registry::layout::manifest_of;
use crate::seal::{Broken, Sealer};

/// Tries, while the registry cannot be reached.
const TRIES: u32 = 3;

/// The pause before the second one.
const PAUSE: Duration = Duration::from_secs(2);

/// Where a build's container image is to go.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    /// Host of the registry, perhaps with a port.
    pub registry: String,
    /// The repository.
    pub repository: String,
    /// The tag.
    #[serde(default = "latest")]
    pub tag: String,
    /// Name of the secret that has the login.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub credentials: Option<String>,
}

fn latest() -> String {
    "latest".to_owned()
}

impl Wanted {
    /// The image that it names.
    pub fn target(&self) -> Result<Target, InvalidTarget> {
        Target::new(&self.registry, &self.repository, &self.tag)
    }

    /// What is shown of it before it was done.
    pub fn waiting(&self) -> Json {
        self.shown("waiting")
    }

    fn shown(&self, state: &str) -> Json {
        json!({
            "registry": self.registry,
            "repository": self.repository,
            "tag": self.tag,
            "state": state,
        })
    }
}

/// What became of a push.
#[derive(Debug, Clone)]
pub struct Outcome {
    /// For the build.
    pub shown: Json,
    /// What its owner should know, when it failed.
    pub warning: Option<String>,
}

/// Why an image was not pushed.
#[derive(Debug, thiserror::Error)]
enum PushFailed {
    #[error(transparent)]
    Target(#[from] InvalidTarget),
    #[error("there is no secret `{0}`")]
    NoSecret(String),
    #[error(transparent)]
    Broken(#[from] Broken),
    #[error("the secret is no login of a registry")]
    NoLogin,
    #[error("the database failed")]
    Db(#[from] DbError),
    #[error("the image cannot be read")]
    Read(#[from] io::Error),
    #[error("the image cannot be read")]
    NotOurs(#[from] NotOurs),
    #[error("the image is no layout")]
    NoLayout,
    #[error(transparent)]
    Push(#[from] PushError),
    #[error("the push broke")]
    Broke,
}

/// Pushes images.
pub struct Pusher {
    db: Database,
    sealer: Arc<Sealer>,
    options: FetchOptions,
}

impl Pusher {
    /// Pushes to public registries, and to those of these addresses.
    pub fn new(db: Database, sealer: Arc<Sealer>, registries: Vec<String>) -> Self {
        let options = FetchOptions { reach: Reach::Public { except: registries }, ..FetchOptions::default() };
        Self { db, sealer, options }
    }

    /// Pushes the image layout in a file.
    pub async fn push(&self, tenant: TenantId, wanted: &Wanted, tar: PathBuf, cancel: &Cancel) -> Outcome {
        match self.try_to(tenant, wanted, tar, cancel).await {
            Ok(digest) => {
                let mut shown = wanted.shown("pushed");
                shown["digest"] = digest.into();
                Outcome { shown, warning: None }
            }
            Err(error) => {
                let reason = chain(&error);
                tracing::warn!(registry = wanted.registry, error = reason, "an image was not pushed");
                let mut shown = wanted.shown("failed");
                shown["reason"] = reason.clone().into();
                let name = format!("{}/{}:{}", wanted.registry, wanted.repository, wanted.tag);
                let warning =
                    format!("the image was not pushed to `{name}`: {reason}; it is among the artifacts");
                Outcome { shown, warning: Some(warning) }
            }
        }
    }

    async fn try_to(
        &self,
        tenant: TenantId,
        wanted: &Wanted,
        tar: PathBuf,
        cancel: &Cancel,
    ) -> Result<String, PushFailed> {
        let target = wanted.target()?;
        let credentials = match &wanted.credentials {
            Some(name) => Some(self.credentials(tenant, name).await?),
            None => None,
        };
        let (options, cancel) = (self.options.clone(), cancel.clone());
        let pushing = tokio::task::spawn_blocking(move || {
            push_file(&options, &target, credentials.as_ref(), &tar, &cancel)
        });
        pushing.await.map_err(|_| PushFailed::Broke)?
    }

    async fn credentials(&self, tenant: TenantId, name: &str) -> Result<Credentials, PushFailed> {
        let sealed = self.db.use_secret(tenant, name).await?;
        let sealed = sealed.ok_or_else(|| PushFailed::NoSecret(name.to_owned()))?;
        let secret = self.sealer.reveal(tenant, name, &sealed)?;
        let login: RegistryLogin = serde_json::from_slice(&secret).map_err(|_| PushFailed::NoLogin)?;
        Ok(Credentials { username: login.username, password: login.password })
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Manifest {
    media_type: String,
    config: Descriptor,
    layers: Vec<Descriptor>,
}

#[derive(Deserialize)]
struct Descriptor {
    digest: String,
}

/// Pushes the layout in a file; the digest of its manifest.
fn push_file(
    options: &FetchOptions,
    target: &Target,
    credentials: Option<&Credentials>,
    tar: &Path,
    cancel: &Cancel,
) -> Result<String, PushFailed> {
    let file = File::open(tar)?;
    let mut places = Places::default();
    while let Some(range) = places.wanted() {
        places.read(&bytes(&file, range)?)?;
    }
    let member = |path: &str| places.member(path).ok_or(PushFailed::NoLayout);
    let digest = manifest_of(&bytes(&file, member("index.json")?)?).ok_or(PushFailed::NoLayout)?;
    let manifest = bytes(&file, member(&format!("blobs/sha256/{digest}"))?)?;
    let said: Manifest = serde_json::from_slice(&manifest).map_err(|_| PushFailed::NoLayout)?;
    let mut blobs = Vec::new();
    for Descriptor { digest } in said.layers.into_iter().chain([said.config]) {
        let name = digest.strip_prefix("sha256:").ok_or(PushFailed::NoLayout)?;
        blobs.push(Blob { at: member(&format!("blobs/sha256/{name}"))?, digest });
    }
    let image = Image { file: &file, blobs, manifest, media_type: said.media_type };
    let mut pause = PAUSE;
    for _ in 1..TRIES {
        match push(options, target, credentials, &image, cancel) {
            Err(PushError::Transfer(error)) if !matches!(error, TransferError::Forbidden { .. }) => {
                std::thread::sleep(pause);
                pause *= 2;
            }
            other => return Ok(other.map(|()| format!("sha256:{digest}"))?),
        }
    }
    push(options, target, credentials, &image, cancel)?;
    Ok(format!("sha256:{digest}"))
}

/// Bytes of a file that are few.
fn bytes(file: &File, range: std::ops::Range<u64>) -> io::Result<Vec<u8>> {
    use std::os::unix::fs::FileExt as _;
    const LARGEST: u64 = 4 << 20;
    let length = range.end - range.start;
    let length = usize::try_from(length.min(LARGEST)).unwrap_or_default();
    let mut bytes = vec![0; length];
    file.read_exact_at(&mut bytes, range.start)?;
    Ok(bytes)
}
