//! What tests of version orders share.

use std::cmp::Ordering;

/// Checks a table of `a b order` lines, of which there are at least `least`; `#` begins a remark.
pub fn check_table(table: &str, least: usize, compare: impl Fn(&str, &str) -> Ordering) {
    let rows: Vec<Vec<&str>> = table
        .lines()
        .filter(|line| !line.is_empty() && !line.starts_with('#'))
        .map(|line| line.split_whitespace().collect())
        .collect();
    assert!(rows.len() >= least);
    for row in rows {
        let [a, b, order] = row[..] else { panic!("{row:?} is not `a b order`") };
        let order = order.parse::<i32>().expect("-1, 0 or 1").cmp(&0);
        assert_eq!(compare(a, b), order, "{a} {b}");
        assert_eq!(compare(b, a), order.reverse(), "{b} {a}");
    }
}

/// Numbers that are the same every time.
pub struct Numbers(u64);

impl Numbers {
    /// The numbers that belong to `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// The next number below `end`.
    pub fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(self.0 >> 33).expect("31 bits") % end
    }
}
