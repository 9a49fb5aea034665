//! Locale, time zone, kernel command line, sizes and texts.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use super::shape::{characters, describe};
use super::{Fault, Verdict, did_you_mean, digits, quote};
use crate::blueprint::{Algorithm, Compression};

/// Names of the tz database 2026a, one per line.
const TIMEZONES: &str = include_str!("../../data/timezones.txt");

/// Locales that glibc supports, one per line, each with its character set.
const LOCALES: &str = include_str!("../../data/locales.txt");

/// Kernel parameters that would replace the init system or its arguments.
const TAKEOVER: [&str; 4] = ["init", "rdinit", "init_on_boot", "systemd.run"];

fn locales() -> impl Iterator<Item = &'static str> {
    LOCALES.lines().filter_map(|line| line.split(' ').next())
}

/// The character set of a locale, as `locale.gen` names it; `None` when glibc does not know the locale.
pub fn locale_charset(locale: &str) -> Option<&'static str> {
    LOCALES.lines().find_map(|line| line.strip_prefix(locale)?.strip_prefix(' '))
}

/// A locale that glibc knows.
pub(super) fn locale(text: &str) -> Verdict {
    if locale_charset(text).is_some() {
        return Ok(());
    }
    let normal = text.replace(".utf8", ".UTF-8").replace(".utf-8", ".UTF-8");
    let normal = normal.replace('-', "_").replace("UTF_8", "UTF-8");
    let near = locales().find(|known| *known == normal || *known == format!("{normal}.UTF-8"));
    let hint = near.map(|known| format!("did you mean `{known}`?"));
    let hint = hint.or_else(|| did_you_mean(text, locales()));
    Err(Fault::not_a(text, "known locale").hint("for example `en_GB.UTF-8` or `C.UTF-8`").maybe_hint(hint))
}

/// A name of the tz database.
pub(super) fn timezone(text: &str) -> Verdict {
    if TIMEZONES.lines().any(|known| known == text) {
        return Ok(());
    }
    let city = TIMEZONES.lines().find(|known| {
        known.rsplit('/').next().is_some_and(|city| city.eq_ignore_ascii_case(&text.replace(' ', "_")))
    });
    let hint = city.map(|known| format!("did you mean `{known}`?"));
    let hint = hint.or_else(|| did_you_mean(text, TIMEZONES.lines()));
    Err(Fault::not_a(text, "known time zone")
        .hint("for example `Europe/Berlin` or `Etc/UTC`")
        .maybe_hint(hint))
}

/// One parameter of the kernel command line.
pub(super) fn kernel_parameter(text: &str) -> Verdict {
    characters(text, "kernel parameter", "A-Za-z0-9_", "A-Za-z0-9_.,:=/@%+*-", 256)?;
    let name = text.split('=').next().unwrap_or(text);
    if TAKEOVER.contains(&name) {
        let reason = format!("{} replaces the init system of the image", quote(name));
        return Err(Fault::not_a(text, "kernel parameter that a spec may set").reason(reason));
    }
    if text.split(['/', '=', ':']).any(|part| part == "..") {
        return Err(Fault::not_a(text, "kernel parameter").reason("`..` is not allowed in a path"));
    }
    Ok(())
}

/// One build option of the kernel.
pub(super) fn kernel_config(text: &str) -> Verdict {
    let fault = || Fault::not_a(text, "kernel build option").hint("for example `CONFIG_PREEMPT=y`");
    let (name, value) = text.split_once('=').ok_or_else(fault)?;
    let name = name.strip_prefix("CONFIG_").ok_or_else(fault)?;
    characters(name, "kernel build option", "A-Z0-9_", "A-Z0-9_", 64).map_err(|_| fault())?;
    characters(value, "value of a kernel build option", "A-Za-z0-9_./\"-", "A-Za-z0-9_./\"-", 64)
}

