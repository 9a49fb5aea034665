//! What happens in builds, while it happens.
//!
//! | module | purpose |
//! |---|---|
//! | [`hub`] | tells those who watch that there is news |
//! | [`follow`] | everything that happened in a build, then everything that happens, each event once |

pub mod follow;
pub mod hub;
