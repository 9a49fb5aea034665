//! Whole images, built from real packages: the same bytes everywhere, no more work than a change needs, nothing in them
//! that no image may hold, and everything in them that the spec asks for.
//!
//! | module | tests |
//! |---|---|
//! | [`place`] | stores, specs and locks; runs the binary in surroundings of any kind |
//! | [`rootfs`] | reads the root filesystem of an image |
//! | [`reproducible`] | the same lock gives the same bytes |
//! | [`incremental`] | what is built again after a change, and what is not |
//! | [`modules`] | outlines of kernel modules give what the modules give |
//! | [`hygiene`] | what makes the gate refuse an image |
//! | [`effects`] | every field of the configuration, in the finished image |
//! | [`containers`] | the OCI image in the hands of skopeo, podman and buildah |
//! | [`releases`] | another release than the present one |
//! | [`interruptions`] | a build that is stopped ends at once and leaves nothing |
//! | [`served`] | processes of a service, and a client |
//! | [`fleet`] | many processes of a service on PostgreSQL, S3 and NATS |
//! | [`together`] | they are one service |
//! | [`killed`] | some are killed or halted |
//! | [`outages`] | what they share goes away and comes back |
//! | [`service`] | `lbuild serve` as a process: built, killed, begun again, drained |
//! | [`same_as_mmdebstrap`] | the tree that apt and dpkg make of the same packages |

mod containers;
mod effects;
mod fleet;
mod hygiene;
mod incremental;
mod interruptions;
mod killed;
#[path = "../it/leftovers.rs"]
mod leftovers;
mod modules;
mod outages;
mod place;
mod releases;
mod reproducible;
mod rootfs;
mod same_as_mmdebstrap;
mod served;
mod service;
mod together;
