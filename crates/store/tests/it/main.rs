//! The store as its users see it: on a real file system, with processes that die and disks that fill up.

mod blobs;
mod collection;
mod crash;
mod full;
mod processes;
mod records;
mod recovery;
mod trees;
