//! The service as its clients see it.

mod builds;
mod hostile;
mod live;
mod matrix;
mod support;
