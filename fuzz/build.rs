//! Lists `fuzz_targets/*.rs`, so that a new target is one new file and nothing else.

use std::fmt::Write as _;
use std::path::{Path, PathBuf};

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("cargo::rerun-if-changed=fuzz_targets");
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz_targets");
    let mut files: Vec<PathBuf> = std::fs::read_dir(&directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    files.retain(|path| path.extension().is_some_and(|extension| extension == "rs"));
    files.sort();

    let mut code = String::new();
    let mut table =
        String::from("/// Every target by the name of its file.\npub const TARGETS: &[Target] = &[\n");
    for path in &files {
        let name = path.file_stem().and_then(|stem| stem.to_str()).ok_or("target name is not UTF-8")?;
        let path = path.to_str().ok_or("path of a target is not UTF-8")?;
        writeln!(code, "#[path = {path:?}]\nmod {name};")?;
        writeln!(table, "    Target {{ name: {name:?}, run: {name}::run }},")?;
    }
    table.push_str("];\n");
    code.push_str(&table);
    let out = std::env::var("OUT_DIR")?;
    std::fs::write(Path::new(&out).join("targets.rs"), code)?;
    Ok(())
}
