//! Which crate may depend on which.

use std::collections::BTreeMap;

use crate::workspace::{Workspace, WorkspaceError, crate_of};

/// The layers, lowest first. A crate depends on crates of lower layers only.
const LAYERS: &[(&str, &[&str])] = &[
    ("pure", &["digest", "spec", "solve"]),
    ("formats", &["repo", "image"]),
    ("infra", &["store", "fetch", "sandbox", "db"]),
    ("core", &["engine"]),
    ("edge", &["server", "cli"]),
    ("dev", &["testkit", "xtask", "fuzz"]),
];

/// Edges inside a layer that are worth it.
const SIDEWAYS: &[(&str, &str, &str)] = &[
    ("fetch", "store", "a download streams into the store's blob writer, which names it by digest"),
    ("cli", "server", "`lbuild serve` is a command like others"),
];

/// The longest chain of dependencies, counted in crates.
const LONGEST_CHAIN: usize = 6;

/// Third-party crates that few may use: the crate, who may, why.
const RESERVED: &[(&str, &[&str], &str)] = &[
    ("ureq", &["fetch"], "HTTP is spoken in one place, with its limits and retries"),
    ("pgp", &["repo", "testkit"], "signatures are judged by one policy; the test kit makes them"),
    ("resolvo", &["solve"], "the rest of the workspace knows our model of packages, not the solver's"),
    ("landlock", &["sandbox"], "confinement is applied in one place, in one order"),
    ("seccompiler", &["sandbox"], "confinement is applied in one place, in one order"),
    ("liblzma", &["repo"], "foreign bytes are decompressed through one size-capped reader"),
    ("bzip2", &["repo"], "foreign bytes are decompressed through one size-capped reader"),
    ("quick-xml", &["repo"], "XML is read in one place, which bounds depth, names and text"),
    ("clap", &["cli", "xtask", "fuzz"], "only programs have a command line"),
    ("indicatif", &["cli"], "only the command line draws progress; the engine sends events"),
    ("signal-hook", &["cli"], "libraries are told to stop by a flag, not by a signal"),
    (
        "tokio",
        &["db", "server", "testkit"],
        "the engine is synchronous: builds wait for processes and disks, not for sockets",
    ),
    ("sea-orm", &["db"], "SQL is spoken in one place"),
    ("sea-orm-migration", &["db"], "SQL is spoken in one place"),
    ("axum", &["server"], "HTTP is served in one place, with its limits and its problems"),
    ("async-nats", &["server"], "messages only say that there is news, and one place keeps them that way"),
    ("object_store", &["server"], "artifacts are reached in one place, which checks their digests"),
    ("reqwest", &["server"], "only the client of S3 uses it; all other HTTP is spoken by `fetch`"),
    ("rand", &["testkit"], "seeds and ids come as arguments, so that every output can be made again"),
];

/// Third-party crates that reach out of the process, which pure code does not.
const NOT_PURE: &[&str] = &["rustix", "tempfile", "jiff", "rayon", "libc"];

fn layer(name: &str) -> Option<usize> {
    LAYERS.iter().position(|(_, crates)| crates.contains(&name))
}

/// Names of the dependencies in one table of a manifest.
fn names<'a>(manifest: &'a toml::Table, table: &str) -> Vec<&'a str> {
    manifest
        .get(table)
        .and_then(toml::Value::as_table)
        .map_or(Vec::new(), |table| table.keys().map(String::as_str).collect())
}

/// Crates of the workspace are called `lbuild-<folder>`.
fn ours(dependency: &str) -> Option<&str> {
    dependency.strip_prefix("lbuild-").or((dependency == "lbuild").then_some("cli"))
}

/// The rule about layers.
pub fn dependencies(workspace: &Workspace) -> Result<Vec<String>, WorkspaceError> {
    let mut found = Vec::new();
    let mut graph: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for file in workspace.manifests() {
        let manifest = workspace.read_toml(file)?;
        let Some(name) = crate_of(file) else { continue };
        let Some(level) = layer(name) else {
            found.push(format!("`{name}` is in no layer; add it to the table in `xtask/src/tidy/layers.rs`"));
            continue;
        };
        let normal = names(&manifest, "dependencies");
        for dependency in &normal {
            found.extend(judge(name, level, dependency));
        }
        graph.insert(name.to_owned(), normal.iter().filter_map(|d| ours(d)).map(str::to_owned).collect());
    }
    for name in graph.keys() {
        let chain = longest_chain(&graph, name);
        if chain.len() > LONGEST_CHAIN {
            found.push(format!("the chain {} is longer than {LONGEST_CHAIN}", chain.join(" -> ")));
        }
    }
    Ok(found)
}

fn judge(name: &str, level: usize, dependency: &str) -> Option<String> {
    if let Some((_, allowed, why)) = RESERVED.iter().find(|(reserved, ..)| *reserved == dependency) {
        return (!allowed.contains(&name)).then(|| format!("`{name}` must not use `{dependency}`: {why}"));
    }
    if level == 0 && NOT_PURE.contains(&dependency) {
        return Some(format!("`{name}` is pure and must not use `{dependency}`"));
    }
    let other = ours(dependency)?;
    let (dev, sideways) = (LAYERS.len() - 1, SIDEWAYS.iter().any(|(a, b, _)| *a == name && *b == other));
    match layer(other) {
        Some(other_level) if other_level == dev => {
            Some(format!("`{name}` must not depend on `{other}` outside its tests"))
        }
        Some(other_level) if other_level < level || sideways || level == dev => None,
        Some(_) => Some(format!("`{name}` must not depend on `{other}`, which is not in a lower layer")),
        None => Some(format!("`{other}` is in no layer")),
    }
}

fn longest_chain(graph: &BTreeMap<String, Vec<String>>, from: &str) -> Vec<String> {
    let below = graph.get(from).into_iter().flatten().map(|next| longest_chain(graph, next));
    let mut chain = vec![from.to_owned()];
    chain.extend(below.max_by_key(Vec::len).unwrap_or_default());
    chain
}

/// The rule about lints.
pub fn lints(workspace: &Workspace) -> Result<Vec<String>, WorkspaceError> {
    let mut found = Vec::new();
    for file in workspace.manifests() {
        let manifest = workspace.read_toml(file)?;
        let inherited =
            manifest.get("lints").and_then(|lints| lints.get("workspace")).and_then(toml::Value::as_bool);
        if inherited != Some(true) {
            found.push(format!("`{file}` lacks `[lints] workspace = true`"));
        }
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::{judge, layer};

    #[test]
    fn only_lower_layers_and_listed_neighbours_pass() {
        let level = |name| layer(name).expect("a layer");
        assert_eq!(judge("engine", level("engine"), "lbuild-store"), None);
        assert_eq!(judge("fetch", level("fetch"), "lbuild-store"), None);
        assert!(judge("store", level("store"), "lbuild-fetch").is_some());
        assert!(judge("spec", level("spec"), "lbuild-engine").is_some());
        assert!(judge("engine", level("engine"), "lbuild-testkit").is_some());
        assert_eq!(judge("xtask", level("xtask"), "lbuild-spec"), None);
    }

    #[test]
    fn reserved_crates_are_refused_elsewhere() {
        assert_eq!(judge("fetch", 2, "ureq"), None);
        assert!(judge("engine", 3, "ureq").is_some());
        assert!(judge("engine", 3, "tokio").is_some());
        assert!(judge("solve", 0, "rustix").is_some());
    }
}
