//! What a build costs, against mmdebstrap, mksquashfs and grub-mkrescue with exactly the packages of our lock.

use std::path::Path;

use super::apt::Apt;
use super::product::Product;
use super::reference::{Reference, ReferenceTimes};
use super::table::{Row, Table, median};
use super::{Options, settle, timed};
use crate::workspace::Workspace;

/// What resolving is measured with.
const DESKTOP: &str = "task-gnome-desktop";

/// Every measurement, in seconds and bytes.
#[derive(Default)]
pub struct Measured {
    /// The reference pipeline.
    pub reference: Vec<ReferenceTimes>,
    /// Empty store.
    pub cold: Vec<f64>,
    /// Packages in the store, nothing built.
    pub warm: Vec<f64>,
    /// One more small package.
    pub package: Vec<f64>,
    /// One changed overlay file.
    pub file: Vec<f64>,
    /// Nothing changed.
    pub identical: Vec<f64>,
    /// Packages and trees in the store, every output of the spec.
    pub all_outputs: Vec<f64>,
    /// Resolving a desktop, index cached.
    pub resolve: Vec<f64>,
    /// The same by apt.
    pub apt: Vec<f64>,
    /// Peak of our own processes in a cold build.
    pub memory: Vec<u64>,
}

/// Measures both sides in turn.
pub fn measure(
    workspace: &Workspace,
    options: &Options,
    scratch: &Path,
) -> Result<Table, Box<dyn std::error::Error>> {
    let product = Product::new(workspace, &workspace.root.join(&options.spec), scratch)?;
    let mut measured = Measured::default();
    println!("fetching everything once, so that both sides find the same warm path to the mirror");
    let lock = product.prepare()?;
    let reference = Reference::new(&lock, scratch)?;
    reference.build("reference-first")?;
    let mut store = String::new();
    for run in 1..=options.runs {
        println!("run {run} of {}", options.runs);
        settle(scratch)?;
        let times = reference.build(&format!("reference-{run}"))?;
        store = format!("store-{run}");
        let cold = product.measure(&store, &mut measured)?;
        println!("  reference {:.1} s, cold {cold:.1} s", times.total());
        measured.reference.push(times);
    }
    let apt = Apt::prepare(reference.sources(), scratch)?;
    desktop(&product, &store, &apt, options.runs, &mut measured)?;
    Ok(table(&measured))
}

/// `lbuild resolve` of a desktop with the index cached, whole process, against `apt-get -s` with the same suites.
fn desktop(
    product: &Product,
    store: &str,
    apt: &Apt,
    runs: usize,
    measured: &mut Measured,
) -> Result<(), Box<dyn std::error::Error>> {
    let spec = product.write_request("desktop", &["main"], &[DESKTOP])?;
    product.lbuild(store, &["resolve", &spec])?;
    // ten times as many as of the builds: these are short, and the machine's noise is not
    for _ in 0..runs * 10 {
        measured.resolve.push(timed(|| product.lbuild(store, &["resolve", &spec]))?);
    }
    for _ in 0..runs {
        measured.apt.push(timed(|| apt.simulate(&[DESKTOP]))?);
    }
    Ok(())
}

/// Medians, ratios and whether the limits are kept.
fn table(measured: &Measured) -> Table {
    let part =
        |part: fn(&ReferenceTimes) -> f64| median(&measured.reference.iter().map(part).collect::<Vec<_>>());
    let reference = ("reference", part(ReferenceTimes::total));
    let cold = ("cold", median(&measured.cold));
    let resolve = median(&measured.resolve);
    let memory = measured.memory.iter().max().copied().unwrap_or(u64::MAX);
    let rows = vec![
        Row::ratio("cold: empty store", cold.1, reference, 0.45),
        Row::ratio("warm store, nothing built", median(&measured.warm), reference, 0.40),
        Row::ratio("one more small package", median(&measured.package), cold, 0.20),
        Row::ratio("one changed overlay file", median(&measured.file), cold, 0.15),
        Row::within("identical spec", median(&measured.identical), 100),
        Row::within("resolve a desktop, index cached", resolve, 150),
        Row::ratio("the same by apt-get -s", resolve, ("apt-get", median(&measured.apt)), 0.10),
        Row::memory("peak memory of our processes", memory, 600),
    ];
    let note = format!(
        "The reference: mmdebstrap {:.1} s, mksquashfs {:.1} s, grub-mkrescue {:.1} s. \
         ISO, OCI image and root filesystem together, from a warm store: {:.1} s.",
        part(|times| times.tree),
        part(|times| times.squashfs),
        part(|times| times.iso),
        median(&measured.all_outputs)
    );
    Table { mark: "bench", rows, note }
}

#[cfg(test)]
mod tests {
    use super::{Measured, ReferenceTimes, table};

    fn measured(cold: f64) -> Measured {
        Measured {
            reference: vec![ReferenceTimes { tree: 38.0, squashfs: 1.0, iso: 1.0 }],
            cold: vec![cold],
            warm: vec![10.0],
            package: vec![2.0],
            file: vec![1.0],
            identical: vec![0.05],
            all_outputs: vec![12.0],
            resolve: vec![0.1],
            apt: vec![2.0],
            memory: vec![300_000_000],
        }
    }

    #[test]
    fn builds_are_measured_against_the_reference_and_against_the_cold_one() {
        assert!(table(&measured(12.0)).kept());
        let missed = table(&measured(30.0));
        assert!(!missed.kept());
        let line = "| cold: empty store | 30.00 s | reference 40.00 s | 0.750 | 0.45 | **missed** |";
        assert!(missed.markdown().contains(line));
        assert!(!table(&Measured::default()).kept());
    }
}
