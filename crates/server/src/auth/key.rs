//! The text of an API key: `lb_live_`, 12 characters of id, 30 of secret, 6 of checksum, all base 62.
//!
//! The checksum is CRC-32 over what stands before it, so that a mistyped key is refused without a look into the
//! database and a scanner of leaked secrets can tell a key from noise.

use sha2::{Digest as _, Sha256};

/// What every key begins with.
pub const PREFIX: &str = "lb_live_";

const ID: usize = 12;
const SECRET: usize = 30;
const CHECKSUM: usize = 6;

const DIGITS: &[u8; 62] = b"0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

/// Bytes above this are drawn again, so that every digit is equally likely.
const FAIR: u8 = 247;

/// A key as its owner has it. It is shown once and never stored.
#[derive(Clone, PartialEq, Eq)]
pub struct KeyText {
    id: String,
    secret: String,
}

impl KeyText {
    /// A new one, from the system's random numbers (178 bits of secret).
    pub fn generate() -> Result<Self, getrandom::Error> {
        Ok(Self { id: digits(ID)?, secret: digits(SECRET)? })
    }

    /// Reads a key; nothing when it is no key, or mistyped.
    pub fn parse(text: &str) -> Option<Self> {
        let body = text.strip_prefix(PREFIX)?;
        let plain = body.len() == ID + SECRET + CHECKSUM && body.bytes().all(|byte| DIGITS.contains(&byte));
        let (id, rest) = plain.then(|| body.split_at(ID))?;
        let (secret, sum) = rest.split_at(SECRET);
        (checksum(id, secret) == sum).then(|| Self { id: id.to_owned(), secret: secret.to_owned() })
    }

    /// The public part.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What is stored of the secret part: it has too many bits to be guessed from its hash.
    pub fn secret_sha256(&self) -> String {
        hex::encode(Sha256::digest(&self.secret))
    }

    /// The whole key, to be shown once.
    pub fn reveal(&self) -> String {
        format!("{PREFIX}{}{}{}", self.id, self.secret, checksum(&self.id, &self.secret))
    }
}

fn digits(count: usize) -> Result<String, getrandom::Error> {
    let mut text = String::with_capacity(count);
    while text.len() < count {
        let mut bytes = [0; 64];
        getrandom::fill(&mut bytes)?;
        let fair = bytes.iter().filter(|&&byte| byte <= FAIR);
        text.extend(fair.take(count - text.len()).map(|&byte| char::from(DIGITS[usize::from(byte % 62)])));
    }
    Ok(text)
}

fn checksum(id: &str, secret: &str) -> String {
    let mut rest = crc32fast::hash(format!("{PREFIX}{id}{secret}").as_bytes());
    let mut text = [b'0'; CHECKSUM];
    for digit in text.iter_mut().rev() {
        *digit = DIGITS[(rest % 62) as usize];
        rest /= 62;
    }
    text.map(char::from).iter().collect()
}

#[cfg(test)]
mod tests {
    use super::KeyText;

    #[test]
    fn t31_a_key_is_read_back_and_every_typo_is_seen() {
        let key = KeyText::generate().expect("random numbers");
        let text = key.reveal();
        assert!(KeyText::parse(&text).is_some_and(|read| read == key));
        for place in 0..text.len() {
            let mut wrong = text.clone().into_bytes();
            wrong[place] = if wrong[place] == b'x' { b'y' } else { b'x' };
            assert!(KeyText::parse(&String::from_utf8_lossy(&wrong)).is_none(), "character {place}");
        }
        for short in 0..text.len() {
            assert!(KeyText::parse(&text[..short]).is_none());
        }
        assert!(KeyText::parse(&format!("{text}0")).is_none());
        assert!(KeyText::parse("lb_live_äöü").is_none());
    }

    #[test]
    fn two_keys_differ() {
        let [a, b] = [(); 2].map(|()| KeyText::generate().expect("random numbers"));
        assert!(a.id() != b.id() && a.secret_sha256() != b.secret_sha256());
    }
}
