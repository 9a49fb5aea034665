//! RPM and its family: Fedora, openSUSE and their relatives.
//!
//! From the mirror to packages: [`repomd`] lists the metadata and its checksums, [`primary`] describes packages,
//! [`filelists`] lists their files, [`comps`] groups them, [`modules`] says which belong to streams, [`updateinfo`] has
//! advisories. [`relation`] and [`version`] say what dependencies mean.

pub mod archive;
pub mod checksum;
pub mod comps;
pub mod cpio;
pub mod filelists;
pub mod index;
pub mod modules;
pub mod primary;
pub mod relation;
pub mod repomd;
pub mod resolve;
pub mod signature;
pub mod updateinfo;
pub mod version;

/// Reads a decimal number; seconds are sometimes written with a fraction, which is dropped.
fn number(text: &str) -> Option<u64> {
    let text = text.trim();
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if digits(whole) && digits(fraction) { whole.parse().ok() } else { None }
}
