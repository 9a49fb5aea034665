//! The Debian mirror that this machine's own apt configuration names.

use std::path::Path;

/// Base addresses of the archive and of its security part.
pub struct Mirrors {
    pub archive: String,
    pub security: String,
}

/// Finds them, or says what is missing.
pub fn mirrors() -> Mirrors {
    let entries = entries(Path::new("/etc/apt"));
    let find = |what: &str, wanted: fn(&str) -> bool| {
        let found = entries.iter().find(|(_, suite)| wanted(suite)).map(|(uri, _)| uri.clone());
        found.unwrap_or_else(|| {
            panic!("the apt configuration of this machine names no mirror of Debian's {what}")
        })
    };
    let codenames =
        |suite: &str| ["bullseye", "bookworm", "trixie", "forky", "sid", "stable"].contains(&suite);
    Mirrors {
        archive: find("archive", codenames),
        security: find("security archive", |suite| suite.ends_with("-security")),
    }
}

/// Every address with every suite of it.
fn entries(etc: &Path) -> Vec<(String, String)> {
    let mut files = vec![etc.join("sources.list")];
    let parts = std::fs::read_dir(etc.join("sources.list.d")).into_iter().flatten().flatten();
    let mut parts: Vec<_> = parts.map(|entry| entry.path()).collect();
    parts.sort();
    files.append(&mut parts);
    let mut entries = Vec::new();
    for file in files {
        let Ok(text) = std::fs::read_to_string(&file) else { continue };
        if file.extension().is_some_and(|extension| extension == "sources") {
            text.split("\n\n").for_each(|stanza| read_stanza(stanza, &mut entries));
        } else {
            text.lines().for_each(|line| read_line(line, &mut entries));
        }
    }
    entries
}

fn read_stanza(stanza: &str, entries: &mut Vec<(String, String)>) {
    let field = |name: &str| {
        let line = stanza.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        line.unwrap_or_default().split_whitespace().map(|word| word.trim_end_matches('/').to_owned())
    };
    for uri in field("URIs") {
        entries.extend(field("Suites").map(|suite| (uri.clone(), suite)));
    }
}

fn read_line(line: &str, entries: &mut Vec<(String, String)>) {
    let Some(rest) = line.trim().strip_prefix("deb ") else { return };
    let rest = rest.trim_start();
    let rest = if rest.starts_with('[') { rest.split_once(']').map_or("", |(_, rest)| rest) } else { rest };
    let mut words = rest.split_whitespace();
    if let (Some(uri), Some(suite)) = (words.next(), words.next()) {
        entries.push((uri.trim_end_matches('/').to_owned(), suite.to_owned()));
    }
}
