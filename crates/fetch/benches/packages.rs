//! Fetching 200 packages from the machine's own mirror, against `curl --parallel` with `sha256sum --check`.
//!
//! `cargo bench -p lbuild-fetch`. Prints the median of three runs each, taken in turns, and the ratio.

use std::{
    fmt::Write as _,
    fs,
    io::Write as _,
    path::Path,
    process::{Command, Stdio},
    time::Instant,
};

use lbuild_fetch::{Cancel, Download, FetchOptions, Fetcher, hostconfig};
use lbuild_store::Store;

const PACKAGES: usize = 200;
const RUNS: usize = 3;

fn main() {
    let mirrors = hostconfig::debian_mirrors(Path::new("/")).expect("the package configuration can be read");
    let mirror = mirrors.debian.first().expect("the machine's package configuration names a Debian mirror");
    let dir = tempfile::tempdir().expect("a temporary directory");
    let downloads = choose(mirror, dir.path());
    let bytes: u64 = downloads.iter().filter_map(|download| download.size).sum();
    println!("{} packages, {:.1} MB", downloads.len(), megabytes(bytes));
    for parallel in [4, 8, 16] {
        let (mut ours, mut peer) = (Vec::new(), Vec::new());
        for _ in 0..RUNS {
            ours.push(fetch(&downloads, parallel, dir.path()));
            peer.push(curl(&downloads, parallel, dir.path()));
        }
        let (ours, peer) = (median(ours), median(peer));
        println!(
            "{parallel:>2} at once: ours {ours:.2} s, curl and sha256sum {peer:.2} s, ratio {:.2}",
            ours / peer
        );
    }
}

/// Every so many-th package of the index, none of them huge.
fn choose(mirror: &str, dir: &Path) -> Vec<Download> {
    let store = Store::open(dir.join("index")).expect("a store");
    let fetcher = Fetcher::new(store, FetchOptions::default()).expect("a fetcher");
    let url = format!("{mirror}/dists/trixie/main/binary-amd64/Packages.xz");
    let packed = fetcher.get_small(&[url], 64 << 20, &Cancel::new()).expect("the index").bytes;
    let mut unpack = Command::new("xz")
        .arg("-dc")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the program xz");
    let mut input = unpack.stdin.take().expect("a pipe");
    let writer = std::thread::spawn(move || input.write_all(&packed));
    let output = unpack.wait_with_output().expect("xz");
    writer.join().expect("a thread").expect("xz reads everything");
    let text = String::from_utf8(output.stdout).expect("the index is UTF-8");
    let all: Vec<_> = text.split("\n\n").filter_map(|stanza| read(stanza, mirror)).collect();
    all.iter().step_by(all.len() / PACKAGES).take(PACKAGES).cloned().collect()
}

fn read(stanza: &str, mirror: &str) -> Option<Download> {
    let field = |name: &str| stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let size: u64 = field("Size")?.parse().ok()?;
    (size < 3_000_000).then_some(())?;
    let urls = vec![format!("{mirror}/{}", field("Filename")?)];
    Some(Download {
        name: field("Package")?.to_owned(),
        urls,
        size: Some(size),
        digest: field("SHA256")?.parse().ok()?,
    })
}

fn fetch(downloads: &[Download], parallel: usize, dir: &Path) -> f64 {
    let path = dir.join("store");
    let started = Instant::now();
    let store = Store::open(&path).expect("a store");
    let fetcher =
        Fetcher::new(store, FetchOptions { parallel, ..FetchOptions::default() }).expect("a fetcher");
    fetcher.fetch_all(downloads, &(), &Cancel::new()).expect("all packages");
    let seconds = started.elapsed().as_secs_f64();
    fs::remove_dir_all(path).expect("removal");
    seconds
}

fn curl(downloads: &[Download], parallel: usize, dir: &Path) -> f64 {
    let target = dir.join("curl");
    fs::create_dir(&target).expect("a directory");
    let (mut config, mut sums) = (String::new(), String::new());
    for (number, download) in downloads.iter().enumerate() {
        writeln!(config, "url = \"{}\"\noutput = \"{number}.deb\"", download.urls[0]).expect("memory");
        writeln!(sums, "{}  {number}.deb", download.digest).expect("memory");
    }
    fs::write(target.join("config"), config).expect("a file");
    fs::write(target.join("sums"), sums).expect("a file");
    let started = Instant::now();
    let at_once = parallel.to_string();
    let arguments = [
        "--silent",
        "--no-progress-meter",
        "--fail",
        "--parallel",
        "--parallel-max",
        &at_once,
        "--config",
        "config",
    ];
    let fetched =
        Command::new("curl").args(arguments).current_dir(&target).status().expect("the program curl");
    let checked =
        Command::new("sha256sum").args(["--check", "--quiet", "sums"]).current_dir(&target).status();
    let seconds = started.elapsed().as_secs_f64();
    assert!(fetched.success() && checked.is_ok_and(|status| status.success()));
    fs::remove_dir_all(target).expect("removal");
    seconds
}

fn median(mut seconds: Vec<f64>) -> f64 {
    seconds.sort_by(f64::total_cmp);
    seconds[seconds.len() / 2]
}

#[expect(clippy::cast_precision_loss, reason = "for display")]
fn megabytes(bytes: u64) -> f64 {
    bytes as f64 / 1e6
}
