//! Downloads into the store: from several mirrors, in parallel, resumable, and checked while the bytes arrive.
//!
//! | module | purpose |
//! |---|---|
//! | [`Fetcher`] | fetches many files of known digest, or one small file of unknown digest |
//! | [`FetchOptions`] | how many at once, how patient, offline |
//! | [`Poster`] | sends messages, such as webhooks, to servers that others have named |
//! | [`Reach`] | which addresses downloads and messages may go to |
//! | [`FetchError`], [`TransferError`] | what went wrong with the whole, and with one transfer from one mirror |
//! | [`registry`] | pushes an image into a container registry |
//! | [`hostconfig`] | which mirrors the machine's own package configuration names |
//!
//! Nothing here is trusted: a file of known digest is stored only when its bytes have that digest, and a file of
//! unknown digest (an `InRelease`) is for the caller to verify. All transfers are bounded in bytes, in time and by a
//! least rate, so that no server can hold a build up for ever.

mod agents;
mod error;
mod fetcher;
pub mod hostconfig;
mod http;
mod local;
mod mirrors;
mod options;
mod pace;
mod post;
mod proxy;
mod reach;
pub mod registry;
mod resolver;
mod small;
mod tls;
mod transfer;
mod worker;

pub use error::{FetchError, TransferError};
pub use fetcher::{Download, Fetcher, Progress};
pub use lbuild_store::Cancel;
pub use options::{FetchOptions, ProxySetting};
pub use post::{Answer, Message, Poster};
pub use reach::Reach;
pub use small::Small;
