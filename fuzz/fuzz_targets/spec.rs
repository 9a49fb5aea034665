//! Specs in every syntax: any text is answered, and what is accepted keeps the promises that the engine builds on.

use lbuild_spec::blueprint::Content;
use lbuild_spec::{Blueprint, Format, Source, blueprint, parse, validate};

/// Reads the bytes as TOML, YAML and JSON.
pub fn run(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    for format in [Format::Toml, Format::Yaml, Format::Json] {
        let source = Source { file: "fuzz".to_owned(), format, text: text.to_owned() };
        let steps = parse(&source).and_then(|spec| blueprint(&spec, &source));
        match (steps, validate(&source)) {
            (Ok(one), Ok(other)) => {
                assert_eq!(one.digest, other.digest, "{format}: two ways to read a spec differ");
                promises(&one);
            }
            (Err(one), Err(_)) => {
                let shown = one.render(&source, false);
                assert!(one.has_errors() && !shown.is_empty());
                assert!(!shown.contains(|c: char| c.is_control() && c != '\n'), "{format}: {shown:?}");
            }
            (one, _) => panic!("{format}: in steps {:?}, at once the opposite", one.is_ok()),
        }
    }
}

/// What must hold for anything that a builder acts on.
fn promises(blueprint: &Blueprint) {
    let plain = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
    assert!(
        plain(&blueprint.name) && !blueprint.name.contains(['/', ':']) && !blueprint.name.starts_with('.')
    );
    assert!(plain(&blueprint.hostname) && !blueprint.outputs.is_empty());
    for package in &blueprint.packages {
        assert!(plain(&package.value.name) && !package.value.name.starts_with(['-', '?', '~', '.', '/']));
    }
    for user in &blueprint.users {
        assert!(plain(&user.value.name) && !user.value.name.contains([':', '/']));
    }
    for parameter in &blueprint.kernel.parameters {
        assert!(plain(parameter) && !parameter.contains(['"', '\'', '$', '\\', ';']));
    }
    for file in &blueprint.files {
        let path = file.value.path.as_str();
        assert!(
            path.starts_with('/') && path.split('/').skip(1).all(|part| !matches!(part, "" | "." | ".."))
        );
        if let Content::Source(path) = &file.value.content {
            assert!(path.split('/').all(|part| !matches!(part, "" | "." | "..")));
        }
    }
}
