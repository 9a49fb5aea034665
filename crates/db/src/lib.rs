//! Builds, their queue and their events, tenants and keys, in SQLite or PostgreSQL.
//!
//! The only crate that speaks SQL. Rows stay inside; what comes out are records of the domain. Times are milliseconds
//! since 1970 by the database's own clock, sizes are bytes.
//!
//! | module | purpose |
//! |---|---|
//! | [`connect`] | opening a database, its clock and its transactions |
//! | [`durable`] | commits that are on the disk when they are answered |
//! | [`id`] | identifiers |
//! | [`tenant`], [`key`] | who may do what |
//! | [`retention`] | how long artifacts are kept, and how much of them |
//! | [`secret`] | secrets of tenants, sealed |
//! | [`session`] | sessions of browsers |
//! | [`submit`] | taking a build in |
//! | [`queue`], [`jump`] | which worker works on what: leases and fencing tokens, and a clock that is set |
//! | [`build`] | builds as their owners see them |
//! | [`overview`] | builds and the queue of everybody, for whoever runs the service |
//! | [`blob`] | which bytes the artifact store has to keep |
//! | [`fleet`] | what several processes need to be one service |
//! | [`event`] | what happened during a build |
//! | [`configuration`], [`template`], [`document`] | specs that are kept |
//! | [`webhook`], [`delivery`] | who is told of builds elsewhere, and the messages on their way |
//! | [`audit`] | what was done by whom |
//! | [`figures`] | numbers about all of it |
//! | [`upkeep`] | the schema, a copy, whether all is sound |

pub mod audit;
pub mod blob;
pub mod build;
pub mod configuration;
pub mod connect;
pub mod delivery;
pub mod document;
pub mod durable;
pub mod event;
pub mod figures;
pub mod fleet;
pub mod id;
pub mod jump;
pub mod key;
pub mod overview;
pub mod queue;
pub mod retention;
pub mod secret;
pub mod session;
pub mod submit;
pub mod template;
pub mod tenant;
pub mod upkeep;
pub mod webhook;

mod migration;

pub use connect::{Clock, Database, DbError, OpenError};
pub use id::{BuildId, ConfigurationId, DeliveryId, TemplateId, TenantId, WebhookId};
