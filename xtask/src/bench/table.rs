//! Ratios, limits and the markdown.

use std::path::Path;

/// One row: what was measured, and against which limit.
pub struct Row {
    name: String,
    value: String,
    against: String,
    ratio: String,
    limit: String,
    kept: Option<bool>,
}

impl Row {
    /// A time and what it is measured against, each with what it is of; the ratio is to be at most `most`.
    pub fn ratio(name: &str, value: f64, against: (&str, f64), most: f64) -> Self {
        let ratio = value / against.1;
        Self {
            name: name.to_owned(),
            value: seconds(value),
            against: format!("{} {}", against.0, seconds(against.1)),
            ratio: format!("{ratio:.3}"),
            limit: format!("{most:.2}"),
            kept: Some(ratio <= most),
        }
    }

    /// A time that is to be at most `most` milliseconds.
    pub fn within(name: &str, value: f64, most: u32) -> Self {
        let kept = Some(value * 1e3 <= f64::from(most));
        Self { limit: format!("{most} ms"), kept, ..Self::told(name, value) }
    }

    /// Memory that is to be at most `most` MB.
    pub fn memory(name: &str, bytes: u64, most: u64) -> Self {
        Self {
            value: format!("{} MB", bytes / 1_000_000),
            limit: format!("{most} MB"),
            kept: Some(bytes <= most * 1_000_000),
            ..Self::told(name, 0.0)
        }
    }

    /// A rate per second that is to be at least `least`.
    pub fn rate(name: &str, value: f64, least: f64) -> Self {
        Self {
            value: format!("{value:.0}/s"),
            limit: format!("{least:.0}/s"),
            kept: Some(value >= least),
            ..Self::told(name, 0.0)
        }
    }

    /// A count that is to be at most `most`.
    pub fn count(name: &str, value: f64, most: f64) -> Self {
        Self {
            value: format!("{value}"),
            limit: format!("{most}"),
            kept: Some(value <= most),
            ..Self::told(name, 0.0)
        }
    }

    /// A time that has no limit.
    pub fn told(name: &str, value: f64) -> Self {
        Self {
            name: name.to_owned(),
            value: seconds(value),
            against: String::new(),
            ratio: String::new(),
            limit: String::new(),
            kept: None,
        }
    }
}

/// A time for people to read.
fn seconds(value: f64) -> String {
    if value < 0.01 {
        format!("{:.1} ms", value * 1e3)
    } else if value < 1.0 {
        format!("{:.0} ms", value * 1e3)
    } else {
        format!("{value:.2} s")
    }
}

/// What one part of the benchmark came to.
pub struct Table {
    /// What the document calls the place of the table.
    pub mark: &'static str,
    pub rows: Vec<Row>,
    /// A paragraph below the table.
    pub note: String,
}

/// The middle value, or the mean of the two in the middle.
pub fn median(values: &[f64]) -> f64 {
    let mut values = values.to_vec();
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    match values.len() {
        0 => f64::NAN,
        length if length % 2 == 1 => values[middle],
        _ => f64::midpoint(values[middle - 1], values[middle]),
    }
}

impl Table {
    /// Whether every limit is kept.
    pub fn kept(&self) -> bool {
        self.rows.iter().all(|row| row.kept != Some(false))
    }

    /// The table.
    pub fn markdown(&self) -> String {
        let mut lines =
            vec!["| case | time | against | ratio | limit | |\n|---|---:|---:|---:|---:|---|\n".to_owned()];
        for row in &self.rows {
            let verdict = match row.kept {
                Some(true) => "kept",
                Some(false) => "**missed**",
                None => "",
            };
            let Row { name, value, against, ratio, limit, .. } = row;
            lines.push(format!("| {name} | {value} | {against} | {ratio} | {limit} | {verdict} |\n"));
        }
        lines.push(format!("\n{}\n", self.note));
        lines.concat()
    }

    /// Puts the table between its marks in a document.
    pub fn write(&self, path: &Path) -> Result<(), Box<dyn std::error::Error>> {
        let text = std::fs::read_to_string(path)?;
        let new = insert(&text, self.mark, &self.markdown());
        let new = new.ok_or_else(|| format!("{} has no place for `{}`", path.display(), self.mark))?;
        std::fs::write(path, new)?;
        Ok(())
    }
}

fn insert(text: &str, mark: &str, table: &str) -> Option<String> {
    let (start, end) = (format!("<!-- {mark}: start -->\n"), format!("<!-- {mark}: end -->"));
    let (before, rest) = text.split_once(&start)?;
    let (_, after) = rest.split_once(&end)?;
    Some(format!("{before}{start}{table}{end}{after}"))
}

#[cfg(test)]
mod tests {
    use super::{Row, Table, insert, median};

    fn table(rows: Vec<Row>) -> Table {
        Table { mark: "bench", rows, note: String::new() }
    }

    #[test]
    fn a_limit_that_is_missed_fails_the_table() {
        let against = ("reference", 40.0);
        assert!(table(vec![Row::ratio("cold", 12.0, against, 0.45), Row::told("b", 9.0)]).kept());
        let missed = table(vec![Row::ratio("cold", 30.0, against, 0.45)]);
        assert!(!missed.kept());
        let line = "| cold | 30.00 s | reference 40.00 s | 0.750 | 0.45 | **missed** |";
        assert!(missed.markdown().contains(line));
    }

    #[test]
    fn nothing_measured_keeps_no_limit() {
        let nothing = median(&[]);
        assert!(!table(vec![Row::within("a", nothing, 100)]).kept());
        assert!(!table(vec![Row::ratio("a", nothing, ("b", nothing), 1.0)]).kept());
    }

    #[test]
    fn limits_of_time_and_memory() {
        let at_limit = table(vec![Row::within("a", 0.008, 8), Row::memory("m", 120_000_000, 120)]);
        assert!(at_limit.kept());
        assert!(at_limit.markdown().contains("| a | 8.0 ms |  |  | 8 ms | kept |"));
        assert!(!table(vec![Row::memory("m", 120_000_001, 120)]).kept());
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
        let expected = "a\n<!-- bench: start -->\nnew\n<!-- bench: end -->\nb";
        assert_eq!(insert(text, "bench", "new\n").as_deref(), Some(expected));
        assert_eq!(insert(text, "bench resolve", "new\n"), None);
    }
}
