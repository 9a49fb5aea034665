//! The build service: an API and workers around the engine.
//!
//! | module | purpose |
//! |---|---|
//! | [`mod@serve`] | a service from its first to its last moment |
//! | [`mod@router`], [`contract`] | every route, and what the OpenAPI document says of all of them |
//! | [`api`] | the operations |
//! | [`auth`] | who asks, and what they may do |
//! | [`listen`] | connections |
//! | [`limit`] | what one caller may use |
//! | [`live`] | what happens in builds, while it happens |
//! | [`faults`] | faults of the service, told to Sentry |
//! | [`metrics`] | numbers about the service |
//! | [`hooks`] | messages to other servers about builds |
//! | [`bus`] | how processes of one service tell each other that there is news |
//! | [`worker`] | builds, on the engine |
//! | [`artifact`], [`sign`] | what builds made, and short-lived addresses of it |
//! | [`diff`] | what differs between two specs |
//! | [`problem`], [`request`] | what every answer and every request has |
//! | [`inquiry`] | questions to the engine that are answered while the client waits |
//! | [`registry`] | container images, as a registry gives them out |
//! | [`seal`] | secrets of tenants at rest |
//! | [`state`] | what every handler shares |
//! | [`place`] | where a service keeps things |
//! | [`preflight`] | whether a service could start |
//! | [`backup`] | its database and keys as one file |

pub mod api;
pub mod artifact;
pub mod auth;
pub mod backup;
pub mod bus;
pub mod contract;
pub mod diff;
pub mod failpoint;
pub mod faults;
pub mod hooks;
pub mod inquiry;
pub mod limit;
pub mod listen;
pub mod live;
pub mod metrics;
pub mod place;
pub mod preflight;
pub mod problem;
pub mod registry;
pub mod request;
pub mod router;
pub mod seal;
pub mod serve;
pub mod sign;
pub mod state;
pub mod worker;

pub use serve::{ServeError, ServeOptions, Started, check_log, serve, work};
