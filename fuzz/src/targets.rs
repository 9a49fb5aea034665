//! The table of targets, and four that break on purpose so that the runner itself can be tested.

/// One reader of foreign bytes. It may refuse its input, but not panic, hang or eat memory.
pub struct Target {
    /// Name of the file in `fuzz_targets/`.
    pub name: &'static str,
    /// Reads the input once.
    pub run: fn(&[u8]),
}

include!(concat!(env!("OUT_DIR"), "/targets.rs"));

/// Targets that break on purpose. They are run by the tests only, by their full name.
const BROKEN: &[Target] = &[
    Target { name: "broken-panic", run: |data| assert!(!data.ends_with(b"!"), "an exclamation mark") },
    Target {
        name: "broken-abort",
        run: |data| {
            if data.ends_with(b"!") {
                std::process::abort();
            }
        },
    },
    Target {
        name: "broken-hang",
        run: |data| {
            while data.ends_with(b"!") {
                std::hint::spin_loop();
            }
        },
    },
    Target { name: "broken-memory", run: eat_memory },
];

fn eat_memory(data: &[u8]) {
    let mut kept: Vec<Vec<u8>> = Vec::new();
    while data.ends_with(b"!") {
        kept.push(Vec::with_capacity(64 << 20));
        std::hint::black_box(&kept);
    }
}

/// The target of that name.
pub fn find(name: &str) -> Result<&'static Target, String> {
    TARGETS
        .iter()
        .chain(BROKEN)
        .find(|target| target.name == name)
        .ok_or_else(|| format!("there is no target `{name}`"))
}
