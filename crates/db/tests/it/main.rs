//! Every test runs on SQLite and on PostgreSQL.

mod audit;
mod events;
mod queue;
mod simulation;
mod submit;
mod support;
