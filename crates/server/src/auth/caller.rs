//! From a request's headers to a tenant and its scopes.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::request;
use axum::http::{HeaderMap, header};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use lbuild_db::audit::Entry;
use lbuild_db::tenant::Tier;
use lbuild_db::{Database, DbError, TenantId};

use super::key::KeyText;
use super::scope::Scope;
use super::session::Cookie;
use crate::limit::address::Address;
use crate::limit::bucket::Standing;
use crate::problem::{Problem, chain};
use crate::request::{address, id};
use crate::state::{Parts, Service};

/// How long a key that was valid counts as valid without another look: a revoked one is dead everywhere after it.
const BELIEVED: Duration = Duration::from_secs(3);

/// Keys that are remembered at most.
const REMEMBERED: usize = 10_000;

/// Who makes a request.
#[derive(Debug, Clone)]
pub struct Caller {
    /// The tenant that the key belongs to: the only place where a tenant's id comes from.
    pub tenant: TenantId,
    /// Id of the key.
    pub key: String,
    /// What the tenant may use.
    pub tier: Tier,
    scopes: Vec<Scope>,
    proof: Proof,
}

impl Caller {
    /// Refuses a caller without this permission.
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        if self.may(scope) { Ok(()) } else { Err(Problem::forbidden(scope.name())) }
    }

    /// Refuses a caller that has none of these permissions.
    pub fn require_one(&self, scopes: &[Scope]) -> Result<(), Problem> {
        if scopes.iter().any(|scope| self.may(*scope)) {
            return Ok(());
        }
        Err(Problem::forbidden(&scopes.iter().map(|scope| scope.name()).collect::<Vec<_>>().join("` or `")))
    }

    /// Whether it has this permission.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
    }

    /// Its permissions.
    pub fn scopes(&self) -> impl Iterator<Item = Scope> {
        self.scopes.iter().copied()
    }

    /// The session that it came by, as the SHA-256 of its cookie in hexadecimal; nothing, when it showed a key.
    pub fn session(&self) -> Option<&str> {
        match &self.proof {
            Proof::Session { id_sha256 } => Some(id_sha256),
            Proof::Key { .. } => None,
        }
    }

    /// An entry of the audit log about something that it does.
    pub fn entry(&self, action: &str, object: impl Into<String>) -> Entry {
        Entry {
            actor: self.key.clone(),
            tenant: Some(self.tenant),
            action: action.to_owned(),
            object: object.into(),
            request: id(),
            address: address(),
        }
    }
}

/// Who makes a request, as far as that is known.
#[derive(Debug, Clone)]
pub enum Identity {
    /// Somebody with a valid key or session.
    Known(Caller),
    /// Somebody who shows nothing.
    Nobody,
    /// Somebody whose key or session is not valid.
    Unknown,
    /// Somebody at an address that has shown too many keys that are not valid.
    Barred(Standing),
    /// The key could not be looked up.
    Unsure(Problem),
}

/// What a request shows of who makes it.
pub enum Shown {
    /// An API key.
    Key(String),
    /// The cookie of a session.
    Cookie(Cookie),
}

impl Shown {
    /// What these headers show. A key comes before a cookie.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            return Cookie::given(headers).map(Self::Cookie);
        };
        let key = value.to_str().ok()?.strip_prefix("Bearer ")?;
        Some(Self::Key(key.trim().to_owned()))
    }

    /// The password of these headers, as a key. Browsers remember passwords and send them along with whatever a page
    /// makes them send, so that this is for addresses alone at which nothing can be changed.
    pub fn password(headers: &HeaderMap) -> Option<Self> {
        let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
        let pair = BASE64_STANDARD.decode(value.strip_prefix("Basic ")?.trim()).ok()?;
        let (_, password) = std::str::from_utf8(&pair).ok()?.split_once(':')?;
        Some(Self::Key(password.to_owned()))
    }

    /// What is looked up of it; nothing, when it is no key, or mistyped.
    fn proof(&self) -> Option<Proof> {
        match self {
            Self::Key(text) => {
                let key = KeyText::parse(text)?;
                Some(Proof::Key { id: key.id().to_owned(), secret_sha256: key.secret_sha256() })
            }
            Self::Cookie(cookie) => Some(Proof::Session { id_sha256: cookie.sha256() }),
        }
    }
}

