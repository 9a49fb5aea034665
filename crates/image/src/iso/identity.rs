//! Every identifier of an image, derived from one seed.

use sha2::{Digest as _, Sha256};

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Identity {
    /// By this GRUB recognises the disk it came from; lower-case UUID.
    pub disk: String,
    /// GUID of the partition table, which xorriso derives those of the partitions from; 32 hexadecimal digits.
    pub gpt: String,
    /// Serial number of the FAT volume.
    pub esp_serial: u32,
}

impl Identity {
    pub fn new(seed: &[u8; 32]) -> Self {
        let serial = derive(seed, "esp serial");
        Self {
            disk: uuid(derive(seed, "disk")),
            gpt: uuid(derive(seed, "gpt")).replace('-', ""),
            esp_serial: u32::from_le_bytes([serial[0], serial[1], serial[2], serial[3]]),
        }
    }
}

fn derive(seed: &[u8; 32], purpose: &str) -> [u8; 16] {
    let hash = Sha256::new().chain_update(b"lbuild iso ").chain_update(purpose).chain_update(seed).finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    bytes
}

/// A UUID with the marks of version 4, since its bits are as good as random.
fn uuid(mut bytes: [u8; 16]) -> String {
    bytes[6] = bytes[6] & 0x0f | 0x40;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits = hex::encode(bytes);
    format!("{}-{}-{}-{}-{}", &digits[..8], &digits[8..12], &digits[12..16], &digits[16..20], &digits[20..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_follow_the_seed_and_differ_by_purpose() {
        let identity = Identity::new(&[7; 32]);
        assert_eq!(identity, Identity::new(&[7; 32]));
        assert_ne!(identity.disk, Identity::new(&[8; 32]).disk);
        assert_ne!(identity.disk.replace('-', ""), identity.gpt);
        assert_eq!((identity.disk.len(), identity.gpt.len()), (36, 32));
        assert_eq!(&identity.disk[14..15], "4");
    }
}
