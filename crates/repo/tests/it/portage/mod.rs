//! Gentoo's packages: portage itself and the indexes of real binary hosts judge our readers.

pub mod accept;
mod archive;
mod data;
mod index;
mod oracle;
mod profiles;
mod relations;
pub mod resolve;
mod stage3;
mod versions;

use std::path::PathBuf;

/// A file of the data that is shared beside the repository.
fn shared(path: &str) -> Vec<u8> {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/data").join(path);
    std::fs::read(&file).unwrap_or_else(|error| panic!("{} is needed by this test: {error}", file.display()))
}

/// A compressed file of the data, decompressed.
fn shared_plain(path: &str) -> Vec<u8> {
    use std::io::Read as _;
    let bytes = shared(path);
    let mut plain = Vec::new();
    lbuild_repo::compress::Capped::new(bytes.as_slice(), 64 << 20)
        .and_then(|mut reader| reader.read_to_end(&mut plain))
        .unwrap_or_else(|error| panic!("{path}: {error}"));
    plain
}

/// Compares with a file of `golden/`, or writes it when `LBUILD_GOLDEN=write` is set.
#[track_caller]
fn golden(name: &str, text: &str) {
    let file = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/it/portage/golden").join(name);
    if std::env::var_os("LBUILD_GOLDEN").is_some_and(|value| value == "write") {
        std::fs::write(&file, text).expect("a file");
    }
    let expected = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(expected == text, "{name} differs; see CONTRIBUTING.md about LBUILD_GOLDEN\n{text}");
}

/// Numbers that look random and are the same every time.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }

    fn one_of<'t>(&mut self, table: &[&'t str]) -> &'t str {
        table[self.below(table.len())]
    }
}