impl Parts {
    /// Finds out who it is. Only so many wrong keys are looked at from one address.
    pub async fn identify(&self, shown: &Shown, address: Address) -> Identity {
        let proof = shown.proof();
        if let Some(caller) = proof.as_ref().and_then(|proof| self.callers.remembered(proof)) {
            return Identity::Known(caller);
        }
        // a cookie cannot be guessed, and that one has expired is nobody's fault
        let guess = matches!(shown, Shown::Key(_));
        if let Some(standing) = self.meter.barred(address).filter(|_| guess) {
            return Identity::Barred(standing);
        }
        let found = match proof {
            Some(proof) => self.callers.look_up(&self.db, proof).await,
            None => Ok(None),
        };
        match found {
            Ok(Some(caller)) => Identity::Known(caller),
            Ok(None) if guess => {
                self.meter.failed(address);
                Identity::Unknown
            }
            Ok(None) => Identity::Unknown,
            Err(error) => Identity::Unsure(error.into()),
        }
    }
}

/// What a caller was known by.
#[derive(Debug, Clone)]
enum Proof {
    Key { id: String, secret_sha256: String },
    Session { id_sha256: String },
}

impl Proof {
    /// What it is remembered under.
    fn name(&self) -> &str {
        match self {
            Self::Key { id, .. } => id,
            Self::Session { id_sha256 } => id_sha256,
        }
    }

    fn secret(&self) -> &str {
        match self {
            Self::Key { secret_sha256, .. } => secret_sha256,
            Self::Session { id_sha256 } => id_sha256,
        }
    }

    fn is(&self, other: &Self) -> bool {
        use subtle::ConstantTimeEq as _;
        bool::from(self.secret().as_bytes().ct_eq(other.secret().as_bytes()))
    }
}

/// Knows who was valid a moment ago.
#[derive(Default)]
pub struct Callers {
    known: Mutex<HashMap<String, (Instant, Caller)>>,
}

impl Callers {
    /// Whether a caller that was let in is still welcome.
    pub async fn still_valid(&self, db: &Database, caller: &Caller) -> Result<bool, DbError> {
        let known = self.remembered(&caller.proof).is_some();
        Ok(known || self.look_up(db, caller.proof.clone()).await?.is_some())
    }

    /// Believes a session no longer without another look.
    pub fn forget(&self, session: &str) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(session);
    }

    async fn look_up(&self, db: &Database, proof: Proof) -> Result<Option<Caller>, DbError> {
        let valid = match &proof {
            Proof::Key { id, secret_sha256 } => db.valid_key(id, secret_sha256).await?,
            Proof::Session { id_sha256 } => db.session(id_sha256).await?.map(|session| session.key),
        };
        let Some(valid) = valid else { return Ok(None) };
        // whether it can be noted is nothing to the caller
        if valid.unnoted
            && let Err(error) = db.touch_key(&valid.key.id).await
        {
            tracing::warn!(error = chain(&error), "cannot note the use of a key");
        }
        let caller = Caller {
            tenant: valid.key.tenant,
            key: valid.key.id,
            tier: valid.tier,
            scopes: valid.key.scopes.iter().filter_map(|name| Scope::of(name)).collect(),
            proof,
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(caller.proof.name().to_owned(), (Instant::now(), caller.clone()));
        Ok(Some(caller))
    }

    fn remembered(&self, proof: &Proof) -> Option<Caller> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, caller) = known.get(proof.name())?;
        (caller.proof.is(proof) && since.elapsed() < BELIEVED).then(|| caller.clone())
    }
}

impl FromRequestParts<Service> for Caller {
    type Rejection = Problem;

    /// What the layer found out that every request goes through.
    async fn from_request_parts(parts: &mut request::Parts, _: &Service) -> Result<Self, Problem> {
        match parts.extensions.get::<Identity>() {
            Some(Identity::Known(caller)) => Ok(caller.clone()),
            Some(Identity::Unsure(problem)) => Err(problem.clone()),
            _ => Err(Problem::unauthorized()),
        }
    }
}
