//! The binary `lbuild`: subcommands, progress and messages.

fn main() {}
