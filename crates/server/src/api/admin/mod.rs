//! For whoever runs the service.
//!
//! | module | purpose |
//! |---|---|
//! | [`tenants`] | who builds here, and within which limits |
//! | [`builds`] | the builds of everybody, and those that were given up |
//! | [`queue`] | what waits, what is worked on and by whom |
//! | [`workers`] | the processes that work on builds |
//! | [`audit`] | what was done by whom |

pub mod audit;
pub mod builds;
pub mod queue;
pub mod tenants;
pub mod workers;
