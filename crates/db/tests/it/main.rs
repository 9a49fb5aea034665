//! Every test runs on SQLite and on PostgreSQL.

mod audit;
mod documents;
mod events;
mod fleet;
mod overview;
mod queue;
mod retention;
mod session;
mod simulation;
mod submit;
mod support;
mod webhooks;
