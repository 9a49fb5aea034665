//! Indexes and the resolver: on Debian's lists and on the largest indexes of the real data, against apt and libsolv.
//!
//! | module | purpose |
//! |---|---|
//! | [`library`] | the times of our own library, by its benchmark |
//! | [`libsolv`] | libsolv, through its Python bindings |

mod library;
mod libsolv;

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::apt::Apt;
use super::product::Product;
use super::table::{Row, Table, median};
use super::{Options, sources, timed};
use crate::workspace::Workspace;
use library::{Debian, Family, Library, Memory};
use libsolv::Format;

/// Everything that Debian's archive has.
const COMPONENTS: [&str; 4] = ["main", "contrib", "non-free", "non-free-firmware"];

/// Bytes of text that the limit of the parser is stated for.
const TEXT: f64 = 50e6;

/// The packages that an explanation must have to go through.
const MANY: usize = 2000;

/// The parts of a lock that matter here.
#[derive(Deserialize)]
struct Lock {
    index: Vec<sources::Index>,
}

/// Every measurement.
struct Measured {
    debian: Debian,
    families: Vec<(&'static str, Family)>,
    memory: Memory,
    /// Seconds of `lbuild resolve`, and of `apt-get -s` for the same.
    processes: (Vec<f64>, Vec<f64>),
    /// Seconds of libsolv from the texts of Debian, and from the metadata of RPM.
    libsolv: [Vec<f64>; 2],
    libsolv_version: String,
}

/// Measures all of it.
pub fn measure(
    workspace: &Workspace,
    options: &Options,
    scratch: &Path,
) -> Result<Table, Box<dyn std::error::Error>> {
    let product = Product::new(workspace, &workspace.root.join(&options.spec), scratch)?;
    let library = Library::build(workspace)?;
    println!("fetching the lists");
    let plain = product.write_request("plain", &COMPONENTS, &[])?;
    product.lbuild("store", &["lock", &plain])?;
    let lock: Lock = toml::from_str(&std::fs::read_to_string(scratch.join("plain.lock"))?)?;
    let apt = Apt::prepare(&sources::lines(&lock.index)?, scratch)?;

    println!("measuring our library");
    let cache = scratch.join("debian.index");
    let debian: Debian = library.run(&[Path::new("debian"), &apt.lists(), &cache])?;
    let memory = library.run(&[Path::new("memory"), &cache])?;
    let data = workspace.root.join("../shared/data");
    let families = library::measure_families(&library, &data)?;

    println!("measuring whole processes");
    let names: Vec<&str> = debian.request.iter().map(String::as_str).collect();
    let processes = processes(&product, &apt, &names, options.runs)?;

    println!("measuring libsolv");
    let rpm = families.iter().find(|(name, _)| *name == "rpm").ok_or("RPM was not measured")?;
    let tasks = [
        (Format::Debian, lists(&apt.lists())?, &debian.request),
        (Format::Rpm, library::files("rpm", &data)?, &rpm.1.request),
    ];
    let mut libsolv = [Vec::new(), Vec::new()];
    for (times, (format, files, request)) in libsolv.iter_mut().zip(&tasks) {
        for _ in 0..options.runs {
            times.push(libsolv::answer(*format, files, request)?);
        }
    }
    let libsolv_version = libsolv::version()?;
    Ok(table(&Measured { debian, families, memory, processes, libsolv, libsolv_version }))
}

/// `lbuild resolve` with the index cached, and `apt-get -s` for the same packages.
fn processes(
    product: &Product,
    apt: &Apt,
    names: &[&str],
    runs: usize,
) -> Result<(Vec<f64>, Vec<f64>), Box<dyn std::error::Error>> {
    let spec = product.write_request("large", &COMPONENTS, names)?;
    product.lbuild("store", &["resolve", &spec])?;
    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    // ten times as many as of apt: these are short, and the machine's noise is not
    for _ in 0..runs * 10 {
        ours.push(timed(|| product.lbuild("store", &["resolve", &spec]))?);
    }
    for _ in 0..runs {
        theirs.push(timed(|| apt.simulate(names))?);
    }
    Ok((ours, theirs))
}

/// The files of the lists that apt has fetched.
fn lists(directory: &Path) -> Result<Vec<PathBuf>, std::io::Error> {
    let entries = std::fs::read_dir(directory)?.collect::<Result<Vec<_>, _>>()?;
    let is_list = |path: &PathBuf| path.to_string_lossy().ends_with("_Packages");
    let mut files: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).filter(is_list).collect();
    files.sort();
    Ok(files)
}

