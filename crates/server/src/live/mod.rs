//! What happens in builds, while it happens.
//!
//! | module | purpose |
//! |---|---|
//! | [`hub`] | tells those who watch that there is news |
//! | [`relay`] | news from other processes |
//! | [`follow`] | everything that happened in a build, then everything that happens, each event once |

pub mod follow;
pub mod hub;
pub mod relay;
