//! Unpacks a directory of `.deb` files beside `dpkg-deb --extract`, which does the same one package after the other and
//! keeps no database: `cargo bench -p lbuild-repo --bench unpack -- DIRECTORY [THREADS]`.
//!
//! Prints the seconds of both, by the clock and on the processors, and their ratio. Nothing is measured without a
//! directory.

use std::fs::File;
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use lbuild_repo::deb::unpack::{Options, Package, unpack};

type Error = Box<dyn std::error::Error>;

fn main() -> Result<(), Error> {
    let arguments: Vec<String> = std::env::args().skip(1).filter(|argument| argument != "--bench").collect();
    let Some(directory) = arguments.first() else {
        println!("give a directory of .deb files to measure");
        return Ok(());
    };
    let threads = arguments.get(1).map_or(Ok(2), |text| text.parse())?;
    let mut debs: Vec<PathBuf> = std::fs::read_dir(directory)?
        .map(|entry| entry.map(|entry| entry.path()))
        .collect::<Result<_, _>>()?;
    debs.retain(|path| path.extension().is_some_and(|extension| extension == "deb"));
    debs.sort();

    let peer = measure(|root| extract(root, &debs))?;
    let ours = measure(|root| unpack_all(root, &debs, threads))?;
    println!("packages {}, threads {threads}", debs.len());
    println!("dpkg-deb --extract  {:6.2} s  processors {:6.2} s", peer.clock, peer.processors);
    println!("unpack              {:6.2} s  processors {:6.2} s", ours.clock, ours.processors);
    println!(
        "ratio               {:6.2}    processors {:6.2}",
        ours.clock / peer.clock,
        ours.processors / peer.processors
    );
    Ok(())
}

fn extract(root: &Path, debs: &[PathBuf]) -> Result<(), Error> {
    for deb in debs {
        let status = Command::new("dpkg-deb").arg("--extract").arg(deb).arg(root).status()?;
        if !status.success() {
            return Err(format!("dpkg-deb failed on {}", deb.display()).into());
        }
    }
    Ok(())
}

fn unpack_all(root: &Path, debs: &[PathBuf], threads: usize) -> Result<(), Error> {
    let open = File::open(root)?;
    let mut packages = Vec::new();
    for (path, order) in debs.iter().zip(0..) {
        packages.push(Package { file: File::open(path)?, order, sha256: None });
    }
    let options = Options {
        threads,
        aliases: ["bin", "lib", "lib64", "sbin"].map(str::to_owned).to_vec(),
        ..Options::default()
    };
    let unpacked = unpack(open.as_fd(), packages.into_iter(), &options, None, &|_| {})?;
    println!("{} entries, {} bytes", unpacked.files, unpacked.bytes);
    Ok(())
}

/// Seconds of one run.
struct Seconds {
    clock: f64,
    processors: f64,
}

fn measure(run: impl Fn(&Path) -> Result<(), Error>) -> Result<Seconds, Error> {
    let root = tempfile::tempdir()?;
    let before = processors()?;
    let start = Instant::now();
    run(root.path())?;
    Ok(Seconds { clock: start.elapsed().as_secs_f64(), processors: processors()? - before })
}

/// Processor seconds of this process and its children so far, from `/proc/self/stat`.
fn processors() -> Result<f64, Error> {
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let fields = stat.rsplit_once(')').ok_or("bad /proc/self/stat")?.1;
    let ticks: Vec<u32> =
        fields.split_whitespace().skip(11).take(4).map(str::parse).collect::<Result<_, _>>()?;
    // USER_HZ, which is 100 in every Linux ABI that Debian has.
    Ok(ticks.into_iter().map(f64::from).sum::<f64>() / 100.0)
}
