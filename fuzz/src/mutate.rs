//! The next input: a corpus entry with a few random edits. Pure: one seed, one sequence.

/// Inputs longer than this are cut; readers are linear, and small inputs give more of them per second.
const LONGEST: usize = 256 << 10;

/// Numbers at the edges of integer types, in the widths that binary formats use.
const EDGES: &[u64] =
    &[0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0xffff, 0x7fff_ffff, 0xffff_ffff, u64::MAX >> 1, u64::MAX];

/// Text that means something to a reader of tar, ar, deb822, TOML, YAML or JSON.
const WORDS: &[&[u8]] = &[
    b"../",
    b"/",
    b"\0",
    b"\n",
    b"\n\n",
    b"\r\n",
    b" ",
    b":",
    b"|",
    b",",
    b"(",
    b")",
    b">=",
    b"[",
    b"]",
    b"{",
    b"}",
    b"\"",
    b"'",
    b"#",
    b"&a",
    b"*a",
    b"!!",
    b"\xff\xfe",
    b"\xef\xbb\xbf",
    b"7777777777",
    b"-1",
    b"99999999999999999999",
    b"\x80",
];

/// A small, seeded source of numbers (splitmix64).
pub struct Random(u64);

impl Random {
    /// A source that always starts at `seed`.
    pub fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^ (z >> 31)
    }

    /// A number below `bound`, or 0 when `bound` is 0.
    fn below(&mut self, bound: usize) -> usize {
        let bound = bound.max(1) as u64;
        usize::try_from(self.next() % bound).unwrap_or_default()
    }

    fn pick<'a, T: ?Sized>(&mut self, from: &[&'a T]) -> Option<&'a T> {
        from.get(self.below(from.len())).copied()
    }
}

/// The next input made from `corpus`; from nothing when the corpus is empty.
pub fn next_input(random: &mut Random, corpus: &[Vec<u8>]) -> Vec<u8> {
    let mut data = corpus.get(random.below(corpus.len())).cloned().unwrap_or_default();
    // mostly one to four edits: more of them rarely leave anything that a reader gets far with
    let edits = 1 + random.below(4) * random.below(3);
    for _ in 0..edits.max(1) {
        edit(random, &mut data, corpus);
    }
    data.truncate(LONGEST);
    data
}

fn edit(random: &mut Random, data: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    match random.below(10) {
        0 => flip_bit(random, data),
        1 => set_byte(random, data),
        2 => delete_range(random, data),
        3 => duplicate_range(random, data),
        4 => insert_word(random, data),
        5 => splice(random, data, corpus),
        6 => data.truncate(random.below(data.len() + 1)),
        7 => change_digit(random, data),
        8 => write_edge(random, data),
        _ => repeat_range(random, data),
    }
}

fn flip_bit(random: &mut Random, data: &mut [u8]) {
    let at = random.below(data.len());
    let bit = random.below(8);
    if let Some(byte) = data.get_mut(at) {
        *byte ^= 1 << bit;
    }
}

fn set_byte(random: &mut Random, data: &mut [u8]) {
    let at = random.below(data.len());
    let value = random.next().to_le_bytes()[0];
    if let Some(byte) = data.get_mut(at) {
        *byte = value;
    }
}

/// A range of `data` that is usually short.
fn range(random: &mut Random, data: &[u8]) -> std::ops::Range<usize> {
    let start = random.below(data.len());
    let longest = if random.below(4) == 0 { data.len() } else { 16 };
    let length = random.below(longest.min(data.len() - start.min(data.len())) + 1);
    start..(start + length).min(data.len())
}

fn delete_range(random: &mut Random, data: &mut Vec<u8>) {
    let range = range(random, data);
    data.drain(range);
}

fn duplicate_range(random: &mut Random, data: &mut Vec<u8>) {
    let copy = data[range(random, data)].to_vec();
    let at = random.below(data.len() + 1);
    data.splice(at..at, copy);
}

fn insert_word(random: &mut Random, data: &mut Vec<u8>) {
    if let Some(word) = random.pick(WORDS) {
        let at = random.below(data.len() + 1);
        data.splice(at..at, word.iter().copied());
    }
}

/// The head of this input and the tail of another.
fn splice(random: &mut Random, data: &mut Vec<u8>, corpus: &[Vec<u8>]) {
    if let Some(other) = corpus.get(random.below(corpus.len())) {
        data.truncate(random.below(data.len() + 1));
        data.extend_from_slice(&other[random.below(other.len() + 1).min(other.len())..]);
    }
}

/// Text formats keep their sizes and offsets in digits; one changed digit shifts everything behind it.
fn change_digit(random: &mut Random, data: &mut [u8]) {
    let start = random.below(data.len());
    let digit = b'0' + random.next().to_le_bytes()[0] % 10;
    if let Some(byte) = data.iter_mut().skip(start).find(|byte| byte.is_ascii_digit()) {
        *byte = digit;
    }
}

fn write_edge(random: &mut Random, data: &mut [u8]) {
    let edge = EDGES[random.below(EDGES.len())];
    let width = [1, 2, 4, 8][random.below(4)];
    let bytes = if random.below(2) == 0 { edge.to_le_bytes() } else { edge.to_be_bytes() };
    let bytes = if random.below(2) == 0 { &bytes[..width] } else { &bytes[8 - width..] };
    let at = random.below(data.len());
    for (byte, value) in data.iter_mut().skip(at).zip(bytes) {
        *byte = *value;
    }
}

/// Deep nesting and long names come from the same few bytes many times over.
fn repeat_range(random: &mut Random, data: &mut Vec<u8>) {
    let copy = data[range(random, data)].to_vec();
    let at = random.below(data.len() + 1);
    let times = 1 << random.below(10);
    data.splice(at..at, copy.iter().copied().cycle().take(copy.len() * times).take(LONGEST));
}

#[cfg(test)]
mod tests {
    use super::{LONGEST, Random, next_input};

    fn inputs(seed: u64, corpus: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut random = Random::new(seed);
        (0..2000).map(|_| next_input(&mut random, corpus)).collect()
    }

    #[test]
    fn one_seed_gives_one_sequence() {
        let corpus = vec![b"Package: a\nVersion: 1\n".to_vec(), vec![0; 700]];
        assert_eq!(inputs(7, &corpus), inputs(7, &corpus));
        assert_ne!(inputs(7, &corpus), inputs(8, &corpus));
    }

    #[test]
    fn inputs_differ_and_stay_below_the_cap() {
        let corpus = vec![vec![b'x'; LONGEST]];
        let inputs = inputs(1, &corpus);
        assert!(inputs.iter().all(|input| input.len() <= LONGEST));
        assert!(inputs.iter().filter(|input| **input != corpus[0]).count() > 1000);
    }

    #[test]
    fn an_empty_corpus_still_gives_inputs() {
        assert!(inputs(1, &[]).iter().any(|input| !input.is_empty()));
        assert!(inputs(1, &[Vec::new()]).iter().any(|input| !input.is_empty()));
    }
}
