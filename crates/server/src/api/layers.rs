//! The five layers of a spec: what belongs where, and who set what.

use axum::Json;
use lbuild_spec::{Blueprint, Layer, SetField};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::body::SpecBody;
use crate::auth::caller::Caller;
use crate::problem::Problem;
use crate::worker::task;

/// A layer.
#[derive(Debug, Serialize, ToSchema)]
pub struct LayerView {
    /// Its key under `layers`.
    name: String,
    /// What it is for.
    purpose: String,
    /// The top-level fields that belong to it when a spec names no layers.
    fields: Vec<String>,
}

/// What one layer of a spec sets.
#[derive(Debug, Serialize, ToSchema)]
pub struct LayerOfSpec {
    /// Its key under `layers`.
    name: String,
    /// The effective values that it sets, by ascending pointer.
    sets: Vec<SetValue>,
}

/// An effective value and who set it.
#[derive(Debug, Serialize, ToSchema)]
pub struct SetValue {
    /// JSON pointer into the effective spec.
    pointer: String,
    /// The value; absent where it became part of another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Object>)]
    value: Option<Value>,
    /// Line in the text of the spec, from 1.
    line: u32,
    /// Column, in characters from 1.
    column: u32,
    /// Values of lower layers that lost, lowest first.
    overrode: Vec<Overridden>,
}

/// A value that lost.
#[derive(Debug, Serialize, ToSchema)]
pub struct Overridden {
    /// The layer that it belongs to.
    layer: String,
    line: u32,
    column: u32,
}

/// List the five layers, lowest precedence first.
#[utoipa::path(get, path = "/api/v1/layers", tag = "specs", responses((status = 200, body = Vec<LayerView>)))]
pub async fn list() -> Json<Vec<LayerView>> {
    let view = |layer: Layer| LayerView {
        name: layer.key().to_owned(),
        purpose: layer.purpose().to_owned(),
        fields: layer.fields(),
    };
    Json(Layer::ALL.map(view).into())
}

/// Say which layer of a spec set which value, and what it overrode.
#[utoipa::path(post, path = "/api/v1/layers", tag = "specs",
    request_body(content((Object = "application/json"), (String = "application/toml"), (String = "application/yaml"))),
    responses((status = 200, body = Vec<LayerOfSpec>), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 413, body = Problem), (status = 415, body = Problem), (status = 422, body = Problem)))]
pub async fn of_spec(_caller: Caller, body: SpecBody) -> Result<Json<Vec<LayerOfSpec>>, Problem> {
    let blueprint = task::check(&body.source).map_err(|diagnostics| Problem::spec(&diagnostics))?;
    Ok(Json(layers_of(&blueprint)))
}

fn layers_of(blueprint: &Blueprint) -> Vec<LayerOfSpec> {
    let effective = serde_json::to_value(blueprint).unwrap_or_default();
    let value = |set: &SetField| SetValue {
        pointer: set.pointer.clone(),
        value: effective.pointer(&set.pointer).cloned(),
        line: set.origin.line,
        column: set.origin.column,
        overrode: set
            .origin
            .overrode
            .iter()
            .map(|written| Overridden {
                layer: written.layer.key().to_owned(),
                line: written.line,
                column: written.column,
            })
            .collect(),
    };
    let of_layer = |layer: Layer| LayerOfSpec {
        name: layer.key().to_owned(),
        sets: blueprint.set.iter().filter(|set| set.origin.layer == layer).map(value).collect(),
    };
    Layer::ALL.map(of_layer).into()
}
