//! The shape of `--json`, the schema, completions and manual pages.

use std::fs;
use std::process::Command;

use serde_json::{Value, json};

use crate::program::{MINIMAL, Place};

/// The keys of an object, in order of the alphabet.
fn keys(value: &Value) -> Vec<&str> {
    let mut keys: Vec<&str> = value.as_object().expect("an object").keys().map(String::as_str).collect();
    keys.sort_unstable();
    keys
}

#[test]
fn validate_lists_what_it_found() {
    let place = Place::with_spec(MINIMAL);
    let ended = place.run(&["validate", "spec.toml", "--json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(0), ""));
    assert_eq!(ended.json(), json!({"valid": true, "file": "spec.toml", "diagnostics": []}));

    place.write("spec.toml", MINIMAL.replace("packages", "pakages"));
    let ended = place.run(&["validate", "spec.toml", "--json"]);
    assert_eq!((ended.code, ended.stderr.as_str()), (Some(3), ""));
    let found = &ended.json()["diagnostics"][0];
    assert_eq!(
        keys(found),
        ["code", "column", "file", "hint", "length", "line", "message", "pointer", "severity"]
    );
    assert_eq!(
        (&found["code"], &found["line"], &found["column"]),
        (&json!("unknown-key"), &json!(6), &json!(1))
    );
}

#[test]
fn a_failure_is_an_object_too() {
    let ended = Place::new().run(&["build", "nowhere.toml", "--json"]);
    assert_eq!(ended.code, Some(3));
    let value = ended.json();
    assert_eq!(keys(&value), ["error"]);
    assert_eq!(keys(&value["error"]), ["causes", "details", "exitCode", "hint", "message"]);
    assert_eq!(value["error"]["exitCode"], 3);
    assert!(ended.stderr.starts_with("error: cannot read `nowhere.toml`\n"), "{}", ended.stderr);
}

#[test]
fn a_wrong_command_line_is_an_object_too() {
    let ended = Place::new().run(&["build", "spec.toml", "--json", "--outputs", "floppy"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    let error = &ended.json()["error"];
    assert_eq!(error["exitCode"], 2);
    let message = error["message"].as_str().expect("a message");
    assert!(message.starts_with("invalid value 'floppy' for '--outputs <LIST>'"), "{message}");
    assert!(ended.stderr.starts_with("error: invalid value 'floppy'"), "{}", ended.stderr);
}

#[test]
fn the_schema_accepts_what_validate_accepts() {
    let schema = Place::new().run(&["schema"]).json();
    assert_eq!(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
    assert!(schema["properties"]["packages"].is_object());
}

#[test]
fn every_shell_reads_its_completions() {
    let place = Place::new();
    for (shell, check) in [("bash", "bash"), ("zsh", "zsh"), ("fish", "fish")] {
        let ended = place.run(&["completions", shell]);
        assert_eq!(ended.code, Some(0));
        for word in ["build", "validate", "boot-check", "explain"] {
            assert!(ended.stdout.contains(word), "{shell} lacks {word}");
        }
        place.write("completions", &ended.stdout);
        // every one of these shells checks the syntax of a script with -n
        let status =
            Command::new(check).arg("-n").arg(place.path("completions")).status().expect("the shell starts");
        assert!(status.success(), "{shell}");
    }
}

#[test]
fn bash_completes_commands_and_options() {
    let place = Place::new();
    place.write("lbuild.bash", place.run(&["completions", "bash"]).stdout);
    let complete = |line: &str| {
        let words: Vec<String> = line.split(' ').map(|word| format!("'{word}'")).collect();
        let script = format!(
            "source lbuild.bash; COMP_WORDS=({}); COMP_CWORD={}; _lbuild lbuild '{}' '{}'; echo \"${{COMPREPLY[@]}}\"",
            words.join(" "),
            words.len() - 1,
            line.rsplit(' ').next().unwrap_or_default(),
            line.rsplit(' ').nth(1).unwrap_or_default(),
        );
        let output =
            Command::new("bash").args(["-c", &script]).current_dir(place.directory()).output().expect("bash");
        String::from_utf8_lossy(&output.stdout).trim().to_owned()
    };
    assert_eq!(complete("lbuild val"), "validate");
    assert_eq!(complete("lbuild build --boot-c"), "--boot-check");
}

#[test]
fn there_is_a_manual_page_for_every_command() {
    let place = Place::new();
    let page = place.run(&["man"]).stdout;
    assert!(page.contains(".TH lbuild 1") && page.contains("lbuild\\-build(1)"), "{page}");
    assert_eq!(place.run(&["man", "--out", "man1"]).code, Some(0));
    let mut pages: Vec<String> = fs::read_dir(place.path("man1"))
        .expect("the directory")
        .map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned())
        .collect();
    pages.sort();
    for page in ["lbuild.1", "lbuild-build.1", "lbuild-cache-gc.1"] {
        assert!(pages.iter().any(|name| name == page), "{page} is not among {pages:?}");
    }
}

#[test]
fn what_is_no_document_has_one_all_the_same() {
    let place = Place::new();
    let script = place.run(&["--json", "completions", "fish"]).json();
    assert_eq!(script["shell"], "fish");
    assert!(script["script"].as_str().is_some_and(|text| text.contains("lbuild")));
    let page = place.run(&["--json", "man"]).json();
    assert!(page["page"].as_str().is_some_and(|text| text.contains(".TH lbuild")), "{page}");
    let ended = place.run(&["--json", "boot", "any.iso"]);
    assert_eq!(ended.code, Some(2), "{ended:?}");
    assert!(ended.stderr.contains("--check"), "{ended:?}");
}
