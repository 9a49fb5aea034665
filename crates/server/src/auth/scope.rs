//! What a key may do.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// One permission.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
pub enum Scope {
    /// Submit builds and try them again.
    #[serde(rename = "build:create")]
    BuildCreate,
    /// See builds, their events, logs and artifacts.
    #[serde(rename = "build:read")]
    BuildRead,
    /// Stop and delete builds.
    #[serde(rename = "build:cancel")]
    BuildCancel,
    /// Change configurations.
    #[serde(rename = "config:write")]
    ConfigWrite,
    /// Change templates.
    #[serde(rename = "template:write")]
    TemplateWrite,
    /// Everything, for every tenant.
    #[serde(rename = "admin")]
    Admin,
}

impl Scope {
    /// Every scope.
    pub const ALL: [Self; 6] = [
        Self::BuildCreate,
        Self::BuildRead,
        Self::BuildCancel,
        Self::ConfigWrite,
        Self::TemplateWrite,
        Self::Admin,
    ];

    /// Its name on the wire.
    pub fn name(self) -> &'static str {
        match self {
            Self::BuildCreate => "build:create",
            Self::BuildRead => "build:read",
            Self::BuildCancel => "build:cancel",
            Self::ConfigWrite => "config:write",
            Self::TemplateWrite => "template:write",
            Self::Admin => "admin",
        }
    }

    /// The scope of this name.
    pub fn of(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|scope| scope.name() == name)
    }
}
