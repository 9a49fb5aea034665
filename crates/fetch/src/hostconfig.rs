//! Which mirrors the machine's own package configuration names.
//!
//! apt's two source formats are read (`.list` lines and deb822 `.sources`), without asking apt, so that this also works
//! where only the files are there.

use std::{
    collections::BTreeMap,
    fs, io,
    path::{Path, PathBuf},
};

mod deb822;
mod line;

/// One entry of apt's source lists.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AptSource {
    /// Where the archive is, as written.
    pub uris: Vec<String>,
    /// Suites or codenames.
    pub suites: Vec<String>,
    /// Components.
    pub components: Vec<String>,
    /// The `Signed-By` option, as written.
    pub signed_by: Option<String>,
}

/// Mirrors by archive, best first, without a slash at the end.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Mirrors {
    /// Mirrors of `debian`.
    pub debian: Vec<String>,
    /// Mirrors of `debian-security`.
    pub debian_security: Vec<String>,
}

/// Why the configuration cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read the package configuration `{path}`")]
pub struct HostConfigError {
    /// The file or directory.
    pub path: PathBuf,
    /// What the system says.
    #[source]
    pub source: io::Error,
}

/// Reads the package configuration below `root` (`/` for the machine itself). On a system that is not Debian, or that
/// has no such configuration, there are no mirrors.
pub fn debian_mirrors(root: &Path) -> Result<Mirrors, HostConfigError> {
    if !is_debian(&read(&root.join("etc/os-release"))?.unwrap_or_default()) {
        return Ok(Mirrors::default());
    }
    let mut sources = Vec::new();
    let apt = root.join("etc/apt");
    if let Some(text) = read(&apt.join("sources.list"))? {
        sources.extend(line::parse(&text));
    }
    for path in source_files(&apt.join("sources.list.d"))? {
        let text = read(&path)?.unwrap_or_default();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("list") => sources.extend(line::parse(&text)),
            _ => sources.extend(deb822::parse(&text)),
        }
    }
    let lists = mirror_lists(root, &sources)?;
    Ok(classify(&sources, &lists))
}

/// Sorts the URIs of `sources` by the Debian archive that they hold; what is not a Debian archive is left out. `lists`
/// gives the content of the files that `mirror+file:` URIs name.
pub fn classify(sources: &[AptSource], lists: &BTreeMap<String, String>) -> Mirrors {
    let mut mirrors = Mirrors::default();
    for source in sources.iter().filter(|source| is_debian_archive(source)) {
        let security = source.suites.iter().any(|suite| is_security(suite));
        for uri in source.uris.iter().flat_map(|uri| expand(uri, lists)) {
            let uri = uri.trim_end_matches('/').to_owned();
            let list = if security { &mut mirrors.debian_security } else { &mut mirrors.debian };
            if is_fetchable(&uri) && !list.contains(&uri) {
                list.push(uri);
            }
        }
    }
    mirrors
}

/// Third-party archives use Debian's codenames too: what tells the real one is its component `main` together with a
/// suite of its own naming, and either the archive's key or its usual path.
fn is_debian_archive(source: &AptSource) -> bool {
    const VARIANTS: [&str; 5] = ["", "-updates", "-security", "-backports", "-proposed-updates"];
    let suites_match = source.suites.iter().all(|suite| {
        let (name, variant) = suite.find('-').map_or((suite.as_str(), ""), |dash| suite.split_at(dash));
        let name = name.strip_suffix("/updates").unwrap_or(name);
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase()) && VARIANTS.contains(&variant)
    });
    let own_key = source.signed_by.as_deref().is_none_or(|key| key.contains("debian-archive"));
    let usual_path = source.uris.iter().all(|uri| {
        let last = uri.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
        last.starts_with("debian")
    });
    let main = source.components.iter().any(|component| component == "main");
    let keyed = source.signed_by.is_some() && own_key;
    main && suites_match && !source.suites.is_empty() && own_key && (keyed || usual_path)
}

fn is_security(suite: &str) -> bool {
    suite.ends_with("-security") || suite.ends_with("/updates")
}

fn is_fetchable(uri: &str) -> bool {
    ["http://", "https://", "file:", "copy:"].iter().any(|scheme| uri.starts_with(scheme))
}

/// The mirrors that a `mirror+file:` URI stands for, or the URI itself.
fn expand(uri: &str, lists: &BTreeMap<String, String>) -> Vec<String> {
    let Some(text) = lists.get(uri) else { return vec![uri.to_owned()] };
    text.lines()
        .filter_map(|line| line.split(['\t', ' ']).next())
        .filter(|uri| !uri.is_empty() && !uri.starts_with('#'))
        .map(str::to_owned)
        .collect()
}

fn mirror_lists(root: &Path, sources: &[AptSource]) -> Result<BTreeMap<String, String>, HostConfigError> {
    let mut lists = BTreeMap::new();
    for uri in sources.iter().flat_map(|source| &source.uris) {
        if let Some(path) = uri.strip_prefix("mirror+file:") {
            let path = root.join(path.trim_start_matches('/'));
            lists.insert(uri.clone(), read(&path)?.unwrap_or_default());
        }
    }
    Ok(lists)
}

fn is_debian(os_release: &str) -> bool {
    os_release
        .lines()
        .filter_map(|line| line.strip_prefix("ID="))
        .any(|value| value.trim().trim_matches('"') == "debian")
}

/// The files that apt would read, in its order.
fn source_files(dir: &Path) -> Result<Vec<PathBuf>, HostConfigError> {
    let failed = |source| HostConfigError { path: dir.to_path_buf(), source };
    let listing = match fs::read_dir(dir) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        result => result.map_err(failed)?,
    };
    let mut paths = Vec::new();
    for entry in listing {
        let path = entry.map_err(failed)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        let plain = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte));
        let extension = path.extension().and_then(|extension| extension.to_str());
        if plain && matches!(extension, Some("list" | "sources")) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

fn read(path: &Path) -> Result<Option<String>, HostConfigError> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(String::from_utf8_lossy(&bytes).into_owned())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(HostConfigError { path: path.to_path_buf(), source }),
    }
}

#[cfg(test)]
mod tests;
