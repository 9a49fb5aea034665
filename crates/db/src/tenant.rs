//! Tenants and their tiers.

use sea_orm::{DbErr, FromQueryResult};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::connect::{Database, DbError, all, change, one};
use crate::id::TenantId;
use crate::retention::Retention;

/// What a tenant may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Tier {
    /// For trying it out.
    Free,
    /// For one person.
    Basic,
    /// For a team.
    Pro,
    /// For a company, and for whoever runs the service.
    Enterprise,
}

impl Tier {
    /// Every tier, lowest first.
    pub const ALL: [Self; 4] = [Self::Free, Self::Basic, Self::Pro, Self::Enterprise];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::Free => "free",
            Self::Basic => "basic",
            Self::Pro => "pro",
            Self::Enterprise => "enterprise",
        }
    }

    /// The tier of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tier| tier.name() == name)
    }

    /// The tier that a row names.
    pub(crate) fn read(name: &str) -> Result<Self, DbErr> {
        Self::of(name).ok_or_else(|| DbErr::Type(format!("`{name}` is not a tier")))
    }

    /// Builds that are started for it while one is for a free tenant, when both have some waiting.
    pub fn weight(self) -> i64 {
        match self {
            Self::Free => 1,
            Self::Basic => 2,
            Self::Pro => 4,
            Self::Enterprise => 8,
        }
    }

    /// Builds at the same time.
    pub fn concurrency(self) -> i64 {
        match self {
            Self::Free => 1,
            Self::Basic => 2,
            Self::Pro => 4,
            Self::Enterprise => 16,
        }
    }

    /// Bytes of artifacts that are kept, where they are limited.
    pub fn storage_bytes(self) -> Option<i64> {
        match self {
            Self::Free => Some(10 << 30),
            Self::Basic => Some(50 << 30),
            Self::Pro => Some(500 << 30),
            Self::Enterprise => None,
        }
    }

    /// Builds in a calendar month, where they are limited.
    pub fn monthly_builds(self) -> Option<i64> {
        match self {
            Self::Free => Some(30),
            Self::Basic => Some(300),
            Self::Pro => Some(3000),
            Self::Enterprise => None,
        }
    }
}

/// A tenant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tenant {
    /// Its id.
    pub id: TenantId,
    /// Its name, unique.
    pub name: String,
    /// Its tier.
    pub tier: Tier,
    /// Builds at the same time.
    pub concurrency: i64,
    /// Builds in a calendar month, where they are limited.
    pub monthly_builds: Option<i64>,
    /// Bytes of artifacts that it may keep, where they are limited.
    pub storage_bytes: Option<i64>,
    /// Bytes of artifacts that it keeps, equal ones counted once.
    pub stored_bytes: i64,
    /// How long its images are kept.
    pub retention: Retention,
    /// Its keys are refused.
    pub suspended: bool,
    /// Milliseconds since 1970.
    pub created_at: i64,
}

/// What is to change about a tenant.
#[derive(Debug, Clone, Copy, Default)]
pub struct TenantChange {
    /// Another tier, and the limits that come with it.
    pub tier: Option<Tier>,
    /// Another number of bytes than the tier's.
    pub storage_bytes: Option<i64>,
    /// Refuse its keys, or take them again.
    pub suspended: Option<bool>,
}

#[derive(FromQueryResult)]
struct Row {
    id: Uuid,
    name: String,
    tier: String,
    concurrency: i64,
    monthly_builds: Option<i64>,
    storage_bytes: Option<i64>,
    stored_bytes: i64,
    iso_hours: Option<i64>,
    other_hours: Option<i64>,
    iso_after_download: bool,
    suspended: bool,
    created_at: i64,
}

impl TryFrom<Row> for Tenant {
    type Error = DbErr;

    fn try_from(row: Row) -> Result<Self, DbErr> {
        Ok(Self {
            id: TenantId(row.id),
            name: row.name,
            tier: Tier::read(&row.tier)?,
            concurrency: row.concurrency,
            monthly_builds: row.monthly_builds,
            storage_bytes: row.storage_bytes,
            stored_bytes: row.stored_bytes,
            retention: Retention {
                iso_hours: row.iso_hours,
                other_hours: row.other_hours,
                iso_after_download: row.iso_after_download,
            },
            suspended: row.suspended,
            created_at: row.created_at,
        })
    }
}

const COLUMNS: &str = "id, name, tier, concurrency, monthly_builds, storage_bytes, stored_bytes, iso_hours, \
     other_hours, iso_after_download, suspended, created_at";

/// Why a tenant cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum NewTenantError {
    /// Another has the name.
    #[error("there is a tenant `{0}` already")]
    Taken(String),
    /// The database.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<DbErr> for NewTenantError {
    fn from(error: DbErr) -> Self {
        Self::Db(DbError(error))
    }
}

impl Database {
    /// Makes a tenant with the limits of a tier.
    pub async fn create_tenant(&self, name: &str, tier: Tier) -> Result<Tenant, NewTenantError> {
        let statement = self.sql(
            &format!(
                "INSERT INTO tenant (id, name, tier, weight, concurrency, monthly_builds, storage_bytes, created_at)
                 VALUES ($1, $2, $3, $4, $5, $6, $7, {{now}}) ON CONFLICT (name) DO NOTHING RETURNING {COLUMNS}"
            ),
            [
                TenantId::new().into(),
                name.into(),
                tier.name().into(),
                tier.weight().into(),
                tier.concurrency().into(),
                tier.monthly_builds().into(),
                tier.storage_bytes().into(),
            ],
        );
        let row: Option<Row> = one(self.writer(), statement).await?;
        let row = row.ok_or_else(|| NewTenantError::Taken(name.to_owned()))?;
        Ok(row.try_into()?)
    }

    /// A tenant by its id.
    pub async fn tenant(&self, id: TenantId) -> Result<Option<Tenant>, DbError> {
        let statement = self.sql(&format!("SELECT {COLUMNS} FROM tenant WHERE id = $1"), [id.into()]);
        let row: Option<Row> = one(self.reader(), statement).await?;
        Ok(row.map(Tenant::try_from).transpose()?)
    }

    /// Every tenant, by name.
    pub async fn tenants(&self) -> Result<Vec<Tenant>, DbError> {
        let statement = self.sql(&format!("SELECT {COLUMNS} FROM tenant ORDER BY name"), []);
        let rows: Vec<Row> = all(self.reader(), statement).await?;
        Ok(rows.into_iter().map(Tenant::try_from).collect::<Result<_, _>>()?)
    }

    /// Changes a tenant; whether there is one.
    pub async fn change_tenant(&self, id: TenantId, wanted: TenantChange) -> Result<bool, DbError> {
        let Some(tenant) = self.tenant(id).await? else { return Ok(false) };
        let tier = wanted.tier.unwrap_or(tenant.tier);
        let of_tier = if wanted.tier.is_some() { tier.storage_bytes() } else { tenant.storage_bytes };
        let statement = self.sql(
            "UPDATE tenant SET tier = $2, weight = $3, concurrency = $4, monthly_builds = $5, suspended = $6,
             storage_bytes = $7 WHERE id = $1",
            [
                id.into(),
                tier.name().into(),
                tier.weight().into(),
                tier.concurrency().into(),
                tier.monthly_builds().into(),
                wanted.suspended.unwrap_or(tenant.suspended).into(),
                wanted.storage_bytes.or(of_tier).into(),
            ],
        );
        Ok(change(self.writer(), statement).await? > 0)
    }
}
