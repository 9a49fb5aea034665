//! From a file tree to tar, OCI layout, squashfs, ISO: byte-reproducible.
//!
//! Pure formats: nothing here spawns a process, reads a clock or the environment. Time, seeds and names come as
//! arguments, so that the same tree and the same options give the same bytes on any machine. What needs a foreign
//! program is data ([`command::ToolCommand`]) that the caller runs in its sandbox.
//!
//! | module | what it is for |
//! |---|---|
//! | [`measure`] | SHA-256 and size of what is written |
//! | [`exclude`] | what of a tree stays out of an image |
//! | [`tar`] | a tree as a deterministic tar stream |
//! | [`blob`] | one pass from a stream to a zstd blob with both digests |
//! | [`oci`] | an OCI image layout around such a blob |
//! | [`squashfs`] | the `mksquashfs` command |
//! | [`iso`] | a hybrid live ISO as a plan of files and commands |
//! | [`command`] | a program of the tools tree to run |
//! | [`hygiene`] | the gate that no secret or trace of the build passes |
//! | [`manifest`] | `manifest.json` and `SHA256SUMS` |

pub mod blob;
pub mod command;
mod date;
pub mod exclude;
pub mod hygiene;
pub mod iso;
pub mod manifest;
pub mod measure;
pub mod oci;
pub mod squashfs;
pub mod tar;
mod walk;
