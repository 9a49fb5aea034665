//! Who set a value: the layer and the place in the text, and what it overrode.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize, Serializer};

/// The five layers, lowest precedence first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "camelCase")]
pub enum Layer {
    /// Base, release, outputs, kernel, init, file system, repositories.
    OpeningStatement,
    /// Display, network, hardware.
    Platform,
    /// Look, language, shell, behaviour.
    Rhetoric,
    /// Packages, users, services, security.
    TalkingPoints,
    /// Overrides, files, post-install.
    ClosingArgument,
}

impl Layer {
    /// All layers in order of precedence, lowest first.
    pub const ALL: [Self; 5] =
        [Self::OpeningStatement, Self::Platform, Self::Rhetoric, Self::TalkingPoints, Self::ClosingArgument];

    /// The key of the layer under `layers`.
    pub const fn key(self) -> &'static str {
        match self {
            Self::OpeningStatement => "openingStatement",
            Self::Platform => "platform",
            Self::Rhetoric => "rhetoric",
            Self::TalkingPoints => "talkingPoints",
            Self::ClosingArgument => "closingArgument",
        }
    }

    /// What the layer is for.
    pub const fn purpose(self) -> &'static str {
        match self {
            Self::OpeningStatement => "base, release, outputs, kernel, init, file system, repositories",
            Self::Platform => "display, network, hardware",
            Self::Rhetoric => "look, language, shell, behaviour",
            Self::TalkingPoints => "packages, users, services, security",
            Self::ClosingArgument => "overrides, files, post-install",
        }
    }

    /// The top-level fields that belong to the layer when a spec names no layers, by name.
    pub fn fields(self) -> Vec<String> {
        let all = crate::schema::cached()["properties"].as_object();
        let names = all.into_iter().flat_map(|fields| fields.keys());
        names.filter(|name| crate::layers::of(name) == Some(self)).cloned().collect()
    }
}

impl std::fmt::Display for Layer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.key())
    }
}

/// Where a value was written.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Written {
    /// The layer that the value belongs to.
    pub layer: Layer,
    /// The file as named in [`crate::Source::file`].
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
}

/// Where an effective value came from.
#[derive(Clone, Debug, PartialEq, Eq, Hash, Serialize)]
pub struct Origin {
    /// The layer that won.
    pub layer: Layer,
    /// The file as named in [`crate::Source::file`].
    pub file: String,
    /// Line, from 1.
    pub line: u32,
    /// Column in characters, from 1.
    pub column: u32,
    /// Values of lower layers that lost, lowest first.
    pub overrode: Vec<Written>,
}

/// A value together with its origin. Serialises as the bare value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sourced<T> {
    /// The effective value.
    pub value: T,
    /// Who set it.
    pub origin: Origin,
}

impl<T: Serialize> Serialize for Sourced<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.value.serialize(serializer)
    }
}

/// One field that the spec set, by its place in the effective spec.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct SetField {
    /// JSON pointer into the effective spec, for example `/filesystem/encryption/enable`.
    pub pointer: String,
    /// Who set it.
    pub origin: Origin,
}

#[cfg(test)]
mod tests {
    use super::Layer;

    #[test]
    fn every_field_belongs_to_one_layer() {
        let mut fields: Vec<String> = Layer::ALL.into_iter().flat_map(Layer::fields).collect();
        fields.extend(["spec", "name", "layers"].map(str::to_owned));
        fields.sort();
        let all = crate::schema()["properties"].as_object().expect("fields").clone();
        assert_eq!(fields, all.keys().cloned().collect::<Vec<_>>());
        assert!(Layer::Platform.fields().contains(&"network".to_owned()));
    }
}
