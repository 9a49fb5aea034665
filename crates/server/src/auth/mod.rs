//! Who asks, and what they may do.
//!
//! | module | purpose |
//! |---|---|
//! | [`key`] | the text of an API key: made, read, checked |
//! | [`scope`] | what a key may do |
//! | [`session`] | the cookie of a browser, and what it alone may not do |
//! | [`caller`] | from a request's header to a tenant and its scopes |

pub mod caller;
pub mod key;
pub mod scope;
pub mod session;
