//! Sizes, times and foreign text as a person reads them.

/// A size with a decimal unit: `57 B`, `812 kB`, `412.3 MB`.
pub fn bytes(size: u64) -> String {
    const UNITS: [&str; 5] = ["kB", "MB", "GB", "TB", "PB"];
    if size < 1000 {
        return format!("{size} B");
    }
    let mut value = to_f64(size) / 1000.0;
    let mut unit = 0;
    while value >= 999.95 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    let digits = usize::from(unit > 0);
    format!("{value:.digits$} {}", UNITS[unit])
}

/// A size that may be negative, with its sign: `+12.1 MB`, `-3 kB`, `+0 B`.
pub fn signed_bytes(size: i64) -> String {
    let sign = if size < 0 { '-' } else { '+' };
    format!("{sign}{}", bytes(size.unsigned_abs()))
}

/// Reads a size as [`bytes`] writes it: `512`, `3 MB`, `20GB`.
pub fn parse_size(text: &str) -> Result<u64, String> {
    let split = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    let (number, unit) = text.split_at(split);
    let factor = match unit.trim().to_ascii_lowercase().as_str() {
        "" | "b" => 1,
        "k" | "kb" => 1_000,
        "m" | "mb" => 1_000_000,
        "g" | "gb" => 1_000_000_000,
        "t" | "tb" => 1_000_000_000_000,
        _ => return Err("use a number with B, kB, MB, GB or TB".to_owned()),
    };
    let number: u64 = number.parse().map_err(|_| "use a number with B, kB, MB, GB or TB".to_owned())?;
    number.checked_mul(factor).ok_or_else(|| "this is more than any disk has".to_owned())
}

/// A time: `40 ms`, `1.2 s`, `48.2 s`, `2 min 03 s`.
pub fn seconds(seconds: f64) -> String {
    if seconds < 0.0995 {
        return format!("{:.0} ms", seconds * 1000.0);
    }
    if seconds < 99.95 {
        return format!("{seconds:.1} s");
    }
    let whole = std::time::Duration::from_secs_f64(seconds.min(1e9)).as_secs();
    format!("{} min {:02} s", whole / 60, whole % 60)
}

/// `1 package`, `312 packages`.
pub fn count(number: usize, singular: &str) -> String {
    if number == 1 {
        return format!("1 {singular}");
    }
    format!("{number} {singular}s")
}

/// Sizes below 2^53 bytes are exact as a float; larger ones are only shown.
#[expect(clippy::cast_precision_loss, reason = "a size is shown with four digits at most")]
pub fn to_f64(size: u64) -> f64 {
    size as f64
}

/// Text that a package script or a mirror wrote, on one line and without anything that a terminal acts on.
pub fn clean(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\t' => out.push(' '),
            // also the marks that reverse the direction of what follows
            _ if c.is_control()
                || matches!(c, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}') =>
            {
                out.extend(c.escape_unicode());
            }
            _ => out.push(c),
        }
    }
    out
}

/// The text, cut to `width` characters.
pub fn cut(text: &str, width: usize) -> String {
    if text.chars().count() <= width {
        return text.to_owned();
    }
    text.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

#[cfg(test)]
mod tests {
    use super::{bytes, clean, count, cut, parse_size, seconds, signed_bytes};

    #[test]
    fn sizes_have_at_most_four_digits() {
        let cases = [
            (0, "0 B"),
            (999, "999 B"),
            (1000, "1 kB"),
            (812_345, "812 kB"),
            (999_999, "1.0 MB"),
            (412_345_678, "412.3 MB"),
            (1_250_000_000, "1.2 GB"),
            (u64::MAX, "18446.7 PB"),
        ];
        for (size, text) in cases {
            assert_eq!(bytes(size), text);
        }
        assert_eq!(signed_bytes(-3000), "-3 kB");
        assert_eq!(signed_bytes(0), "+0 B");
    }

    #[test]
    fn sizes_have_units() {
        let cases = [("0", 0), ("512", 512), ("20GB", 20_000_000_000), ("3 mb", 3_000_000), ("1k", 1000)];
        for (text, size) in cases {
            assert_eq!(parse_size(text), Ok(size), "{text}");
        }
        for text in ["", "GB", "1.5GB", "-1", "10 parsecs", "99999999999999TB"] {
            assert!(parse_size(text).is_err(), "{text}");
        }
    }

    #[test]
    fn times_fit_their_length() {
        let cases = [
            (0.0, "0 ms"),
            (0.04, "40 ms"),
            (0.0999, "0.1 s"),
            (1.23, "1.2 s"),
            (48.24, "48.2 s"),
            (123.0, "2 min 03 s"),
        ];
        for (time, text) in cases {
            assert_eq!(seconds(time), text);
        }
    }

    #[test]
    fn one_has_no_plural() {
        assert_eq!(count(1, "package"), "1 package");
        assert_eq!(count(0, "package"), "0 packages");
    }

    #[test]
    fn foreign_text_cannot_move_the_cursor() {
        assert_eq!(clean("a\u{1b}[2Jb\rc\td\u{202e}e\u{9b}é"), "a\\u{1b}[2Jb\\u{d}c d\\u{202e}e\\u{9b}é");
    }

    #[test]
    fn long_text_is_cut_and_says_so() {
        assert_eq!(cut("configure", 20), "configure");
        assert_eq!(cut("configure", 4), "con…");
    }
}
