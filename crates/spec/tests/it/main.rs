//! Public behaviour of the spec crate.

mod examples;