/// Reads `zstd`, `zstd:19`, `xz` and the like.
pub(crate) fn parse_compression(text: &str) -> Result<Compression, Fault> {
    let (name, level) = text.split_once(':').map_or((text, None), |(name, level)| (name, Some(level)));
    let names = ["zstd", "xz", "lzo", "lz4", "gzip", "none"];
    let (algorithm, highest) = match name {
        "zstd" => (Algorithm::Zstd, 22),
        "xz" => (Algorithm::Xz, 9),
        "lzo" => (Algorithm::Lzo, 9),
        "gzip" => (Algorithm::Gzip, 9),
        "lz4" => (Algorithm::Lz4, 0),
        "none" => (Algorithm::None, 0),
        _ => {
            let known = names.map(|name| format!("`{name}`")).join(", ");
            let hint = did_you_mean(name, names);
            return Err(Fault::not_a(text, "compression")
                .hint(format!("use one of {known}"))
                .maybe_hint(hint));
        }
    };
    let Some(level) = level else { return Ok(Compression { algorithm, level: None }) };
    match digits::<u32>(level) {
        Some(number) if (1..=highest).contains(&number) => Ok(Compression { algorithm, level: Some(number) }),
        _ if highest == 0 => Err(Fault::not_a(text, "compression").reason(format!("`{name}` has no level"))),
        _ => {
            let reason = format!("the level of `{name}` is a number from 1 to {highest}");
            Err(Fault::not_a(text, "compression").reason(reason).at(name.len() + 1..text.len()))
        }
    }
}

/// A size with a unit, or `rest`.
pub(super) fn size(text: &str) -> Verdict {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let unit = &text[digits..];
    let known = matches!(unit, "KiB" | "MiB" | "GiB" | "TiB" | "kB" | "MB" | "GB" | "TB");
    let number = (1..=9).contains(&digits) && !text.starts_with('0');
    if text == "rest" || (known && number) {
        return Ok(());
    }
    Err(Fault::not_a(text, "size").hint("for example `512MiB`, `20GiB` or `rest`"))
}

/// Standard base64, line breaks allowed.
pub(super) fn base64(text: &str) -> Verdict {
    decode_base64(text).map(|_| ()).map_err(|error| {
        Fault::new("this is not base64").reason(error.to_string()).hint("`base64 FILE` prints it")
    })
}

/// Decodes base64 with line breaks.
pub(crate) fn decode_base64(text: &str) -> Result<Vec<u8>, base64::DecodeError> {
    let compact: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).collect();
    STANDARD.decode(compact)
}

/// A script that runs in the finished tree.
pub(super) fn script(text: &str) -> Verdict {
    if text.trim().is_empty() {
        return Err(Fault::new("the script is empty").hint("remove it"));
    }
    if text.len() > 1_000_000 {
        return Err(Fault::new("the script is longer than 1000000 bytes"));
    }
    if let Some((at, c)) =
        text.char_indices().find(|&(_, c)| c.is_control() && !matches!(c, '\n' | '\r' | '\t'))
    {
        let message = format!("the script contains {}", describe(c));
        return Err(Fault::new(message).at(at..at + c.len_utf8()));
    }
    let first = text.lines().next().unwrap_or("");
    if first.strip_prefix("#!").is_some_and(|program| !program.trim_start().starts_with('/')) {
        let reason = "the interpreter after `#!` must be an absolute path";
        return Err(Fault::new("the script names no usable interpreter").reason(reason).at(0..first.len()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_names_pass_and_near_ones_are_suggested() {
        assert!(locale("de_DE.UTF-8").is_ok() && locale("C.UTF-8").is_ok());
        assert_eq!(locale("de_DE.utf8").unwrap_err().hint.unwrap(), "did you mean `de_DE.UTF-8`?");
        assert!(timezone("Europe/Berlin").is_ok() && timezone("Etc/UTC").is_ok());
        assert_eq!(timezone("Europe/Berln").unwrap_err().hint.unwrap(), "did you mean `Europe/Berlin`?");
        assert_eq!(timezone("berlin").unwrap_err().hint.unwrap(), "did you mean `Europe/Berlin`?");
        assert!(timezone("../../etc/passwd").is_err());
    }

    #[test]
    fn kernel_parameters() {
        for good in ["quiet", "console=ttyS0,115200n8", "ip=192.0.2.1::192.0.2.254:255.255.255.0::eth0:off"] {
            assert_eq!(kernel_parameter(good), Ok(()), "{good}");
        }
        for bad in ["init=/bin/sh", "rdinit=/x", "a b", "a\nb", "x=../../y", "$(id)", "a;reboot", "a\"b"] {
            assert!(kernel_parameter(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn compression_and_sizes() {
        assert_eq!(
            parse_compression("zstd:19"),
            Ok(Compression { algorithm: Algorithm::Zstd, level: Some(19) })
        );
        for bad in ["zstd:23", "zst", "lz4:1", "xz:", "zstd:+3x"] {
            assert!(parse_compression(bad).is_err(), "{bad}");
        }
        assert!(size("20GiB").is_ok() && size("rest").is_ok() && size("20").is_err() && size("0MB").is_err());
    }
}
