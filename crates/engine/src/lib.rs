//! Resolves a [`lbuild_spec::Blueprint`] to a [`Lock`], plans steps with content keys and runs them.
//!
//! | module | purpose |
//! |---|---|
//! | [`event`] | what a build tells its caller, and how it is stopped |

pub mod event;
pub mod family;
pub mod lock;
pub mod step;

pub use event::{Cancel, Event, Observer};
pub use lock::{Lock, LockError, LockedIndex, LockedPackage, Tier};
pub use step::{Inputs, StepKey};
