//! The extended attributes that belong to an image.

use std::ffi::CStr;
use std::os::fd::OwnedFd;

use rustix::io::{Errno, Result};

/// Linux gives no attribute more than this.
const MAX_VALUE: usize = 64 << 10;

/// Names and values of the attributes that an image keeps, sorted by name.
pub(super) fn of(fd: &OwnedFd) -> Result<Vec<(Vec<u8>, Vec<u8>)>> {
    let mut short = [0; 512];
    let mut long = Vec::new();
    let list = match rustix::fs::flistxattr(fd, &mut short[..]) {
        Ok(count) => &short[..count],
        Err(Errno::OPNOTSUPP) => return Ok(Vec::new()),
        Err(Errno::RANGE) => {
            long.resize(MAX_VALUE, 0);
            let count = rustix::fs::flistxattr(fd, &mut long[..])?;
            &long[..count]
        }
        Err(error) => return Err(error),
    };
    let mut attributes = Vec::new();
    for name in list.split_inclusive(|byte| *byte == 0) {
        if let Ok(name) = CStr::from_bytes_with_nul(name)
            && kept(name.to_bytes())
        {
            attributes.push((name.to_bytes().to_vec(), value(fd, name)?));
        }
    }
    attributes.sort_unstable();
    Ok(attributes)
}

/// Labels (`security.selinux`, `security.ima`) and `trusted.*` describe the machine that built the image, and
/// `user.overlay.*` the layers below it; everything else describes the file.
fn kept(name: &[u8]) -> bool {
    let user = name.starts_with(b"user.") && !name.starts_with(b"user.overlay.");
    user || name == b"security.capability" || name.starts_with(b"system.posix_acl_")
}

fn value(fd: &OwnedFd, name: &CStr) -> Result<Vec<u8>> {
    let mut short = [0; 256];
    match rustix::fs::fgetxattr(fd, name, &mut short[..]) {
        Ok(count) => Ok(short[..count].to_vec()),
        Err(Errno::RANGE) => {
            let mut long = vec![0; MAX_VALUE];
            let count = rustix::fs::fgetxattr(fd, name, &mut long[..])?;
            long.truncate(count);
            Ok(long)
        }
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_of_the_machine_stay_out() {
        assert!(kept(b"security.capability") && kept(b"user.note") && kept(b"system.posix_acl_default"));
        assert!(
            !kept(b"security.selinux") && !kept(b"trusted.overlay.opaque") && !kept(b"user.overlay.origin")
        );
    }
}
