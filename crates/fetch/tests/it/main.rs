//! Fetching from servers that do not behave.

mod full;
mod mirrors;
mod processes;
mod proxy;
mod random;
mod reach;
mod resume;
mod server;
mod setup;
mod small;
mod t21;
mod tls;
