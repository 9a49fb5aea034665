//! `.PKGINFO` and `.BUILDINFO`: `key = value` lines inside a package.

use super::description::{Description, DescriptionError, number, shown};

/// Why the text of a `.PKGINFO` or `.BUILDINFO` is refused.
#[derive(Debug, thiserror::Error)]
pub enum InfoError {
    /// Not UTF-8.
    #[error("text is not UTF-8")]
    NotText,
    /// A line that is not `key = value`.
    #[error("line {line} is not `key = value`")]
    Line {
        /// Number of the line, from 1.
        line: usize,
    },
    /// A field is missing, repeated or malformed.
    #[error("package is refused")]
    Description(#[from] DescriptionError),
}

/// What a `.PKGINFO` says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct PackageInfo {
    /// What the database says too.
    pub description: Description,
    /// Files that keep the changes of the administrator, as paths below the root.
    pub backup: Vec<String>,
}

/// What a `.BUILDINFO` says about how the package was made.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct BuildInfo {
    /// Version of the format; 1 when not said.
    pub format: u64,
    /// When it was built, in seconds since the Unix epoch; 0 when not said.
    pub build_date: u64,
    /// Directory in which it was built.
    pub directory: String,
    /// SHA-256 of the recipe, in hexadecimal digits.
    pub recipe_sha256: String,
    /// The program that built it and its version; formats of 2021 and later.
    pub tool: String,
    /// The packages that were installed, as `name-version-release[-arch]`.
    pub installed: Vec<String>,
}

/// The pairs of a text, with the numbers of their lines.
fn pairs(bytes: &[u8]) -> Result<Vec<(&str, &str)>, InfoError> {
    let text = std::str::from_utf8(bytes).map_err(|_| InfoError::NotText)?;
    let mut pairs = Vec::new();
    for (number, line) in text.lines().enumerate() {
        if line.trim().is_empty() || line.starts_with('#') {
            continue;
        }
        let bad = InfoError::Line { line: number + 1 };
        let Some((key, value)) = line.split_once('=') else { return Err(bad) };
        let (key, value) = (key.trim(), value.trim());
        let proper = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_';
        if key.is_empty() || !key.bytes().all(proper) || value.chars().any(char::is_control) {
            return Err(bad);
        }
        pairs.push((key, value));
    }
    Ok(pairs)
}

/// Every key of a `.PKGINFO` that a database knows too, with its name there.
const FIELDS: [(&str, &str); 16] = [
    ("pkgname", "NAME"),
    ("pkgbase", "BASE"),
    ("pkgver", "VERSION"),
    ("pkgdesc", "DESC"),
    ("url", "URL"),
    ("arch", "ARCH"),
    ("packager", "PACKAGER"),
    ("size", "ISIZE"),
    ("builddate", "BUILDDATE"),
    ("license", "LICENSE"),
    ("group", "GROUPS"),
    ("depend", "DEPENDS"),
    ("optdepend", "OPTDEPENDS"),
    ("provides", "PROVIDES"),
    ("conflict", "CONFLICTS"),
    ("replaces", "REPLACES"),
];

/// Reads a `.PKGINFO`. Keys that only matter to who builds packages are passed over.
pub fn package_info(bytes: &[u8]) -> Result<PackageInfo, InfoError> {
    let pairs = pairs(bytes)?;
    let mut info = PackageInfo::default();
    for (key, field) in FIELDS {
        let values: Vec<&str> =
            pairs.iter().filter(|pair| pair.0 == key && !pair.1.is_empty()).map(|pair| pair.1).collect();
        if !values.is_empty() {
            info.description.set(field, &values)?;
        }
    }
    info.description.check()?;
    for (_, path) in pairs.iter().filter(|pair| pair.0 == "backup") {
        if !super::database::is_inside(path) {
            return Err(DescriptionError::Value { field: "backup".to_owned(), value: shown(path) }.into());
        }
        info.backup.push((*path).to_owned());
    }
    Ok(info)
}

/// Reads a `.BUILDINFO`.
pub fn build_info(bytes: &[u8]) -> Result<BuildInfo, InfoError> {
    let mut info = BuildInfo { format: 1, ..BuildInfo::default() };
    for (key, value) in pairs(bytes)? {
        match key {
            "format" => info.format = number(key, value)?,
            "builddate" => info.build_date = number(key, value)?,
            "builddir" => value.clone_into(&mut info.directory),
            "pkgbuild_sha256sum" => value.clone_into(&mut info.recipe_sha256),
            "buildtool" => value.clone_into(&mut info.tool),
            "buildtoolver" if !info.tool.is_empty() => {
                info.tool.push(' ');
                info.tool.push_str(value);
            }
            "installed" => info.installed.push(value.to_owned()),
            _ => {}
        }
    }
    Ok(info)
}
