//! Integration tests of the crate: real programs and real packages judge it.

mod alpm;
mod apk;
mod apt;
mod index;
mod openpgp;
mod portage;
mod release;
mod resolve;
mod rpm;
mod scenarios;
mod ubuntu;
mod unpack;
mod versions;
mod xbps;
