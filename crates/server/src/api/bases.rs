//! What can be built from: the bases, what each offers, and what is not built of them yet.

use axum::Json;
use lbuild_engine::bases::{ArchitectureOffer, BaseOffer, bases};
use lbuild_spec::model::{Init, Output};
use serde::Serialize;
use utoipa::ToSchema;

/// A base.
#[derive(Debug, Serialize, ToSchema)]
pub struct BaseView {
    /// Its name in specs.
    name: String,
    /// Its name as its makers write it.
    title: String,
    /// Some of its outputs are built here; the others are resolved and explained only.
    builds: bool,
    /// The releases that can be resolved.
    releases: Vec<ReleaseView>,
    /// The architectures that can be resolved.
    architectures: Vec<ArchitectureView>,
    /// The init systems that a spec may name, the usual one first.
    #[schema(value_type = Vec<String>)]
    inits: &'static [Init],
    /// Components or repositories of its archive.
    components: Vec<ComponentView>,
}

/// A release.
#[derive(Debug, Serialize, ToSchema)]
pub struct ReleaseView {
    name: String,
    /// Other names of it.
    aliases: Vec<String>,
    /// A spec that names none gets this one.
    usual: bool,
}

/// An architecture.
#[derive(Debug, Serialize, ToSchema)]
pub struct ArchitectureView {
    /// In specs.
    name: String,
    /// What the base calls it.
    native: String,
    /// Kernel flavors.
    kernels: Vec<String>,
    outputs: Vec<OutputView>,
}

/// An output.
#[derive(Debug, Serialize, ToSchema)]
pub struct OutputView {
    #[schema(value_type = String)]
    name: Output,
    /// It is built here.
    builds: bool,
    /// Why it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
}

/// A component or repository of a base's archive.
#[derive(Debug, Serialize, ToSchema)]
pub struct ComponentView {
    name: String,
    /// In use unless a spec lists others.
    usual: bool,
}

/// List the bases: releases, architectures, and which outputs are built.
#[utoipa::path(get, path = "/api/v1/bases", tag = "specs", responses((status = 200, body = Vec<BaseView>)))]
pub async fn list() -> Json<Vec<BaseView>> {
    Json(bases().into_iter().map(BaseView::from).collect())
}

impl From<BaseOffer> for BaseView {
    fn from(offer: BaseOffer) -> Self {
        let architectures: Vec<ArchitectureView> =
            offer.architectures.into_iter().map(ArchitectureView::from).collect();
        let mut outputs = architectures.iter().flat_map(|architecture| &architecture.outputs);
        Self {
            name: offer.base.key().to_owned(),
            title: offer.base.title().to_owned(),
            builds: outputs.any(|output| output.builds),
            releases: offer
                .releases
                .into_iter()
                .map(|release| ReleaseView {
                    name: release.name,
                    aliases: release.aliases,
                    usual: release.usual,
                })
                .collect(),
            architectures,
            inits: offer.inits,
            components: offer
                .components
                .into_iter()
                .map(|component| ComponentView { name: component.name, usual: component.usual })
                .collect(),
        }
    }
}

impl From<ArchitectureOffer> for ArchitectureView {
    fn from(offer: ArchitectureOffer) -> Self {
        let output =
            |(name, reason): (Output, Option<String>)| OutputView { name, builds: reason.is_none(), reason };
        Self {
            name: offer.architecture.key().to_owned(),
            native: offer.native,
            kernels: offer.kernels,
            outputs: offer.outputs.into_iter().map(output).collect(),
        }
    }
}
