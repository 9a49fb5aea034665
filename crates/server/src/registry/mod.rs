//! Images as a container registry gives them out: the read-only part of the OCI distribution specification 1.1.
//!
//! The repository of a build is `builds/<id>`, and its one tag is `latest`. Everything is served out of the image layout
//! that the build made, which is an uncompressed tar: a blob is a part of it.
//!
//! | module | purpose |
//! |---|---|
//! | [`api`] | the operations |
//! | [`layout`] | where the parts of an image lie in the tar |
//! | [`refusal`] | errors as the specification writes them |

pub mod api;
pub mod layout;
pub mod refusal;

/// What every address of the registry begins with.
pub const ROOT: &str = "/v2/";
