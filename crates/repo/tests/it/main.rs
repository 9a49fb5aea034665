//! Integration tests of the crate: real programs and real packages judge it.

mod apk;
mod apt;
mod index;
mod release;
mod resolve;
mod rpm;
mod unpack;
mod versions;
