//! The archives of a lock as lines of `sources.list`, for the programs that we are compared with.

use std::fs;
use std::path::PathBuf;

use serde::Deserialize;

/// One index of a lock.
#[derive(Deserialize)]
pub struct Index {
    repository: String,
    suite: String,
    components: Vec<String>,
}

/// The lines of `sources.list`.
pub fn lines(indexes: &[Index]) -> Result<String, String> {
    let mut lines = Vec::new();
    for index in indexes {
        let mirror = mirror(&index.repository).ok_or_else(|| {
            format!("no mirror of `{}`: set LBUILD_MIRROR_{}", index.repository, variable(&index.repository))
        })?;
        lines.push(format!("deb {mirror} {} {}\n", index.suite, index.components.join(" ")));
    }
    Ok(lines.concat())
}

fn variable(repository: &str) -> String {
    repository.to_uppercase().replace('-', "_")
}

/// The mirror of a repository: the environment's, else the one in this machine's package configuration.
fn mirror(repository: &str) -> Option<String> {
    if let Some(mirror) =
        std::env::var(format!("LBUILD_MIRROR_{}", variable(repository))).ok().filter(|m| !m.is_empty())
    {
        return mirror.split_whitespace().next().map(str::to_owned);
    }
    let listed =
        fs::read_dir("/etc/apt/sources.list.d").into_iter().flatten().flatten().map(|entry| entry.path());
    let files = listed.chain([PathBuf::from("/etc/apt/sources.list")]);
    let text: String = files.filter_map(|file| fs::read_to_string(file).ok()).collect();
    find_mirror(&text, repository)
}

fn find_mirror(text: &str, repository: &str) -> Option<String> {
    let lines = text.lines().filter(|line| !line.trim_start().starts_with('#'));
    let mut words = lines.flat_map(str::split_whitespace).map(|word| word.trim_end_matches('/'));
    words.find(|word| word.contains("://") && word.ends_with(&format!("/{repository}"))).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::find_mirror;

    #[test]
    fn both_forms_of_sources_are_read_and_comments_are_not() {
        let text = "# deb http://a.example/debian x main\nURIs: http://b.example/debian/\ndeb [a=b] http://c.example/debian-security y";
        assert_eq!(find_mirror(text, "debian").as_deref(), Some("http://b.example/debian"));
        assert_eq!(find_mirror(text, "debian-security").as_deref(), Some("http://c.example/debian-security"));
        assert_eq!(find_mirror(text, "ubuntu"), None);
    }
}
