//! Pushes an image into a container registry: the push of the OCI distribution specification 1.1.
//!
//! Blobs that the registry has are not sent. Nothing of what it answers is shown but statuses and the codes of its
//! errors: an address that is no registry must not be read through us.

mod challenge;
mod target;

use std::fs::File;
use std::io::{self, Read, Seek as _, SeekFrom};
use std::ops::Range;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde::Deserialize;
use ureq::http::{Method, Request, Response, header};
use ureq::{Body, SendBody};

use crate::agents::is_http;
use crate::http::{Client, join};
use crate::mirrors::host;
use crate::{Cancel, FetchError, FetchOptions, Reach, TransferError};
use challenge::{Challenge, escaped};

pub use target::{InvalidTarget, Target};

/// Most bytes of an answer that are looked at.
const LONGEST_ANSWER: u64 = 256 << 10;

/// Who pushes.
#[derive(Clone)]
pub struct Credentials {
    /// Name.
    pub username: String,
    /// Password or token.
    pub password: String,
}

/// A blob of an image, in a file.
#[derive(Debug, Clone)]
pub struct Blob {
    /// `sha256:` and its digest in hexadecimal.
    pub digest: String,
    /// Where it lies in the file.
    pub at: Range<u64>,
}

/// An image to be pushed.
pub struct Image<'a> {
    /// The file that has the blobs.
    pub file: &'a File,
    /// Layers and configuration.
    pub blobs: Vec<Blob>,
    /// The manifest, which names them.
    pub manifest: Vec<u8>,
    /// Media type of the manifest.
    pub media_type: String,
}

/// Why an image was not pushed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PushError {
    /// The registry cannot be reached, or may not be.
    #[error("the registry cannot be reached")]
    Transfer(#[from] TransferError),
    /// The proxy.
    #[error(transparent)]
    Options(#[from] FetchError),
    /// The registry wants to know who pushes, or does not let them.
    #[error("the registry does not accept the credentials")]
    Unauthorized,
    /// The registry asks for credentials, and there are none.
    #[error("the registry asks for credentials, and the push names none")]
    NoCredentials,
    /// The registry refuses.
    #[error("the registry answered {what} with status {status}{}", .code.as_ref().map(|code| format!(" ({code})")).unwrap_or_default())]
    Refused {
        /// What was asked of it.
        what: &'static str,
        /// Status of the answer.
        status: u16,
        /// Code of the error, when it is one of the specification's.
        code: Option<String>,
    },
    /// The registry does not speak the protocol.
    #[error("the registry answered {what} in a way that no registry does")]
    Protocol {
        /// What was asked of it.
        what: &'static str,
    },
    /// The image cannot be read.
    #[error("the image cannot be read")]
    Read(#[source] io::Error),
    /// The caller asked to stop.
    #[error("cancelled")]
    Cancelled,
}

/// Pushes an image.
pub fn push(
    options: &FetchOptions,
    target: &Target,
    credentials: Option<&Credentials>,
    image: &Image<'_>,
    cancel: &Cancel,
) -> Result<(), PushError> {
    let base = format!(
        "{}://{}/v2/{}",
        scheme(&options.reach, target.registry()),
        target.registry(),
        target.repository()
    );
    let mut session =
        Session { client: Client::new(options)?, options, base, credentials, authorization: None, cancel };
    for blob in &image.blobs {
        session.blob(image.file, blob)?;
    }
    session.manifest(target.tag(), image)
}

/// Registries speak HTTPS, but for those of this machine and those that the operator has named otherwise.
fn scheme(reach: &Reach, registry: &str) -> &'static str {
    let plain = match reach {
        Reach::Everywhere => {
            let name = registry.rsplit_once(':').map_or(registry, |(name, _)| name);
            name == "localhost" || name == "[::1]" || name.starts_with("127.")
        }
        Reach::Public { except } => {
            except.iter().any(|base| host(base) == registry && base.starts_with("http://"))
        }
    };
    if plain { "http" } else { "https" }
}

/// What a request sends.
#[derive(Clone, Copy)]
enum Sent<'a> {
    Nothing,
    Bytes { media_type: &'a str, bytes: &'a [u8] },
    Part { file: &'a File, at: &'a Range<u64> },
}

