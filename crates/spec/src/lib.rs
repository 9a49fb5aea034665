//! BuildSpec: what a system should be, as text, as types, and as the Blueprint that the engine builds from.
//!
//! A spec is TOML, YAML or JSON. [`parse`] reads it and reports every error at once, each with its place in the
//! text; [`blueprint()`] merges the five layers, applies the compatibility rules and fills in defaults. The crate
//! is pure: no I/O, no clock, no environment.
//!
//! | module | holds |
//! |---|---|
//! | [`source`] | text, formats, lines and columns |
//! | [`docs`] | the reference page |
//! | [`diagnostic`] | findings, and how they are shown |
//! | [`model`] | the fields of a spec: the single description that schema, checks and reference page follow |
//! | [`names`] | what programs are called on each base |
//! | [`edit`] | changes to the text that keep the rest as it was |
//! | [`origin`] | layers, and who set a value |
//! | [`request`] | packages that were asked for |
//! | [`mod@blueprint`] | the effective system |
//! | [`templates`] | specs to begin with |

pub mod blueprint;
pub mod diagnostic;
pub mod docs;
pub mod edit;
pub mod model;
pub mod names;
pub mod origin;
pub mod request;
pub mod source;
pub mod templates;

mod check;
mod compat;
mod layers;
mod report;
mod rules;
pub mod schema;
mod spec;
mod syntax;
mod value;

pub use blueprint::Blueprint;
pub use diagnostic::{Diagnostic, Diagnostics, Severity};
pub use origin::{Layer, Origin, SetField, Sourced, Written};
pub use request::{PackageRequest, Relation, Tier, VersionRequest};
pub use rules::locale_charset;
pub use schema::schema;
pub use source::{Format, Source};
pub use spec::{BuildSpec, LayerFields, blueprint, parse, validate};
pub use syntax::{MAX_BYTES, MAX_DEPTH, MAX_VALUES};
