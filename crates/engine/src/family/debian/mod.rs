//! Debian and Ubuntu: releases, suites, kernels and tools packages.

mod data;
mod pins;
mod request;

pub(crate) use request::{Requests, architecture, boot_request, requests};

pub(crate) use pins::{pin_targets, pin_text, pins};

pub use data::{Distro, Pocket, Release, distro, distro_of};
