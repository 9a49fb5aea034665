//! A service as its users start it, and a client of it, for tests and benchmarks.

mod client;
mod process;

pub use client::Client;
pub use process::Service;
