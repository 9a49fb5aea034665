//! The command line as a script and as a person meet it: what it prints where, and what it exits with.
//!
//! | module | tests |
//! |---|---|
//! | [`program`] | runs the binary with an environment of its own |
//! | [`messages`] | the exact text of what people read, against files in `golden/` |
//! | [`streams`] | what goes to which stream; colour; terminals; the time to the first output |
//! | [`documents`] | the shape of `--json`, the schema, completions and manual pages |
//! | [`store`] | `cache` on a store of its own |
//! | [`bad_requests`] | specs that cannot be built |
//! | [`bad_mirrors`], [`mirror`] | mirrors that are down, slow or lie |
//! | [`releases`] | other releases than the present one |
//! | [`sources`] | package sources that a spec adds, good ones and others |
//! | [`bases`] | resolving and looking up for every base but Debian and Ubuntu |
//! | [`repositories`] | what a base has besides the repositories in use, and what Gentoo masks |
//! | [`ubuntu`] | Ubuntu: its pockets, its key, a mirror that somebody else signs |
//! | [`vm`], [`damage`] | guests of `lbuild boot`: small ones, a built image, damaged copies of it |
//! | [`settings`] | settings of the service: options, environment, file |
//! | [`backup`] | backups and migrations of the service |
//! | [`deploy`] | what is named in `deploy/` and `docs/operate/` exists |
//! | [`bad_builds`], [`leftovers`] | builds that fail, are killed or stopped; nothing may be left of them |

mod backup;
mod bad_builds;
mod bad_mirrors;
mod bad_requests;
mod bases;
mod damage;
mod deploy;
mod documents;
mod leftovers;
mod messages;
mod mirror;
mod program;
mod releases;
mod repositories;
mod settings;
mod sources;
mod store;
mod streams;
mod ubuntu;
mod vm;
