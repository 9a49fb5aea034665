//! The table of names: open addressing over a hash that is the same on every machine, so that it can be cached.

use super::BuildError;
use super::layout::{NONE, put_u32};

/// A name is looked for in at most this many places: names made to collide are refused instead of searched for.
const MAX_PROBES: usize = 2048;

/// Hashes a name, eight bytes at a time.
pub(super) fn hash(name: &[u8]) -> u64 {
    const SPREAD: u64 = 0x9e37_79b9_7f4a_7c15;
    let mut state = SPREAD ^ name.len() as u64;
    for chunk in name.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        state = (state ^ u64::from_le_bytes(word)).wrapping_mul(SPREAD);
        state ^= state >> 29;
    }
    state ^ (state >> 32)
}

/// The places to look at for a hash in a table of `buckets` places, a power of two.
pub(super) fn probes(hash: u64, buckets: usize) -> impl Iterator<Item = usize> {
    let mask = buckets.wrapping_sub(1);
    let start = usize::try_from(hash & 0xffff_ffff).unwrap_or_default();
    (0..MAX_PROBES.min(buckets)).map(move |step| start.wrapping_add(step) & mask)
}

/// A name while the table is built.
pub(super) struct KnownName {
    pub text: u32,
    pub length: u32,
    pub first_package: u32,
    pub last_package: u32,
    pub packages: u32,
    pub providers: u32,
}

/// The table while it is built.
pub(super) struct Names {
    /// The upper half of the hash, then the name + 1: most probes end without a look at the name itself.
    buckets: Vec<u64>,
    pub names: Vec<KnownName>,
}

impl Names {
    pub(super) fn with_capacity(names: usize) -> Self {
        Self { buckets: vec![0; (names * 2).next_power_of_two().max(16)], names: Vec::with_capacity(names) }
    }

    /// Finds `name`, or adds it with the place of its text that `place` gives.
    pub(super) fn intern(
        &mut self,
        name: super::Name<'_>,
        strings: &mut Vec<u8>,
        place: impl FnOnce(&mut Vec<u8>) -> u32,
    ) -> Result<u32, BuildError> {
        if (self.names.len() + 1) * 2 > self.buckets.len() {
            self.grow(strings)?;
        }
        let super::Name { text: name, hash } = name;
        let tag = hash >> 32 << 32;
        for bucket in probes(hash, self.buckets.len()) {
            let found = self.buckets[bucket];
            if found == 0 {
                let id = u32::try_from(self.names.len()).map_err(|_| BuildError::TooLarge)?;
                self.buckets[bucket] = tag | (u64::from(id) + 1);
                let length = u32::try_from(name.len()).map_err(|_| BuildError::TooLarge)?;
                let text = place(strings);
                self.names.push(KnownName {
                    text,
                    length,
                    first_package: NONE,
                    last_package: NONE,
                    packages: 0,
                    providers: 0,
                });
                return Ok(id);
            }
            if found >> 32 << 32 == tag {
                let id = name_of(found);
                let known = &self.names[id as usize];
                let text = known.text as usize;
                if strings.get(text..text + known.length as usize) == Some(name.as_bytes()) {
                    return Ok(id);
                }
            }
        }
        Err(BuildError::Collisions { name: name.chars().take(80).collect() })
    }

    /// Doubles the table.
    fn grow(&mut self, strings: &[u8]) -> Result<(), BuildError> {
        let mut buckets = vec![0; self.buckets.len() * 2];
        for (id, name) in (1_u64..).zip(&self.names) {
            let text = name.text as usize;
            let text = strings.get(text..text + name.length as usize).unwrap_or_default();
            let hash = hash(text);
            let free = probes(hash, buckets.len()).find(|bucket| buckets[*bucket] == 0);
            let collides =
                || BuildError::Collisions { name: String::from_utf8_lossy(text).chars().take(80).collect() };
            buckets[free.ok_or_else(collides)?] = hash >> 32 << 32 | id;
        }
        self.buckets = buckets;
        Ok(())
    }

    /// The table in its cached form.
    pub(super) fn write_buckets(&self, out: &mut Vec<u8>) {
        for bucket in &self.buckets {
            put_u32(out, if *bucket == 0 { 0 } else { name_of(*bucket) + 1 });
        }
    }

    pub(super) fn bucket_count(&self) -> usize {
        self.buckets.len()
    }
}

/// The name in a bucket that is not empty.
fn name_of(bucket: u64) -> u32 {
    u32::try_from(bucket & 0xffff_ffff).unwrap_or(NONE) - 1
}
