//! Ratios, limits and the markdown.

use std::path::Path;

use super::reference::ReferenceTimes;

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

/// One row: what was measured, and against which limit.
struct Row {
    name: &'static str,
    value: String,
    against: String,
    ratio: String,
    limit: &'static str,
    kept: bool,
}

/// The result.
pub struct Table {
    rows: Vec<Row>,
    reference: ReferenceTimes,
    all_outputs: f64,
}

/// The middle value, or the mean of the two in the middle.
fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

fn ratio_row(name: &'static str, value: f64, against: (&str, f64), limit: &'static str, most: f64) -> Row {
    let ratio = value / against.1;
    Row {
        name,
        value: format!("{value:.2} s"),
        against: format!("{} {:.2} s", against.0, against.1),
        ratio: format!("{ratio:.3}"),
        limit,
        kept: ratio <= most,
    }
}

fn absolute_row(name: &'static str, value: String, limit: &'static str, kept: bool) -> Row {
    Row { name, value, against: String::new(), ratio: String::new(), limit, kept }
}

impl Table {
    /// Medians, ratios and whether the limits are kept.
    pub fn new(measured: &Measured) -> Self {
        let part = |part: fn(&ReferenceTimes) -> f64| {
            median(&measured.reference.iter().map(part).collect::<Vec<_>>())
        };
        let reference = ReferenceTimes {
            tree: part(|times| times.tree),
            squashfs: part(|times| times.squashfs),
            iso: part(|times| times.iso),
        };
        let total = part(ReferenceTimes::total);
        let cold = median(&measured.cold);
        let identical = median(&measured.identical);
        let (resolve, apt) = (median(&measured.resolve), median(&measured.apt));
        let memory = measured.memory.iter().max().copied().unwrap_or(u64::MAX);
        let rows = vec![
            ratio_row("cold: empty store", cold, ("reference", total), "0.45", 0.45),
            ratio_row(
                "warm store, nothing built",
                median(&measured.warm),
                ("reference", total),
                "0.40",
                0.40,
            ),
            ratio_row("one more small package", median(&measured.package), ("cold", cold), "0.20", 0.20),
            ratio_row("one changed overlay file", median(&measured.file), ("cold", cold), "0.15", 0.15),
            absolute_row("identical spec", format!("{:.0} ms", identical * 1e3), "100 ms", identical <= 0.1),
            absolute_row(
                "resolve a desktop, index cached",
                format!("{:.0} ms", resolve * 1e3),
                "150 ms",
                resolve <= 0.15,
            ),
            ratio_row("the same by apt-get -s", resolve, ("apt-get", apt), "0.10", 0.10),
            absolute_row(
                "peak memory of our processes",
                format!("{} MB", memory / 1_000_000),
                "600 MB",
                memory <= 600_000_000,
            ),
        ];
        Self { rows, reference, all_outputs: median(&measured.all_outputs) }
    }

    /// Whether every limit is kept.
    pub fn kept(&self) -> bool {
        self.rows.iter().all(|row| row.kept)
    }

    /// The table.
    pub fn markdown(&self) -> String {
        let mut lines =
            vec!["| case | time | against | ratio | limit | |\n|---|---:|---:|---:|---:|---|\n".to_owned()];
        for row in &self.rows {
            let verdict = if row.kept { "kept" } else { "**missed**" };
            let Row { name, value, against, ratio, limit, .. } = row;
            lines.push(format!("| {name} | {value} | {against} | {ratio} | {limit} | {verdict} |\n"));
        }
        let ReferenceTimes { tree, squashfs, iso } = self.reference;
        lines.push(format!(
            "\nThe reference: mmdebstrap {tree:.1} s, mksquashfs {squashfs:.1} s, grub-mkrescue {iso:.1} s. \
             ISO, OCI image and root filesystem together, from a warm store: {:.1} s.\n",
            self.all_outputs
        ));
        lines.concat()
    }
}

const START: &str = "<!-- bench: start -->\n";
const END: &str = "<!-- bench: end -->";

/// Puts the table between the marks in a document.
pub fn write(path: &Path, table: &str) -> Result<(), Box<dyn std::error::Error>> {
    let text = std::fs::read_to_string(path)?;
    std::fs::write(path, insert(&text, table).ok_or("the document has no marks for the table")?)?;
    Ok(())
}

fn insert(text: &str, table: &str) -> Option<String> {
    let (before, rest) = text.split_once(START)?;
    let (_, after) = rest.split_once(END)?;
    Some(format!("{before}{START}{table}{END}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{Measured, ReferenceTimes, Table, insert, median};

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
    fn a_limit_that_is_missed_fails_the_table() {
        assert!(Table::new(&measured(12.0)).kept());
        let missed = Table::new(&measured(30.0));
        assert!(!missed.kept());
        assert!(
            missed
                .markdown()
                .contains("| cold: empty store | 30.00 s | reference 40.00 s | 0.750 | 0.45 | **missed** |")
        );
    }

    #[test]
    fn nothing_measured_keeps_no_limit() {
        assert!(!Table::new(&Measured::default()).kept());
    }

    #[test]
    fn medians() {
        assert!((median(&[3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(&[4.0, 1.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(&[]).is_nan());
    }

    #[test]
    fn only_the_marked_part_is_replaced() {
        let text = "a\n<!-- bench: start -->\nold\n<!-- bench: end -->\nb";
        assert_eq!(
            insert(text, "new\n").as_deref(),
            Some("a\n<!-- bench: start -->\nnew\n<!-- bench: end -->\nb")
        );
        assert_eq!(insert("a", "new"), None);
    }
}
