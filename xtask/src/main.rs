//! Repository tasks: tidy, test, bench.

fn main() {}
