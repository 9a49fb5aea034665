//! Which package has which file.
//!
//! - [`contents`] reads Debian's `Contents` lists; Arch's `*.files` and rpm's `filelists` are read by their own families.
//! - [`shipped`] is the small index of commands and libraries that such lists are boiled down to.
//! - [`archive`] lists the files of one package by reading the package itself, for every family.

pub mod archive;
pub mod contents;
pub mod shipped;

/// Whether a listed path, which is absolute or without its first slash, is the one that is wanted: the whole of it, or
/// its end from a slash on, such as `bin/rg` of `usr/bin/rg`.
pub fn is_meant(path: &str, wanted: &str) -> bool {
    let (path, wanted) = (path.trim_start_matches('/'), wanted.trim_start_matches('/'));
    match path.strip_suffix(wanted) {
        Some(before) => !wanted.is_empty() && (before.is_empty() || before.ends_with('/')),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::is_meant;

    #[test]
    fn the_end_of_a_path_means_it() {
        for (path, wanted, expected) in [
            ("usr/bin/rg", "bin/rg", true),
            ("/usr/bin/rg", "/usr/bin/rg", true),
            ("usr/bin/rg", "rg", true),
            ("usr/sbin/rg", "bin/rg", false),
            ("usr/bin/rg", "", false),
            ("usr/bin/rg", "/", false),
        ] {
            assert_eq!(is_meant(path, wanted), expected, "{path} {wanted}");
        }
    }
}
