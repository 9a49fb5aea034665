//! The content-addressed store: where everything that a build fetches or makes is kept, and found again.
//!
//! | module | keeps |
//! |---|---|
//! | [`Blobs`] | immutable files named by their SHA-256: packages, indexes, artifacts; resumable partial downloads |
//! | [`Trees`] | directories named by the key of the step that made them, owned at rest by mapped uids |
//! | [`Steps`] | what each step read and made, and per spec the last of it, so that a miss can be explained |
//! | [`Indexes`] | parsed package indexes in a form that loads in milliseconds |
//! | [`Responses`] | validators of small files that were fetched by URL |
//! | [`Watermarks`] | the highest date seen per repository suite |
//! | [`Publications`] | which output files are known to be current, so that they need not be copied again |
//! | [`Roots`] | what each spec's last build refers to: the starting points of garbage collection |
//!
//! Around them: [`Store::lock`] (two builds at once share work), [`Store::scratch`], [`Store::collect`] (garbage
//! collection), [`Store::verify`], [`Store::usage`].
//!
//! # What survives what
//! - **`kill -9` at any moment** leaves no torn object under a final name: content is written without a name
//!   (`O_TMPFILE`) or under a temporary one and then linked or renamed. Leftovers are locked by their maker, and
//!   whoever opens the store next removes those whose lock is free.
//! - **A power cut** can lose what was not yet written back. No object is `fsync`ed one by one; see `journal` for the
//!   policy that is used instead, and what it costs.
//! - **A flipped bit** is found by [`Blobs::open_verified`], [`Blobs::read`] and [`Store::verify`]; the damaged blob is
//!   moved to `quarantine/`, so that the next build fetches or makes it again.

mod atomic;
mod blobs;
mod cancel;
mod error;
mod gc;
mod index;
mod journal;
mod lock;
mod partial;
mod published;
mod records;
mod responses;
mod roots;
mod scratch;
mod session;
pub mod space;
mod steps;
mod store;
mod trees;
mod usage;
mod verify;
mod watermarks;
mod writer;

pub use blobs::{BlobRef, Blobs};
pub use cancel::{Cancel, Reading};
pub use error::StoreError;
pub use gc::{Collected, Policy};
pub use index::Indexes;
pub use lbuild_digest::{Digest, Hasher, InvalidDigest};
pub use lock::Guard;
pub use partial::{Claim, Partial};
pub use published::{Copy, Placed, Publications};
pub use responses::{Response, Responses};
pub use roots::{Root, Roots};
pub use scratch::Scratch;
pub use steps::{Change, ChangeKind, Input, Output, OutputRef, StepRecord, Steps};
pub use store::{DeleteTree, Store, remove_plain_tree};
pub use trees::{Tree, TreeDraft, TreeMeta, Trees};
pub use usage::{Kind, Usage};
pub use verify::Verified;
pub use watermarks::{Watermark, Watermarks};
pub use writer::BlobWriter;
