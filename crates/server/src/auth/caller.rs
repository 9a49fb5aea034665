//! From a request's header to a tenant and its scopes.

use std::collections::HashMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use axum::extract::FromRequestParts;
use axum::http::request;
use axum::http::{HeaderMap, header};
use lbuild_db::audit::Entry;
use lbuild_db::tenant::Tier;
use lbuild_db::{Database, DbError, TenantId};

use super::key::KeyText;
use super::scope::Scope;
use crate::limit::address::Address;
use crate::limit::bucket::Standing;
use crate::problem::Problem;
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
    secret_sha256: String,
}

impl Caller {
    /// Refuses a caller without this permission.
    pub fn require(&self, scope: Scope) -> Result<(), Problem> {
        if self.may(scope) { Ok(()) } else { Err(Problem::forbidden(scope.name())) }
    }

    /// Whether it has this permission.
    pub fn may(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Admin)
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
    /// Somebody with a valid key.
    Known(Caller),
    /// Somebody who shows no key.
    Nobody,
    /// Somebody whose key is not valid.
    Unknown,
    /// Somebody at an address that has shown too many keys that are not valid.
    Barred(Standing),
    /// The key could not be looked up.
    Unsure(Problem),
}

/// The key that a request shows.
pub fn given(headers: &HeaderMap) -> Option<&str> {
    let value = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    value.strip_prefix("Bearer ").map(str::trim)
}

impl Parts {
    /// Finds out whose a key is. Only so many wrong ones are looked at from one address.
    pub async fn identify(&self, key: &str, address: Address) -> Identity {
        if let Some(caller) = self.callers.recall(key) {
            return Identity::Known(caller);
        }
        if let Some(standing) = self.meter.barred(address) {
            return Identity::Barred(standing);
        }
        match self.callers.find(&self.db, key).await {
            Ok(Some(caller)) => Identity::Known(caller),
            Ok(None) => {
                self.meter.failed(address);
                Identity::Unknown
            }
            Err(error) => Identity::Unsure(error.into()),
        }
    }
}

/// Knows which keys were valid a moment ago.
#[derive(Default)]
pub struct Callers {
    known: Mutex<HashMap<String, (Instant, Caller)>>,
}

impl Callers {
    /// Who the key belongs to, when it is valid.
    pub async fn find(&self, db: &Database, text: &str) -> Result<Option<Caller>, DbError> {
        let Some(key) = KeyText::parse(text) else { return Ok(None) };
        self.check(db, key.id(), &key.secret_sha256()).await
    }

    /// Whether a caller that was let in is still welcome.
    pub async fn still_valid(&self, db: &Database, caller: &Caller) -> Result<bool, DbError> {
        Ok(self.check(db, &caller.key, &caller.secret_sha256).await?.is_some())
    }

    /// Who a key belongs to that was valid a moment ago.
    fn recall(&self, text: &str) -> Option<Caller> {
        let key = KeyText::parse(text)?;
        self.remembered(key.id(), &key.secret_sha256())
    }

    async fn check(&self, db: &Database, id: &str, secret_sha256: &str) -> Result<Option<Caller>, DbError> {
        if let Some(caller) = self.remembered(id, secret_sha256) {
            return Ok(Some(caller));
        }
        let Some(valid) = db.valid_key(id, secret_sha256).await? else { return Ok(None) };
        db.touch_key(id).await?;
        let caller = Caller {
            tenant: valid.key.tenant,
            key: valid.key.id,
            tier: valid.tier,
            scopes: valid.key.scopes.iter().filter_map(|name| Scope::of(name)).collect(),
            secret_sha256: secret_sha256.to_owned(),
        };
        let mut known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        if known.len() >= REMEMBERED {
            known.clear();
        }
        known.insert(caller.key.clone(), (Instant::now(), caller.clone()));
        Ok(Some(caller))
    }

    fn remembered(&self, id: &str, secret_sha256: &str) -> Option<Caller> {
        use subtle::ConstantTimeEq as _;
        let known = self.known.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        let (since, caller) = known.get(id)?;
        let same = bool::from(caller.secret_sha256.as_bytes().ct_eq(secret_sha256.as_bytes()));
        (same && since.elapsed() < BELIEVED).then(|| caller.clone())
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
