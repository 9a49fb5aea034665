//! Layers, merge strategies and origins.

use lbuild_spec::blueprint::Content;
use lbuild_spec::{Blueprint, Layer, Tier};

use crate::{bad, debian, good};

fn names(blueprint: &Blueprint) -> Vec<&str> {
    blueprint.packages.iter().map(|package| package.value.name.as_str()).collect()
}

fn content(blueprint: &Blueprint, path: &str) -> String {
    let file = blueprint.files.iter().find(|file| file.value.path == path).unwrap();
    match &file.value.content {
        Content::Bytes(bytes) => String::from_utf8(bytes.clone()).unwrap(),
        Content::Source(path) => panic!("a source: {path}"),
    }
}

#[test]
fn higher_layers_win_and_remember() {
    let text = "hostname = \"low\"\n[layers.talkingPoints]\nhostname = \"middle\"\n[layers.closingArgument]\nhostname = \"high\"\n";
    let blueprint = good(&debian(text));
    assert_eq!(blueprint.hostname, "high");
    let origin = &blueprint.set.iter().find(|field| field.pointer == "/hostname").unwrap().origin;
    assert_eq!((origin.layer, origin.line, origin.column), (Layer::ClosingArgument, 7, 12));
    let lost: Vec<_> = origin.overrode.iter().map(|lost| (lost.layer, lost.line)).collect();
    assert_eq!(lost, [(Layer::Rhetoric, 3), (Layer::TalkingPoints, 5)]);
}

#[test]
fn base_can_come_from_a_layer() {
    let text = "name = \"t\"\n[layers.openingStatement]\nbase = \"debian\"\npackages = [\"bash\"]\n";
    let blueprint = good(&crate::source(lbuild_spec::Format::Toml, text));
    assert_eq!(blueprint.packages[0].value.tier, Tier::Base);
}

#[test]
fn tiers_follow_layer_and_category() {
    let text = "[packages]\nbase = [\"aa\"]\nutils = [\"bb\"]\n[layers.platform]\npackages = [\"cc\"]\n\
                [layers.closingArgument]\npackages = [\"dd\"]\n";
    let blueprint = good(&debian(text));
    let tiers: Vec<_> = blueprint.packages.iter().map(|p| (p.value.name.as_str(), p.value.tier)).collect();
    assert_eq!(tiers, [("cc", Tier::Base), ("aa", Tier::Base), ("bb", Tier::Added), ("dd", Tier::Added)]);
}

#[test]
fn packages_meet_by_name() {
    let text = "packages = [\"aa\", \"bb\", \"cc\"]\n[layers.closingArgument]\npackages = [\"aa=2\", \"dd\"]\nremove = [\"bb\"]\n";
    let blueprint = good(&debian(text));
    assert_eq!(names(&blueprint), ["aa", "cc", "dd"]);
    assert_eq!(blueprint.packages[0].value.version.as_ref().unwrap().version, "2");
    assert_eq!(blueprint.packages[0].origin.overrode.len(), 1);
    assert_eq!(blueprint.remove[0].value, "bb");
    assert_eq!(blueprint.remove[0].origin.overrode[0].layer, Layer::TalkingPoints);
}

#[test]
fn a_higher_request_brings_a_removed_package_back() {
    let text = "remove = [\"aa\"]\n[layers.closingArgument.packages]\naa = true\n";
    let blueprint = good(&debian(text));
    assert_eq!(names(&blueprint), ["aa"]);
    assert!(blueprint.remove.is_empty());
}

#[test]
fn one_layer_cannot_ask_for_and_remove_a_package() {
    for text in [
        "packages = [\"aa\"]\nremove = [\"aa\"]\n",
        "packages = [\"aa=1\", \"aa=2\"]\n",
        "packages = [\"aa\"]\n[layers.talkingPoints]\nremove = [\"aa\"]\n",
    ] {
        assert_eq!(bad(&debian(text)).0[0].code, "contradiction", "{text}");
    }
    assert_eq!(names(&good(&debian("packages = [\"aa\", \"aa\"]\n"))), ["aa"]);
}