struct Session<'a> {
    client: Client,
    options: &'a FetchOptions,
    base: String,
    credentials: Option<&'a Credentials>,
    authorization: Option<String>,
    cancel: &'a Cancel,
}

impl Session<'_> {
    fn blob(&mut self, file: &File, blob: &Blob) -> Result<(), PushError> {
        let place = format!("{}/blobs/{}", self.base, blob.digest);
        let there = self.ask("for a blob", &Method::HEAD, &place, Sent::Nothing)?;
        match there.status().as_u16() {
            200..400 => return Ok(()),
            404 => {}
            _ => return Err(refused("for a blob", there)),
        }
        let uploads = format!("{}/blobs/uploads/", self.base);
        let begun = self.ask("to the begin of an upload", &Method::POST, &uploads, Sent::Nothing)?;
        if begun.status().as_u16() != 202 {
            return Err(refused("to the begin of an upload", begun));
        }
        let location = begun.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
        let location = location.ok_or(PushError::Protocol { what: "to the begin of an upload" })?;
        let location = join(&uploads, location)?;
        let separator = if location.contains('?') { '&' } else { '?' };
        let upload = format!("{location}{separator}digest={}", escaped(&blob.digest));
        let sent = Sent::Part { file, at: &blob.at };
        let stored = self.ask("to an upload", &Method::PUT, &upload, sent)?;
        if stored.status().as_u16() == 201 { Ok(()) } else { Err(refused("to an upload", stored)) }
    }

    fn manifest(&mut self, tag: &str, image: &Image<'_>) -> Result<(), PushError> {
        let place = format!("{}/manifests/{tag}", self.base);
        let sent = Sent::Bytes { media_type: &image.media_type, bytes: &image.manifest };
        let stored = self.ask("to the manifest", &Method::PUT, &place, sent)?;
        if stored.status().as_u16() == 201 { Ok(()) } else { Err(refused("to the manifest", stored)) }
    }

    /// Sends a request, and once more with what the registry wants to see first.
    fn ask(
        &mut self,
        what: &'static str,
        method: &Method,
        url: &str,
        sent: Sent<'_>,
    ) -> Result<Response<Body>, PushError> {
        let answer = self.send(method, url, sent)?;
        if answer.status().as_u16() != 401 {
            return Ok(answer);
        }
        let challenges = answer.headers().get_all(header::WWW_AUTHENTICATE);
        let challenge = challenges.iter().find_map(|value| Challenge::parse(value.to_str().ok()?));
        let challenge = challenge.ok_or(PushError::Protocol { what })?;
        let before = self.authorization.take();
        self.authorization = Some(self.answer(&challenge)?);
        // the same name and password again are refused again
        if before == self.authorization {
            return Err(PushError::Unauthorized);
        }
        let answer = self.send(method, url, sent)?;
        if answer.status().as_u16() == 401 { Err(PushError::Unauthorized) } else { Ok(answer) }
    }

    fn answer(&self, challenge: &Challenge) -> Result<String, PushError> {
        let basic = self.credentials.map(|Credentials { username, password }| {
            format!("Basic {}", BASE64_STANDARD.encode(format!("{username}:{password}")))
        });
        match challenge {
            Challenge::Basic => basic.ok_or(PushError::NoCredentials),
            Challenge::Bearer { realm, service, scope } => {
                let token = self.token(realm, service.as_deref(), scope.as_deref(), basic.as_deref())?;
                Ok(format!("Bearer {token}"))
            }
        }
    }

    fn token(
        &self,
        realm: &str,
        service: Option<&str>,
        scope: Option<&str>,
        basic: Option<&str>,
    ) -> Result<String, PushError> {
        const WHAT: &str = "for a token";
        #[derive(Deserialize)]
        struct Token {
            #[serde(alias = "access_token")]
            token: String,
        }
        // a registry that speaks HTTPS must not send the password over the network in the clear
        if !is_http(realm) || (self.base.starts_with("https:") && !realm.starts_with("https://")) {
            return Err(PushError::Protocol { what: WHAT });
        }
        let pairs = [("service", service), ("scope", scope)]
            .into_iter()
            .filter_map(|(name, value)| Some(format!("{name}={}", escaped(value?))));
        let query = pairs.collect::<Vec<_>>().join("&");
        let separator = if realm.contains('?') { '&' } else { '?' };
        let url = format!("{realm}{separator}{query}");
        let answer = self.exchange(&Method::GET, &url, Sent::Nothing, basic)?;
        match answer.status().as_u16() {
            200 => {}
            401 if basic.is_none() => return Err(PushError::NoCredentials),
            401 | 403 => return Err(PushError::Unauthorized),
            _ => return Err(refused(WHAT, answer)),
        }
        let token: Option<Token> = serde_json::from_slice(&start(answer)).ok();
        let token =
            token.map(|token| token.token).filter(|token| token.bytes().all(|byte| byte.is_ascii_graphic()));
        token.ok_or(PushError::Protocol { what: WHAT })
    }

    fn send(&self, method: &Method, url: &str, sent: Sent<'_>) -> Result<Response<Body>, PushError> {
        self.exchange(method, url, sent, self.authorization.as_deref())
    }

    fn exchange(
        &self,
        method: &Method,
        url: &str,
        sent: Sent<'_>,
        authorization: Option<&str>,
    ) -> Result<Response<Body>, PushError> {
        if self.cancel.is_cancelled() {
            return Err(PushError::Cancelled);
        }
        self.options.check(url)?;
        let mut request = Request::builder().method(method).uri(url);
        if let Some(authorization) = authorization {
            request = request.header(header::AUTHORIZATION, authorization);
        }
        let malformed = |_| TransferError::Unsupported { url: url.to_owned() };
        let answer = match sent {
            Sent::Nothing if method == Method::POST => {
                self.client.run(request.body(SendBody::none()).map_err(malformed)?, url)
            }
            Sent::Nothing => self.client.run(request.body(()).map_err(malformed)?, url),
            Sent::Bytes { media_type, bytes } => {
                let request = request.header(header::CONTENT_TYPE, media_type);
                self.client.run(request.body(bytes).map_err(malformed)?, url)
            }
            Sent::Part { file, at } => {
                let length = at.end - at.start;
                let mut reader = part(file, at, self.cancel).map_err(PushError::Read)?;
                let request = request
                    .header(header::CONTENT_TYPE, "application/octet-stream")
                    .header(header::CONTENT_LENGTH, length);
                let body = SendBody::from_reader(&mut reader);
                self.client.run(request.body(body).map_err(malformed)?, url)
            }
        };
        answer.map_err(|error| if self.cancel.is_cancelled() { PushError::Cancelled } else { error.into() })
    }
}

