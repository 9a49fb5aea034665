//! Policy of each family: what is data about a base, read from `data/distros`.

pub mod debian;
