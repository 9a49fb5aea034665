//! The EFI system partition: a small FAT volume, made without a mount and without the clock.

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
/// A path that FAT cannot hold.
pub fn esp_image(files: &[(&str, Vec<u8>)], serial: u32) -> io::Result<Vec<u8>> {
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

/// Every directory above the files, outer ones first.
fn directories<'a>(files: &[(&'a str, Vec<u8>)]) -> BTreeSet<&'a str> {
    files.iter().flat_map(|(path, _)| path.match_indices('/').map(|(at, _)| &path[..at])).collect()
}
