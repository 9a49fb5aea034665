//! Classes of ASCII bytes as tables: the readers ask for them some fifty million times per index.

/// Which bytes belong to a class.
pub(super) struct Class([bool; 256]);

impl Class {
    /// Letters, digits and `more`.
    pub(super) const fn alphanumeric_and(more: &[u8]) -> Self {
        let mut table = [false; 256];
        let mut byte = 0_u8;
        while byte.is_ascii() {
            table[byte as usize] = byte.is_ascii_alphanumeric();
            byte += 1;
        }
        let mut at = 0;
        while at < more.len() {
            table[more[at] as usize] = true;
            at += 1;
        }
        Self(table)
    }

    /// Everything visible but for one character.
    pub(super) const fn graphic_but(other: u8) -> Self {
        let mut table = [false; 256];
        let mut byte = b'!';
        while byte <= b'~' {
            table[byte as usize] = byte != other;
            byte += 1;
        }
        Self(table)
    }

    pub(super) fn has(&self, byte: u8) -> bool {
        self.0[usize::from(byte)]
    }

    pub(super) fn has_all(&self, text: &[u8]) -> bool {
        text.iter().fold(true, |all, byte| all & self.has(*byte))
    }
}

/// The value of each hexadecimal digit; 16 for everything else.
const DIGITS: [u8; 256] = {
    let mut table = [16; 256];
    let mut byte = 0_u8;
    while byte.is_ascii() {
        table[byte as usize] = match byte {
            b'0'..=b'9' => byte - b'0',
            b'a'..=b'f' => byte - b'a' + 10,
            b'A'..=b'F' => byte - b'A' + 10,
            _ => 16,
        };
        byte += 1;
    }
    table
};

/// Reads 64 hexadecimal digits.
pub(super) fn sha256(text: &[u8]) -> Option<[u8; 32]> {
    let (pairs, rest) = text.as_chunks::<2>();
    let pairs: &[[u8; 2]; 32] = pairs.try_into().ok()?;
    let mut bad = 0;
    let digest = pairs.map(|[high, low]| {
        let (high, low) = (DIGITS[usize::from(high)], DIGITS[usize::from(low)]);
        bad |= high | low;
        high << 4 | low & 15
    });
    (rest.is_empty() && bad < 16).then_some(digest)
}

#[cfg(test)]
mod tests {
    use super::{Class, sha256};

    #[test]
    fn digests_have_64_digits() {
        let text = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852B855";
        assert_eq!(sha256(text.as_bytes()).map(hex::encode), Some(text.to_lowercase()));
        for bad in [&text[..63], &format!("{text}0"), &text.replace('e', "g"), &text.replace('e', "/"), ""] {
            assert_eq!(sha256(bad.as_bytes()), None, "{bad}");
        }
    }

    #[test]
    fn classes() {
        let class = Class::alphanumeric_and(b"+-");
        assert!(class.has_all(b"aZ09+-") && !class.has_all(b"a b") && !class.has_all("é".as_bytes()));
        let graphic = Class::graphic_but(b':');
        assert!(graphic.has_all(b"!~") && !graphic.has_all(b"a b") && !graphic.has(b':'));
    }
}