/// Medians, ratios and whether the limits are kept.
fn table(measured: &Measured) -> Table {
    let Measured { debian, families, memory, processes, libsolv, .. } = measured;
    let parse = median(&debian.parse);
    let (ours, apt) = (median(&processes.0), median(&processes.1));
    let mut rows = vec![
        Row::within("parse 50 MB of Debian's lists", parse * TEXT / to_float(debian.bytes), 60),
        Row::within("load Debian's index from its cache", median(&debian.load), 8),
        Row::within("solve the large request", median(&debian.solve), 40),
        Row::within("explain the large request with two mail servers", explained(debian), 150),
        Row::ratio("`lbuild resolve` of the large request", ours, ("apt-get -s", apt), 0.05),
        Row::ratio(
            "the large request, from lists to answer",
            median(&debian.answer),
            ("libsolv", median(&libsolv[0])),
            1.0,
        ),
        Row::memory("memory of Debian's index", memory.grown(), 120),
    ];
    for (name, family) in families {
        rows.push(Row::told(&format!("parse {} packages of {name}", family.packages), median(&family.parse)));
        rows.push(Row::within(&format!("load the index of {name} from its cache"), median(&family.load), 8));
        rows.push(Row::told(&format!("choose {} packages of {name}", family.chosen), median(&family.solve)));
    }
    if let Some((_, rpm)) = families.iter().find(|(name, _)| *name == "rpm") {
        let theirs = ("libsolv", median(&libsolv[1]));
        rows.push(Row::ratio("rpm, from metadata to answer", median(&rpm.answer), theirs, 1.0));
    }
    Table { mark: "bench resolve", rows, note: note(measured) }
}

/// The time of the explanation; it counts for nothing where there is none, or no fix, or too little to go through.
fn explained(debian: &Debian) -> f64 {
    let whole = debian.chosen >= MANY && debian.fixes > 0 && !debian.summary.is_empty();
    if whole { median(&debian.explain) } else { f64::NAN }
}

fn note(measured: &Measured) -> String {
    let Measured { debian, memory, libsolv_version, .. } = measured;
    format!(
        "Debian: {} packages in {:.1} MB of lists. The large request is `{}`: {} packages; its explanation has {} \
         fixes, each solved again. Memory is what the resident set of a process grows by when it loads the index \
         from its cache and reads the name and version of every package: from {:.1} MB to {:.1} MB. libsolv is \
         {libsolv_version}.",
        debian.packages,
        to_float(debian.bytes) / 1e6,
        debian.request.join(" "),
        debian.chosen,
        debian.fixes,
        to_float(memory.before) / 1e6,
        to_float(memory.peak) / 1e6,
    )
}

#[expect(clippy::cast_precision_loss, reason = "sizes are far below 2^52")]
fn to_float(bytes: u64) -> f64 {
    bytes as f64
}

#[cfg(test)]
mod tests {
    use super::{Debian, Family, Measured, Memory, table};

    fn measured(parse: f64, chosen: usize) -> Measured {
        let rpm = Family {
            packages: 10,
            parse: vec![0.1],
            load: vec![0.001],
            request: vec!["a".to_owned()],
            solve: vec![0.01],
            chosen: 5,
            answer: vec![0.2],
        };
        Measured {
            debian: Debian {
                bytes: 100_000_000,
                packages: 70_000,
                parse: vec![parse],
                load: vec![0.004],
                request: vec!["a".to_owned(), "b".to_owned()],
                solve: vec![0.03],
                chosen,
                explain: vec![0.1],
                summary: "a clashes with b".to_owned(),
                fixes: 2,
                answer: vec![0.2],
            },
            families: vec![("rpm", rpm)],
            memory: Memory { before: 2_000_000, peak: 40_000_000 },
            processes: (vec![0.1], vec![2.5]),
            libsolv: [vec![0.4], vec![0.4]],
            libsolv_version: "0.7".to_owned(),
        }
    }

    #[test]
    fn parsing_is_measured_for_fifty_megabytes() {
        let table = table(&measured(0.118, 2300));
        assert!(table.kept());
        assert!(table.markdown().contains("| parse 50 MB of Debian's lists | 59 ms |  |  | 60 ms | kept |"));
        assert!(!super::table(&measured(0.122, 2300)).kept());
    }

    #[test]
    fn an_explanation_of_little_does_not_count() {
        assert!(!table(&measured(0.1, 1999)).kept());
    }

    #[test]
    fn who_is_slower_than_libsolv_misses_the_limit() {
        let mut slow = measured(0.1, 2300);
        slow.libsolv[1] = vec![0.1];
        assert!(!table(&slow).kept());
        let without = Measured { libsolv: [Vec::new(), vec![0.4]], ..measured(0.1, 2300) };
        assert!(!table(&without).kept());
    }
}
