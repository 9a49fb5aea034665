//! Storing files, against `cp` and `sha256sum`; and what different ways to survive a power cut cost.
//!
//! `cargo bench -p lbuild-store [-- DIR]`. `DIR` must be on the file system to be measured; without it, the target
//! directory's is. Prints medians of five runs, taken in turns.

use std::{
    fs::{self, File},
    io::Write,
    path::{Path, PathBuf},
    process::Command,
    time::Instant,
};

use lbuild_store::{Digest, Store};

const RUNS: usize = 5;

fn main() {
    let base = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let base = base.map_or_else(|| PathBuf::from(env!("CARGO_TARGET_TMPDIR")), PathBuf::from);
    let dir = tempfile::tempdir_in(base).expect("a temporary directory");
    for (count, size) in [(200, 600 << 10), (1, 400 << 20)] {
        compare(dir.path(), count, size);
    }
}

/// Stores `count` files of `size` bytes in every way.
fn compare(dir: &Path, count: usize, size: usize) {
    let sources = dir.join("sources");
    fs::create_dir(&sources).expect("a directory");
    let files: Vec<PathBuf> = (0..count).map(|number| sources.join(number.to_string())).collect();
    for (number, path) in files.iter().enumerate() {
        fs::write(path, noise(number, size)).expect("a file");
    }
    sync(dir);
    println!("{count} files of {} KiB", size >> 10);
    let mut results: Vec<(&str, Vec<f64>)> = WAYS.iter().map(|(name, _)| (*name, Vec::new())).collect();
    for _ in 0..RUNS {
        for ((_, way), (_, seconds)) in WAYS.iter().zip(&mut results) {
            let target = dir.join("target");
            fs::create_dir(&target).expect("a directory");
            let started = Instant::now();
            way(&files, &target);
            seconds.push(started.elapsed().as_secs_f64());
            fs::remove_dir_all(&target).expect("removal");
            sync(dir);
        }
    }
    let first = median(&results[0].1);
    for (name, seconds) in &results {
        let seconds = median(seconds);
        println!("  {name:<42} {:>8.1} ms  ratio {:.2}", seconds * 1000.0, seconds / first);
    }
    fs::remove_dir_all(&sources).expect("removal");
}

type Way = fn(&[PathBuf], &Path);

const WAYS: [(&str, Way); 5] = [
    ("cp, then sha256sum", copy_and_sum),
    ("the store", |files, target| drop(put_all(files, target))),
    ("the store, then one syncfs", |files, target| put_all(files, target).sync().expect("a sync")),
    ("write, hash, fsync each, rename", |files, target| flush_each(files, target, true)),
    ("write, hash, rename", |files, target| flush_each(files, target, false)),
];

fn copy_and_sum(files: &[PathBuf], target: &Path) {
    let copied = Command::new("cp").arg("--reflink=never").args(files).arg(target).status();
    let summed = Command::new("sha256sum").args(files).stdout(std::process::Stdio::null()).status();
    assert!(copied.is_ok_and(|status| status.success()) && summed.is_ok_and(|status| status.success()));
}

fn put_all(files: &[PathBuf], target: &Path) -> Store {
    let store = Store::open(target.join("store")).expect("a store");
    for path in files {
        store.blobs().put(&mut File::open(path).expect("a file"), None).expect("a blob");
    }
    store
}

/// What a simple content-addressed store does.
fn flush_each(files: &[PathBuf], target: &Path, flush: bool) {
    for path in files {
        let content = fs::read(path).expect("a file");
        let name = target.join(Digest::of(&content).to_string());
        let temporary = target.join("new");
        let mut file = File::create(&temporary).expect("a file");
        file.write_all(&content).expect("space");
        if flush {
            file.sync_all().expect("a flush");
        }
        fs::rename(temporary, name).expect("a rename");
        if flush {
            File::open(target).and_then(|dir| dir.sync_all()).expect("a flush");
        }
    }
}

fn sync(dir: &Path) {
    rustix::fs::syncfs(File::open(dir).expect("a directory")).expect("a sync");
}

fn noise(seed: usize, size: usize) -> Vec<u8> {
    let mut state = 0x9E37_79B9_7F4A_7C15_u64 ^ seed as u64;
    let words = std::iter::repeat_with(|| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state.to_le_bytes()
    });
    words.flatten().take(size).collect()
}

fn median(seconds: &[f64]) -> f64 {
    let mut sorted = seconds.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}
