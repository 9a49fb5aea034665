//! Passwords, ssh keys and signing keys.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::shape::describe;
use super::{Fault, Verdict};

/// Smallest RSA modulus that is accepted, in bits.
const MIN_RSA_BITS: usize = 2048;

/// A password hash as in crypt(5). Messages never repeat the text: it may be a password.
pub(super) fn password_hash(text: &str) -> Verdict {
    let hint =
        "hash it with `openssl passwd -6` or `mkpasswd --method=yescrypt`, and write the line it prints";
    if matches!(text, "!" | "*") {
        return Ok(());
    }
    let Some((method, rest)) = text.strip_prefix('$').and_then(|rest| rest.split_once('$')) else {
        let reason = "a spec is kept, shared and logged, so it holds only hashes";
        return Err(Fault::new("this is a plain password, not a hash").reason(reason).hint(hint));
    };
    let digest = rest.rsplit('$').next().unwrap_or("");
    let fields = rest.matches('$').count();
    let shape = match method {
        "6" => digest.len() == 86 && (1..=2).contains(&fields),
        "5" => digest.len() == 43 && (1..=2).contains(&fields),
        "y" | "gy" => digest.len() == 43 && fields == 2,
        "7" => digest.len() == 43 && fields == 1,
        "2a" | "2b" | "2y" => digest.len() == 53 && fields == 1,
        "1" | "md5" | "3" | "sha1" => {
            let reason = "this method of hashing is broken and modern systems refuse it";
            return Err(Fault::new("the password hash uses a weak method").reason(reason).hint(hint));
        }
        _ => return Err(Fault::new("the password hash uses an unknown method").hint(hint)),
    };
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'/' | b'$' | b'=' | b',');
    if !shape || text.len() > 384 || !text.bytes().all(allowed) {
        let reason = "its length or its characters are not those of the method it names";
        return Err(Fault::new("the password hash is damaged").reason(reason).hint(hint));
    }
    Ok(())
}

/// One line of `authorized_keys` without options.
pub(super) fn ssh_key(text: &str) -> Verdict {
    if text.contains("PRIVATE KEY") {
        let reason = "whoever reads the spec or the image could log in everywhere it is trusted";
        let hint = "use the content of the `.pub` file beside it, and make a new key";
        return Err(Fault::new("this is a private key").reason(reason).hint(hint));
    }
    let fault = || Fault::not_a(text, "public ssh key");
    if let Some((at, c)) = text.char_indices().find(|&(_, c)| c.is_control()) {
        let reason = format!("a key is one line and must not contain {}", describe(c));
        return Err(fault().reason(reason).at(at..at + c.len_utf8()));
    }
    if text.len() > 16_384 {
        return Err(fault().reason("it is longer than 16384 bytes"));
    }
    let mut words = text.split(' ');
    let (kind, blob) = (words.next().unwrap_or(""), words.next().unwrap_or(""));
    match kind {
        "ssh-ed25519"
        | "ssh-rsa"
        | "ecdsa-sha2-nistp256"
        | "ecdsa-sha2-nistp384"
        | "ecdsa-sha2-nistp521"
        | "sk-ssh-ed25519@openssh.com"
        | "sk-ecdsa-sha2-nistp256@openssh.com" => {}
        "ssh-dss" => return Err(fault().reason("DSA keys are refused by current ssh servers")),
        _ => {
            let hint =
                "it starts with its type, for example `ssh-ed25519 AAAA... name`; options are not supported";
            return Err(fault().hint(hint));
        }
    }
    let bytes = STANDARD.decode(blob).map_err(|_| fault().reason("the part after the type is not base64"))?;
    let (inner, rest) = field(&bytes).ok_or_else(|| fault().reason("the key data is cut short"))?;
    if inner != kind.as_bytes() {
        return Err(fault().reason("the key data is of another type than the line says"));
    }
    payload(kind, rest).map_err(|reason| fault().reason(reason))
}

