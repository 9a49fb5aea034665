//! The command line as a script and as a person meet it: what it prints where, and what it exits with.
//!
//! | module | tests |
//! |---|---|
//! | [`program`] | runs the binary with an environment of its own |
//! | [`messages`] | the exact text of what people read, against files in `golden/` |
//! | [`streams`] | what goes to which stream; colour; terminals; the time to the first output |
//! | [`documents`] | the shape of `--json`, the schema, completions and manual pages |
//! | [`store`] | `cache` on a store of its own |

mod documents;
mod messages;
mod program;
mod store;
mod streams;