/// A part of a file, until the caller asks to stop.
fn part<'a>(mut file: &'a File, at: &Range<u64>, cancel: &'a Cancel) -> io::Result<impl Read + use<'a>> {
    file.seek(SeekFrom::Start(at.start))?;
    Ok(Stoppable { inner: file.take(at.end - at.start), cancel })
}

struct Stoppable<'a, R> {
    inner: R,
    cancel: &'a Cancel,
}

impl<R: Read> Read for Stoppable<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.cancel.is_cancelled() {
            return Err(io::Error::other("cancelled"));
        }
        self.inner.read(buffer)
    }
}

/// The beginning of an answer.
fn start(answer: Response<Body>) -> Vec<u8> {
    let mut bytes = Vec::new();
    // what cannot be read is as good as nothing
    let _ = answer.into_body().into_reader().take(LONGEST_ANSWER).read_to_end(&mut bytes);
    bytes
}

fn refused(what: &'static str, answer: Response<Body>) -> PushError {
    let status = answer.status().as_u16();
    let body: Option<serde_json::Value> = serde_json::from_slice(&start(answer)).ok();
    let code = body.as_ref().and_then(|body| body["errors"][0]["code"].as_str());
    let known = |code: &&str| {
        (1..=40).contains(&code.len()) && code.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b'_')
    };
    PushError::Refused { what, status, code: code.filter(known).map(str::to_owned) }
}
