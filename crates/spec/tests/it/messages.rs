//! What people read when a spec is wrong.

use lbuild_spec::{Format, Severity, Source};

use crate::{bad, debian, pointers, source};

#[test]
fn the_message_of_the_issue() {
    let source = source(Format::Toml, "name = \"t\"\nbase = \"debian\"\npakages = [\"bash\"]\n");
    let found = bad(&source);
    assert_eq!(
        found.render(&source, false),
        "error[unknown-key]: unknown key `pakages`\n --> spec.toml:3:1\n  |\n3 | pakages = [\"bash\"]\n  | ^^^^^^^\n  \
         = help: did you mean `packages`?\n"
    );
}

#[test]
fn every_error_comes_at_once_in_the_order_of_the_text() {
    let text = "hostname = \"-x\"\nlocale = \"de_DE.utf8\"\noutputs = [\"isoo\"]\n[kernel]\nparametres = []\n\
                [[users]]\nname = \"A\"\nuid = 7\n[display]\ncompositor = \"sway\"\nserver = \"xorg\"\n";
    let found = bad(&debian(text));
    assert_eq!(
        pointers(&found),
        [
            "/hostname",
            "/locale",
            "/outputs/0",
            "/kernel/parametres",
            "/users/0/name",
            "/users/0/uid",
            "/display/server",
        ]
    );
    assert!(found.0.iter().all(|finding| finding.severity == Severity::Error));
    assert!(found.0.iter().all(|finding| finding.hint.is_some()), "{found:#?}");
}

#[test]
fn hints() {
    let cases = [
        ("security_features = {}", "did you mean `securityFeatures`?"),
        ("parameters = []", "it belongs at `kernel.parameters`"),
        ("architecture = \"amd64\"", "use one of `x86_64`, `aarch64`"),
        ("outputs = \"iso\"", "put it in square brackets"),
        ("release = 13", "put it in quotes"),
        ("[repositories]\nrecommends = \"yes\"", "write `true` or `false` without quotes"),
        ("[[users]]\nname = \"Ada\"", "write `ada`"),
        ("timezone = \"Berlin\"", "did you mean `Europe/Berlin`?"),
        ("locale = \"en_US\"\nkeyboard = 1", "put it in quotes"),
        ("[[files]]\npath = \"etc/x\"\ntext = \"\"", "write `/etc/x`"),
        ("[[files]]\npath = \"/etc/x\"", "give exactly one of `text`, `base64` and `source`"),
        ("[filesystem]\ncompression = \"zst\"", "did you mean `zstd`?"),
        ("spec = 2", "this version reads `1`"),
    ];
    for (text, hint) in cases {
        let found = bad(&debian(text));
        let hints: Vec<_> = found.0.iter().filter_map(|finding| finding.hint.as_deref()).collect();
        assert!(hints.contains(&hint), "{text}: {hints:?}");
    }
}

#[test]
fn places_are_the_same_in_every_syntax() {
    let cases = [
        (Format::Toml, "name = \"é\"\nbase = \"debian\"\n", (1, 9, 1)),
        (Format::Yaml, "name: \"é\"\nbase: debian\n", (1, 8, 1)),
        (Format::Json, "{\"name\": \"é\",\n \"base\": \"debian\"}", (1, 11, 1)),
        (Format::Yaml, "name: t\nbase: debian\nusers:\n- name: ä b\n", (4, 9, 1)),
        (
            Format::Json,
            "{\"name\": \"t\", \"base\": \"debian\",\n\"users\": [{\"name\": \"a b\"}]}",
            (2, 22, 1),
        ),
    ];
    for (format, text, place) in cases {
        let found = bad(&source(format, text));
        let first = &found.0[0];
        assert_eq!((first.line, first.column, first.length), place, "{format} {text}");
    }
}

#[test]
fn syntax_errors_have_a_place() {
    let cases = [
        (Format::Toml, "name = \n", 1),
        (Format::Toml, "a = 1\nb = [1, 2\n", 2),
        (Format::Yaml, "a: b\n  c: d\n: [", 2),
        (Format::Json, "{\"a\": 1,\n}", 2),
        (Format::Json, "{\"a\": 1\n \"b\": 2}", 2),
        (Format::Json, "", 1),
    ];
    for (format, text, line) in cases {
        let found = bad(&source(format, text));
        assert!(found.0[0].code == "syntax" || found.0[0].code == "missing", "{format} {text:?}: {found:?}");
        assert!(found.0[0].line >= line, "{format} {text:?}: line {}", found.0[0].line);
    }
}

#[test]
fn several_syntax_errors_of_toml_come_at_once() {
    let found = bad(&source(Format::Toml, "a = \nb = 1\nc = 2 2\n"));
    assert!(found.0.len() >= 2, "{found}");
}

#[test]
fn empty_and_odd_documents() {
    for (format, text) in [
        (Format::Toml, ""),
        (Format::Yaml, ""),
        (Format::Yaml, "- a"),
        (Format::Yaml, "a"),
        (Format::Json, "[]"),
        (Format::Json, "null"),
        (Format::Json, "3"),
    ] {
        let source: Source = source(format, text);
        let found = bad(&source);
        assert!(!found.render(&source, false).is_empty());
    }
}
