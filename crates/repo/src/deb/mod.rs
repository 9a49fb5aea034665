//! Debian and its family.
//!
//! From the mirror to a set of packages: [`release`] checks signatures, [`control`] scans text, [`index`] holds packages,
//! [`relation`] and [`version`] say what they mean, [`resolve`] chooses. From packages to a tree: [`archive`] opens a
//! `.deb`, [`unpack`] puts many into a tree as dpkg would, [`installed`] reads back what a tree's database says.

pub mod archive;
mod ascii;
pub mod control;
pub mod index;
pub mod installed;
pub mod relation;
pub mod release;
pub mod resolve;
pub mod unpack;
pub mod version;
