//! Times of the Debian index and resolver on real lists: `cargo bench -p lbuild-repo --bench resolve -- DIR`, where
//! DIR holds `*_Packages` files as apt keeps them.

use std::io::{Error, Result};
use std::path::Path;
use std::time::{Duration, Instant};

use lbuild_repo::deb;
use lbuild_repo::deb::resolve::Debian;
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::{Request, Selection, Unsatisfiable, Wanted, resolve};
use rustix::time::{ClockId, clock_gettime};

fn main() -> Result<()> {
    let directory = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let directory = directory.ok_or_else(|| Error::other("usage: resolve DIR"))?;
    let texts = read_lists(Path::new(&directory))?;
    let sources: Vec<(IndexSource, &[u8])> =
        texts.iter().map(|(source, text)| (source.clone(), text.as_slice())).collect();
    let bytes: usize = texts.iter().map(|(_, text)| text.len()).sum();
    println!("{:.1} MB of text", megabytes(bytes));

    let index = best("parse", || deb::index::parse(&sources)).map_err(Error::other)?;
    println!("{} packages, cache {:.1} MB", index.len(), megabytes(index.write_cache().len()));
    let file = tempfile::NamedTempFile::new()?;
    std::fs::write(file.path(), index.write_cache())?;
    let index = best("load from file", || Index::open_cache(std::fs::read(file.path()).unwrap_or_default()))
        .map_err(Error::other)?;

    for line in [
        "bash",
        "build-essential",
        "libreoffice",
        "task-gnome-desktop",
        "kde-full",
        "texlive-full",
        "task-gnome-desktop kde-full texlive-full libreoffice",
        "exim4 postfix",
        "task-gnome-desktop kde-full texlive-full libreoffice exim4 postfix",
        "no-such-package",
    ] {
        let request = Request { packages: line.split(' ').map(wanted).collect(), ..Request::new("amd64") };
        let answer = best(line, || resolve(&Debian, &index, &request));
        println!("    {}", describe(&answer));
    }
    Ok(())
}

fn describe(answer: &std::result::Result<Selection, Unsatisfiable>) -> String {
    match answer {
        Ok(selection) => format!("{} packages", selection.packages.len()),
        Err(reason) => format!("{} ({} fixes)", reason.summary, reason.fixes.len()),
    }
}

fn wanted(name: &str) -> Wanted {
    Wanted { name: name.to_owned(), ..Wanted::default() }
}

/// Runs a few times and prints the best times: on the clock, and of all processors together.
fn best<T>(name: &str, mut run: impl FnMut() -> T) -> T {
    let (mut clock, mut processor) = (f64::INFINITY, f64::INFINITY);
    let mut once = || {
        let (start, spent) = (Instant::now(), processor_time());
        let result = run();
        clock = clock.min(start.elapsed().as_secs_f64());
        processor = processor.min(processor_time().saturating_sub(spent).as_secs_f64());
        result
    };
    let mut result = once();
    for _ in 0..6 {
        result = once();
    }
    println!("{name}: {:.1} ms, {:.1} ms of processor time", clock * 1000.0, processor * 1000.0);
    result
}

fn processor_time() -> Duration {
    Duration::try_from(clock_gettime(ClockId::ProcessCPUTime)).unwrap_or_default()
}

fn read_lists(directory: &Path) -> Result<Vec<(IndexSource, Vec<u8>)>> {
    let mut lists = Vec::new();
    for entry in std::fs::read_dir(directory)? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let Some((_, suite_and_component)) = name.split_once("_dists_") else { continue };
        let mut parts = suite_and_component.split('_');
        let (Some(suite), Some(component)) = (parts.next(), parts.next()) else { continue };
        if !name.ends_with("_Packages") {
            continue;
        }
        let pin = if suite.ends_with("-backports") { 100 } else { 500 };
        let source = IndexSource {
            suite: suite.to_owned(),
            component: component.to_owned(),
            arch: "amd64".to_owned(),
            base_url: String::new(),
            pin,
            ..IndexSource::default()
        };
        lists.push((source, std::fs::read(&path)?));
    }
    lists.sort_by(|(a, _), (b, _)| (&a.suite, &a.component).cmp(&(&b.suite, &b.component)));
    Ok(lists)
}

#[expect(clippy::cast_precision_loss, reason = "for people to read")]
fn megabytes(bytes: usize) -> f64 {
    bytes as f64 / 1e6
}
