//! The fields of a release, read from its signed text.

use std::collections::BTreeMap;

use super::{ReleaseError, ReleaseFile, VerifiedRelease};
use crate::deb::ascii::sha256;
use crate::deb::control::{Scanner, Token};

/// More files than this are no release; Debian's largest lists about 3,000.
const MAX_FILES: usize = 200_000;

/// Reads the signed text.
pub(super) fn read(text: &str) -> Result<VerifiedRelease, ReleaseError> {
    let mut release = VerifiedRelease::default();
    let mut date = None;
    let mut files = None;
    let mut scanner = Scanner::new(text.as_bytes());
    let mut seen: Vec<&[u8]> = Vec::new();
    while let Some(token) = scanner.next_token().map_err(ReleaseError::Form)? {
        let Token::Field(field) = token else { continue };
        let value = std::str::from_utf8(field.value).map_err(|_| bad(field.name))?;
        if seen.contains(&field.name) {
            return Err(bad(field.name));
        }
        seen.push(field.name);
        let yes = value == "yes";
        match field.name {
            b"Origin" => value.clone_into(&mut release.origin),
            b"Label" => value.clone_into(&mut release.label),
            b"Suite" => value.clone_into(&mut release.suite),
            b"Codename" => value.clone_into(&mut release.codename),
            b"Version" => value.clone_into(&mut release.version),
            b"Date" => date = Some(parse_date(value).ok_or_else(|| bad(field.name))?),
            b"Valid-Until" => release.valid_until = Some(parse_date(value).ok_or_else(|| bad(field.name))?),
            b"Components" => release.components = words(value),
            b"Architectures" => release.architectures = words(value),
            b"Acquire-By-Hash" => release.by_hash = yes,
            b"NotAutomatic" => release.not_automatic = yes,
            b"ButAutomaticUpgrades" => release.but_automatic_upgrades = yes,
            b"SHA256" => files = Some(read_files(value)?),
            _ => {}
        }
    }
    release.date = date.ok_or(ReleaseError::Missing { field: "Date" })?;
    release.files = files.ok_or(ReleaseError::Missing { field: "SHA256" })?;
    Ok(release)
}

fn bad(field: &[u8]) -> ReleaseError {
    ReleaseError::Field { field: String::from_utf8_lossy(field).chars().take(80).collect() }
}

fn words(value: &str) -> Vec<String> {
    value.split_whitespace().map(str::to_owned).collect()
}

fn read_files(value: &str) -> Result<BTreeMap<String, ReleaseFile>, ReleaseError> {
    let mut files = BTreeMap::new();
    for line in value.lines().filter(|line| !line.trim().is_empty()) {
        let file = read_file(line)
            .ok_or_else(|| ReleaseError::File { line: line.trim().chars().take(160).collect() })?;
        if files.len() >= MAX_FILES {
            return Err(ReleaseError::TooLarge);
        }
        if let Some(other) = files.insert(file.path.clone(), file)
            && files.get(&other.path) != Some(&other)
        {
            return Err(ReleaseError::File { line: other.path });
        }
    }
    Ok(files)
}

fn read_file(line: &str) -> Option<ReleaseFile> {
    let mut parts = line.split_whitespace();
    let (digest, size, path) = (parts.next()?, parts.next()?, parts.next()?);
    let sha256 = sha256(digest.as_bytes())?;
    let size = size.parse().ok()?;
    let safe = path.split('/').all(|part| !part.is_empty() && part != "." && part != "..");
    (parts.next().is_none() && safe).then(|| ReleaseFile { path: path.to_owned(), size, sha256 })
}

/// Reads `Wed, 18 Nov 2026 02:10:24 UTC` as seconds since the Unix epoch. The zone is UTC, however it is written.
pub(super) fn parse_date(text: &str) -> Option<u64> {
    const MONTHS: [&str; 12] =
        ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];
    let rest = text.split_once(',').map_or(text, |(_, rest)| rest);
    let mut parts = rest.split_whitespace();
    let day: u64 = parts.next()?.parse().ok()?;
    let month = parts.next()?;
    let month = MONTHS.iter().position(|known| *known == month)? as u64 + 1;
    let year: u64 = parts.next()?.parse().ok()?;
    let mut clock = parts.next()?.split(':').map(|part| part.parse::<u64>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let utc = matches!(parts.next(), Some("UTC" | "GMT" | "Z" | "+0000" | "-0000"));
    let plausible = (1..=31).contains(&day) && (1970..=9999).contains(&year);
    if !utc || !plausible || hour > 23 || minute > 59 || second > 60 || clock.next().is_some() {
        return None;
    }
    Some(days(year, month, day)? * 86400 + hour * 3600 + minute * 60 + second)
}

/// Days from 1970-01-01 in the Gregorian calendar, counting years from March so that the leap day is their last.
fn days(year: u64, month: u64, day: u64) -> Option<u64> {
    let year = if month <= 2 { year - 1 } else { year };
    let month_from_march = (month + 9) % 12;
    let of_years = year * 365 + year / 4 - year / 100 + year / 400;
    (of_years + (month_from_march * 153 + 2) / 5 + day - 1).checked_sub(719_468)
}

#[cfg(test)]
mod tests {
    use super::parse_date;

    #[test]
    fn dates() {
        for (text, seconds) in [
            ("Thu, 01 Jan 1970 00:00:00 UTC", Some(0)),
            ("Wed, 18 Nov 2026 02:10:24 UTC", Some(1_794_967_824)),
            ("Tue, 29 Feb 2000 23:59:59 +0000", Some(951_868_799)),
            ("1 Mar 2000 00:00:00 GMT", Some(951_868_800)),
            ("Wed, 18 Nov 2026 02:10:24 CET", None),
            ("Wed, 18 Nov 2026 02:10 UTC", None),
            ("Wed, 18 Foo 2026 02:10:24 UTC", None),
            ("Wed, 18 Nov 99999999999999999999 02:10:24 UTC", None),
            ("Wed, 18 Nov 2026 25:10:24 UTC", None),
            ("", None),
        ] {
            assert_eq!(parse_date(text), seconds, "{text:?}");
        }
    }
}
