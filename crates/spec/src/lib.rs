//! BuildSpec: types, JSON Schema, layers and merge, validation, and the Blueprint that the engine builds from.
