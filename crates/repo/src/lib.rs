//! Package families: version order, index, archive and signature, read into the solver's model or into a tree.
//!
//! - [`ar`] and [`tar`] read the containers strictly, [`compress`] is the only decompressor and caps its output.
//! - [`openpgp`] judges keys and signatures, for every family by one policy.
//! - [`rsa`] checks the signatures of families that do not use `OpenPGP`.
//! - [`xml`] reads XML metadata in bounded memory.
//! - [`described`] opens packages that are one tar, [`files`] knows which package has which file.
//! - [`index`] is the arena that every family's reader fills, [`resolve`] chooses packages by the rules that a family gives.
//! - [`alpm`] is Arch Linux: versions, relations, databases, keys, packages.
//! - [`apk`] is Alpine: versions, dependencies, indexes, signatures, packages, the installed database.
//! - [`xml`] reads XML metadata in bounded memory.
//! - [`index`] is the arena that every family's reader fills, [`resolve`] chooses packages by the rules that a family gives
//!   ([`family`] finds them by name), [`catalog`] looks around.
//! - [`portage`] is Gentoo: versions, dependencies, binary-host indexes, binary packages, stage archives.
//! - [`deb`] is Debian and its family: versions, relations, indexes, signatures, resolution, packages, unpacking.
//! - [`rpm`] is Fedora, openSUSE and their family: the same for RPM.
//! - [`xbps`] is Void Linux: versions, relations, indexes, keys, packages.

pub mod alpm;
pub mod apk;
pub mod ar;
pub mod catalog;
pub mod compress;
pub mod deb;
pub mod described;
pub mod family;
pub mod files;
pub mod index;
pub mod openpgp;
pub mod portage;
pub mod resolve;
pub mod rpm;
pub mod rsa;
pub mod tar;
pub mod xbps;
pub mod xml;
