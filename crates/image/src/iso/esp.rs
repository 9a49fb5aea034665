//! The EFI system partition: a small FAT volume, made without a mount and without the clock.
//!
//! Names are short ones (`GRUBX64.EFI`) only: UEFI and GRUB compare them without regard to case, and `fatfs` with
//! long names gives one to `.` and `..` too, which `fsck.vfat` rejects.

use std::collections::BTreeSet;
use std::io::{self, Cursor, Write as _};

use fatfs::{Date, DateTime, FileSystem, FormatVolumeOptions, FsOptions, Time, TimeProvider};

const MIB: usize = 1 << 20;
/// For the tables, the root directory and the directories; far more than a handful of files needs.
const OVERHEAD: usize = 256 << 10;
/// Largest cluster that a volume of this size gets: what a file can waste.
const CLUSTER: usize = 4 << 10;

/// FAT cannot say "no time", so all entries carry its first day.
#[derive(Debug)]
struct FirstDay;

static FIRST_DAY: FirstDay = FirstDay;

impl TimeProvider for FirstDay {
    fn get_current_date(&self) -> Date {
        Date { year: 1980, month: 1, day: 1 }
    }

    fn get_current_date_time(&self) -> DateTime {
        DateTime { date: self.get_current_date(), time: Time { hour: 0, min: 0, sec: 0, millis: 0 } }
    }
}

/// A FAT volume with the given files (path with `/`, contents), as large as they need in whole MiB.
///
/// # Errors
/// A path with a name that is not upper case in the form 8.3, or is there twice.
pub fn esp_image(files: &[(&str, Vec<u8>)], serial: u32) -> io::Result<Vec<u8>> {
    if let Some((path, _)) = files.iter().find(|(path, _)| !path.split('/').all(is_short)) {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("`{path}` is not made of short names"),
        ));
    }
    let contents: usize = files.iter().map(|(_, bytes)| bytes.len().next_multiple_of(CLUSTER)).sum();
    let mut image = vec![0; (contents + OVERHEAD).next_multiple_of(MIB)];
    let options = FormatVolumeOptions::new().volume_id(serial).volume_label(*b"ESP        ");
    fatfs::format_volume(Cursor::new(&mut image), options)?;
    {
        let options = FsOptions::new().time_provider(&FIRST_DAY).update_accessed_date(false);
        let volume = FileSystem::new(Cursor::new(&mut image), options)?;
        for directory in directories(files) {
            volume.root_dir().create_dir(directory)?;
        }
        for (path, bytes) in files {
            let mut file = volume.root_dir().create_file(path)?;
            file.write_all(bytes)?;
            file.flush()?;
        }
        volume.unmount()?;
    }
    Ok(image)
}

fn is_short(name: &str) -> bool {
    let valid = |part: &str, most: usize| {
        (1..=most).contains(&part.len())
            && part
                .bytes()
                .all(|byte| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"_-~".contains(&byte))
    };
    match name.split_once('.') {
        Some((base, extension)) => valid(base, 8) && valid(extension, 3),
        None => valid(name, 8),
    }
}

/// Every directory above the files, outer ones first.
fn directories<'a>(files: &[(&'a str, Vec<u8>)]) -> BTreeSet<&'a str> {
    files.iter().flat_map(|(path, _)| path.match_indices('/').map(|(at, _)| &path[..at])).collect()
}

#[cfg(test)]
mod tests {
    use std::io::Read as _;

    use super::*;

    #[test]
    fn files_come_back_and_bytes_are_stable() {
        let large: Vec<u8> = (0..3_000_000_u32).map(|n| n.to_le_bytes()[n as usize % 3]).collect();
        let files = [("EFI/BOOT/BOOTX64.EFI", large.clone()), ("BOOT/GRUB/GRUB.CFG", b"set".to_vec())];
        let image = esp_image(&files, 7).unwrap();
        assert_eq!(image, esp_image(&files, 7).unwrap());
        assert_eq!(image.len() % MIB, 0);
        let volume = FileSystem::new(Cursor::new(image), FsOptions::new()).unwrap();
        assert_eq!(volume.volume_id(), 7);
        for (path, bytes) in &files {
            let mut found = Vec::new();
            volume.root_dir().open_file(path).unwrap().read_to_end(&mut found).unwrap();
            assert_eq!(&found, bytes);
        }
    }

    #[test]
    fn names_that_would_be_changed_are_refused() {
        for path in ["EFI/boot/X.EFI", "TOOLONGNAME", "A.EFIX", "EFI//X", "A.B.C"] {
            assert_eq!(esp_image(&[(path, Vec::new())], 0).unwrap_err().kind(), io::ErrorKind::InvalidInput);
        }
    }
}
