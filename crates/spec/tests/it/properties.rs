//! Properties that hold for any input.

use lbuild_spec::{Format, blueprint, parse, validate};
use proptest::prelude::*;
use serde_json::{Map, Value};

use crate::source;

/// Any JSON value that a spec could hold.
fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        "[a-z]{1,8}".prop_map(Value::from),
    ];
    leaf.prop_recursive(4, 40, 5, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..5).prop_map(Value::from),
            prop::collection::vec(("[a-zA-Z ]{0,6}", inner), 0..5)
                .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

/// The keys of a spec with any values.
fn any_spec() -> impl Strategy<Value = Value> {
    let keys = prop::sample::select(vec![
        "spec",
        "name",
        "base",
        "release",
        "outputs",
        "users",
        "network",
        "kernel",
        "packages",
        "remove",
        "files",
        "layers",
        "services",
        "securityFeatures",
        "repositories",
        "mirrors",
        "postInstall",
        "keyboard",
        "display",
        "filesystem",
        "defaults",
        "backup",
    ]);
    prop::collection::vec((keys.prop_map(str::to_owned), any_json()), 0..8)
        .prop_map(|entries| Value::Object(entries.into_iter().collect::<Map<_, _>>()))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn our_json_agrees_with_serde_json(value in any_json(), cut in 0usize..400) {
        let text = serde_json::to_string_pretty(&serde_json::json!({"x": value})).unwrap();
        let cut = (0..=cut.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
        for text in [text.as_str(), &text[..cut]] {
            let ours = validate(&source(Format::Json, text)).unwrap_err();
            let syntax = ours.0.iter().any(|finding| finding.code == "syntax");
            prop_assert_eq!(syntax, serde_json::from_str::<Value>(text).is_err(), "{}", text);
        }
    }

    #[test]
    fn any_text_is_answered(text in ".{0,200}") {
        for format in [Format::Toml, Format::Yaml, Format::Json] {
            let source = source(format, &text);
            if let Err(found) = validate(&source) {
                prop_assert!(found.has_errors());
                prop_assert!(!found.render(&source, true).is_empty());
            }
        }
    }

    #[test]
    fn any_spec_is_answered_and_places_lie_in_the_text(value in any_spec()) {
        let text = serde_json::to_string_pretty(&value).unwrap();
        let source = source(Format::Json, &text);
        let lines = u32::try_from(text.lines().count()).unwrap();
        if let Err(found) = validate(&source) {
            for finding in &found.0 {
                prop_assert!(finding.line >= 1 && finding.line <= lines.max(1), "{finding:?}");
                prop_assert!(finding.column >= 1 && finding.length >= 1);
            }
        }
    }

    #[test]
    fn in_two_steps_or_in_one_the_answer_is_the_same(value in any_spec()) {
        let source = source(Format::Json, &value.to_string());
        let steps = parse(&source).and_then(|spec| blueprint(&spec, &source));
        match (steps, validate(&source)) {
            (Ok(a), Ok(b)) => prop_assert_eq!(a, b),
            (Err(_), Err(_)) => {}
            (a, b) => prop_assert!(false, "{:?} against {:?}", a.is_ok(), b.is_ok()),
        }
    }

    #[test]
    fn good_names_are_good_in_every_syntax(name in "[a-z0-9][a-z0-9_-]{0,20}", package in "[a-z0-9][a-z0-9+.]{1,20}") {
        let texts = [
            (Format::Toml, format!("name = \"{name}\"\nbase = \"debian\"\npackages = [\"{package}\"]\n")),
            (Format::Yaml, format!("name: '{name}'\nbase: debian\npackages: ['{package}']\n")),
            (Format::Json, format!("{{\"name\": \"{name}\", \"base\": \"debian\", \"packages\": [\"{package}\"]}}")),
        ];
        let digests = texts.map(|(format, text)| validate(&source(format, &text)).map(|b| b.digest));
        prop_assert!(digests[0].is_ok(), "{:?}", digests[0]);
        prop_assert_eq!(&digests[0], &digests[1]);
        prop_assert_eq!(&digests[0], &digests[2]);
    }
}
