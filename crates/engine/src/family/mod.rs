//! Policy of each family: what is data about a base, read from `data/distros`, and how its indexes are read.
//!
//! Debian's images are built; the packages of the others are looked up and resolved.

pub mod data;
pub mod debian;
pub(crate) mod reader;
mod wanted;

mod alpine;
mod arch;
mod gentoo;
mod rpm;
mod void;

pub(crate) use gentoo::accepted;
pub use wanted::Cause;
pub(crate) use wanted::{asked, kernel_flavor, plain};
