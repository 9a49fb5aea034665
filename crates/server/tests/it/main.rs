//! The service as its clients see it.

mod admin;
mod builds;
mod bus;
mod document;
mod faults;
mod hostile;
mod kept;
mod limits;
mod live;
mod matrix;
mod operation;
mod push;
mod registry;
mod resolve;
mod retention;
mod session;
mod socket;
mod store;
mod support;
mod webhooks;