#[test]
fn strategies_for_packages_and_lists() {
    let text = "packages = [\"aa\"]\nremove = [\"bb\"]\n[kernel]\nparameters = [\"quiet\"]\nmodules = [\"nbd\"]\n\
                [layers.closingArgument]\npackages = [\"cc\"]\nkernel = { parameters = [\"debug\"], modules = [\"loop\"] }\n\
                merge = { packages = \"replace\", \"kernel.parameters\" = \"replace\" }\n";
    let blueprint = good(&debian(text));
    assert_eq!(names(&blueprint), ["cc"]);
    assert_eq!(blueprint.remove[0].value, "bb");
    assert_eq!(blueprint.kernel.parameters, ["debug"]);
    assert_eq!(blueprint.kernel.modules, ["nbd", "loop"]);
}

#[test]
fn outputs_are_replaced_unless_told_otherwise() {
    let text = |merge: &str| {
        format!("outputs = [\"iso\"]\n[layers.closingArgument]\noutputs = [\"oci\"]\n{merge}\n")
    };
    assert_eq!(good(&debian(&text(""))).outputs.len(), 1);
    assert_eq!(good(&debian(&text("merge = { outputs = \"append\" }"))).outputs.len(), 2);
}

#[test]
fn keyed_lists_replace_or_merge_items() {
    let text = |merge: &str| {
        format!(
            "[[users]]\nname = \"ada\"\nsudo = true\n[[users]]\nname = \"bob\"\n[layers.closingArgument]\n{merge}\n\
             users = [{{ name = \"ada\", comment = \"A\" }}]\n"
        )
    };
    let replaced = good(&debian(&text("")));
    assert_eq!(replaced.users.len(), 2);
    assert!(!replaced.users[0].value.sudo);
    let merged = good(&debian(&text("merge = { users = \"deep\" }")));
    assert!(merged.users[0].value.sudo);
    assert_eq!(merged.users[0].value.comment.as_deref(), Some("A"));
}

#[test]
fn tables_merge_by_key() {
    let text = "[securityFeatures.ssh]\nport = 22\n[layers.closingArgument.securityFeatures.ssh]\npermitRootLogin = \"no\"\n";
    let ssh = good(&debian(text)).security_features.ssh;
    assert_eq!(ssh.port, Some(22));
    assert!(ssh.permit_root_login.is_some());
    let text = format!("{text}[layers.closingArgument.merge]\nsecurityFeatures = \"replace\"\n");
    assert_eq!(good(&debian(&text)).security_features.ssh.port, None);
}

#[test]
fn a_strategy_for_no_field_is_an_error() {
    let found = bad(&debian("[layers.platform.merge]\n\"kernel.parametres\" = \"append\"\n"));
    assert_eq!(found.0[0].hint.as_deref(), Some("did you mean `kernel.parameters`?"));
}

#[test]
fn files_replace_append_and_merge() {
    let text = |merge: &str| {
        format!(
            "[[files]]\npath = \"/etc/x.json\"\ntext = '{{\"a\": 1, \"b\": 2}}'\nmode = \"0600\"\nowner = \"ada\"\n\
             [[layers.closingArgument.files]]\npath = \"/etc/x.json\"\ntext = '{{\"b\": 3}}'\n{merge}"
        )
    };
    let replaced = good(&debian(&text("")));
    assert_eq!(content(&replaced, "/etc/x.json"), "{\"b\": 3}");
    let file = &replaced.files[0];
    assert_eq!(
        (file.value.mode, file.value.owner.as_str(), file.value.group.as_str()),
        (0o600, "ada", "root")
    );
    assert_eq!(file.origin.overrode.len(), 1);
    let appended = good(&debian(&text("merge = \"append\"")));
    assert_eq!(content(&appended, "/etc/x.json"), "{\"a\": 1, \"b\": 2}\n{\"b\": 3}");
    let merged = good(&debian(&text("merge = \"deep\"")));
    let json: serde_json::Value = serde_json::from_str(&content(&merged, "/etc/x.json")).unwrap();
    assert_eq!(json, serde_json::json!({"a": 1, "b": 3}));
    let by_list = good(&debian(&format!("{}\n[layers.closingArgument.merge]\nfiles = \"deep\"\n", text(""))));
    assert_eq!(content(&by_list, "/etc/x.json"), content(&merged, "/etc/x.json"));
}

