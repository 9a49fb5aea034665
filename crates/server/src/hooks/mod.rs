//! Webhooks: messages to whoever wants to know what became of builds.
//!
//! | module | purpose |
//! |---|---|
//! | [`courier`] | takes messages that are due, sends them, and notes what became of them |
//! | [`message`] | what a message says, in each format |
//! | [`secret`] | the secrets of webhooks, and signatures with them |
//! | [`schedule`] | when a message is tried again |

pub mod courier;
pub mod message;
pub mod schedule;
pub mod secret;
