//! Integration tests of the crate: real programs and real packages judge it.

mod alpm;
mod apk;
mod apt;
mod conflicts;
mod distros;
mod index;
mod openpgp;
mod orders;
mod package_map;
mod portage;
mod problems;
mod release;
mod resolve;
mod rpm;
mod scenarios;
mod ubuntu;
mod unpack;
mod versions;
mod xbps;