#[test]
fn files_that_cannot_merge_say_why() {
    let text = "[[files]]\npath = \"/etc/x\"\nsource = \"x\"\n[[layers.closingArgument.files]]\npath = \"/etc/x\"\n\
                text = \"y\"\nmerge = \"append\"\n";
    let found = bad(&debian(text));
    assert_eq!((found.0[0].code, found.0[0].pointer.as_str()), ("merge", "/layers/closingArgument/files/0"));
}

#[test]
fn digests_follow_what_is_effective_and_nothing_else() {
    let digest = |text: &str| good(&debian(text)).digest;
    let one = digest("hostname = \"a\"\n");
    assert_eq!(one, digest("# a remark\n\nhostname   =   \"a\"\n"));
    assert_eq!(one, digest("hostname = \"b\"\n[layers.closingArgument]\nhostname = \"a\"\n"));
    assert_eq!(one, digest("hostname = \"a\"\n[network]\n"));
    assert_ne!(one, digest("hostname = \"b\"\n"));
    assert_ne!(one, digest("hostname = \"a\"\n[[users]]\nname = \"a\"\n"));
    assert_eq!(good(&debian("")).digest_hex().len(), 64);
}

#[test]
fn what_was_set_is_listed() {
    let blueprint =
        good(&debian("[kernel]\nparameters = [\"quiet\"]\n[filesystem.encryption]\nenable = true\n"));
    assert!(blueprint.sets("/kernel") && blueprint.sets("/filesystem/encryption"));
    assert!(!blueprint.sets("/kern") && !blueprint.sets("/users"));
    let refused = blueprint.unsupported(&["/base", "/kernel/parameters/*"]);
    let pointers: Vec<_> = refused.iter().map(|field| field.pointer.as_str()).collect();
    assert_eq!(pointers, ["/filesystem/encryption/enable"]);
    assert_eq!(refused[0].origin.line, 6);
}

fn on(base: &str, packages: &str) -> String {
    format!("name = \"t\"\nbase = \"{base}\"\npackages = {packages}\n")
}

#[test]
fn common_names_mean_what_each_base_calls_them() {
    let asked = "[\"docker\", \"neovim\", \"postgresql\", \"no-such-program\"]";
    for (base, expected) in [
        ("debian", ["docker.io", "neovim", "postgresql", "no-such-program"]),
        ("fedora", ["moby-engine", "neovim", "postgresql-server", "no-such-program"]),
        ("gentoo", ["app-containers/docker", "app-editors/neovim", "dev-db/postgresql", "no-such-program"]),
    ] {
        let blueprint = good(&crate::source(lbuild_spec::Format::Toml, &on(base, asked)));
        assert_eq!(names(&blueprint), expected, "{base}");
        let written = blueprint.packages[0].value.written.as_deref();
        assert_eq!(written, Some("docker"));
        assert_eq!(blueprint.packages[3].value.written, None);
    }
}

#[test]
fn a_name_with_version_or_suite_or_native_is_the_bases_own() {
    let asked = "[\"docker=1\", { name = \"redis\", native = true }, \"sqlite/trixie\"]";
    let blueprint = good(&crate::source(lbuild_spec::Format::Toml, &on("debian", asked)));
    assert_eq!(names(&blueprint), ["docker", "redis", "sqlite"]);
}

#[test]
fn common_names_are_removed_under_the_bases_name() {
    let text = "packages = [\"docker\", \"openssh\"]\n[layers.closingArgument]\nremove = [\"docker\", \"openssh-server\"]\n";
    let blueprint = good(&debian(text));
    assert_eq!(names(&blueprint), ["openssh-client"]);
    assert_eq!(blueprint.remove[0].value, "docker.io");
}

#[test]
fn what_a_base_does_not_package_is_said_before_resolving() {
    let found = bad(&debian("packages = [\"curl\", \"loki\"]"));
    let [finding] = &found.0[..] else { panic!("{found:?}") };
    assert_eq!(
        (finding.code, finding.message.as_str()),
        ("not-packaged", "Debian has no package for `loki`")
    );
    assert!(finding.hint.as_deref().unwrap().contains("native = true"));
    assert!(bad(&debian("packages = [\"curl\", \"loki\"]")).0[0].line > 0);
}
