//! Debian: releases, suites, kernels and tools packages.

mod data;

pub use data::{Distro, Release, Repository, distro};