fn payload(kind: &str, rest: &[u8]) -> Result<(), String> {
    let cut = || "the key data is cut short".to_owned();
    let (first, rest) = field(rest).ok_or_else(cut)?;
    if kind == "ssh-ed25519" && first.len() != 32 {
        return Err("an ed25519 key has 32 bytes".to_owned());
    }
    if kind == "ssh-rsa" {
        let (modulus, _) = field(rest).ok_or_else(cut)?;
        let significant = modulus.iter().skip_while(|&&byte| byte == 0).count();
        if significant * 8 < MIN_RSA_BITS {
            return Err(format!(
                "an RSA key needs at least {MIN_RSA_BITS} bits, this one has {}",
                significant * 8
            ));
        }
    }
    Ok(())
}

/// A length-prefixed field of the ssh wire format, and what follows it.
fn field(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_be_bytes(*length) as usize)
}

/// An ASCII-armoured `OpenPGP` public key.
pub(super) fn openpgp_key(text: &str) -> Verdict {
    let fault = || Fault::new("this is not an ASCII-armoured OpenPGP public key");
    if text.contains("PRIVATE KEY") {
        return Err(
            Fault::new("this is a private key").hint("export the public key with `gpg --armor --export`")
        );
    }
    if text.len() > 1_000_000 {
        return Err(fault().reason("it is longer than 1000000 bytes"));
    }
    let body = text.trim();
    let armoured = body.starts_with("-----BEGIN PGP PUBLIC KEY BLOCK-----")
        && body.ends_with("-----END PGP PUBLIC KEY BLOCK-----");
    let clean = body.chars().all(|c| c == '\n' || c == '\r' || (' '..='~').contains(&c));
    if armoured && clean { Ok(()) } else { Err(fault().hint("export it with `gpg --armor --export`")) }
}

/// The fingerprint of an `OpenPGP` key, without the spaces that tools print.
pub(super) fn fingerprint(text: &str) -> Verdict {
    let hex = text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if hex && matches!(text.len(), 40 | 64) {
        return Ok(());
    }
    let fault = Fault::not_a(text, "fingerprint of a key").reason("it has 40 or 64 hexadecimal digits");
    Err(fault.hint("`gpg --show-keys FILE` prints it"))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A key made for this test; its private half was never kept.
    const ED25519: &str =
        "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f me@example";

    #[test]
    fn hashes_of_known_methods_pass() {
        let sha512 = format!("$6$saltsalt${}", "a".repeat(86));
        let yescrypt = format!("$y$j9T$saltsaltsalt${}", "b".repeat(43));
        let bcrypt = format!("$2b$12${}", "c".repeat(53));
        for good in [sha512.as_str(), &yescrypt, &bcrypt, "!", "*"] {
            assert_eq!(password_hash(good), Ok(()), "{good}");
        }
    }

    #[test]
    fn plain_passwords_are_refused_and_not_repeated() {
        for bad in ["hunter2", "", "$6$short", "$1$abc$0123456789012345678901", "$6$x:y$hash\n", "$zz$x"] {
            let fault = password_hash(bad).unwrap_err();
            assert!(bad.is_empty() || !fault.message.contains(bad), "{fault:?}");
            assert!(fault.hint.unwrap().contains("openssl passwd -6"));
        }
    }

    #[test]
    fn ssh_keys() {
        assert_eq!(ssh_key(ED25519), Ok(()));
        for bad in [
            "ssh-ed25519",
            "ssh-ed25519 AAAA x",
            "ssh-rsa AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
            "command=\"id\" ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIAABAgMEBQYHCAkKCwwNDg8QERITFBUWFxgZGhscHR4f",
            "-----BEGIN OPENSSH PRIVATE KEY-----",
        ] {
            assert!(ssh_key(bad).is_err(), "{bad}");
        }
        assert!(ssh_key(&format!("{ED25519}\nssh-rsa x")).is_err());
    }
}
