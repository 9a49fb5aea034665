//! Edits of specs in all three syntaxes: nothing but what is meant changes.

use lbuild_spec::edit::{Edit, edit};
use lbuild_spec::{Blueprint, Format, Origin, Source, blueprint, parse};

const TOML: &str = "# a server\nspec = 1\nname = \"x\"\nbase = \"debian\"\nrelease = \"trixie\"\noutputs = [\"rootfs\"]\n\
    # what it runs\npackages = [\n    \"nginx\",   # the web\n    \"exim4\", # mail\n    \"postfix\" # more mail\n]\n\
    remove = [\"nano\", \"vim\"]\n\n[kernel]\nflavor = \"none\" # container\n";

const YAML: &str = "# a server\nspec: 1\nname: x\nbase: debian\nrelease: trixie\noutputs: [rootfs]\n\
    packages:\n  - nginx   # the web\n  - \"exim4\"\n  # more mail\n  - postfix\nremove: [nano, vim]\nkernel:\n  flavor: none\n";

const JSON: &str = "{\n  \"spec\": 1,\n  \"name\": \"x\", \"base\": \"debian\",\n  \"release\": \"trixie\",\n  \
    \"outputs\": [\"rootfs\"],\n  \"packages\": [\n    \"nginx\",\n    \"exim4\",\n    \"postfix\"\n  ],\n  \
    \"remove\": [\"nano\", \"vim\"],\n  \"kernel\": {\"flavor\": \"none\"}\n}\n";

fn source(text: &str) -> Source {
    let format = match text.as_bytes() {
        [b'{', ..] => Format::Json,
        _ if text.contains("spec: 1") => Format::Yaml,
        _ => Format::Toml,
    };
    Source { file: "spec".to_owned(), format, text: text.to_owned() }
}

fn read(text: &str) -> Blueprint {
    let source = source(text);
    let spec = parse(&source).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"));
    blueprint(&spec, &source).unwrap_or_else(|errors| panic!("{errors:?}\n{text}"))
}

fn package(text: &str, name: &str) -> Origin {
    let packages = read(text).packages;
    packages.into_iter().find(|package| package.value.name == name).expect("asked for").origin
}

fn removal(text: &str, name: &str) -> Origin {
    read(text).remove.into_iter().find(|removal| removal.value == name).expect("removed").origin
}

#[track_caller]
fn edited(text: &str, edits: &[Edit]) -> String {
    let source = source(text);
    let spec = parse(&source).expect("a spec");
    edit(&spec, &source, edits).unwrap_or_else(|error| panic!("{error:?}\n{text}"))
}

fn names(text: &str) -> Vec<String> {
    read(text).packages.into_iter().map(|package| package.value.name).collect()
}

fn append(path: &str, default: &[&str], value: &str) -> Edit {
    Edit::Append {
        path: path.split('.').map(str::to_owned).collect(),
        default: default.iter().map(|value| (*value).to_owned()).collect(),
        value: value.to_owned(),
    }
}

#[test]
fn a_dropped_request_takes_its_line_and_nothing_else() {
    for (text, line) in
        [(TOML, "    \"exim4\", # mail\n"), (YAML, "  - \"exim4\"\n"), (JSON, "    \"exim4\",\n")]
    {
        let after = edited(text, &[Edit::Drop { at: package(text, "exim4") }]);
        assert_eq!(after, text.replace(line, ""));
        assert_eq!(names(&after), ["nginx", "postfix"]);
    }
}

#[test]
fn the_last_and_the_first_can_go() {
    for text in [TOML, YAML, JSON] {
        let after = edited(text, &[Edit::Drop { at: package(text, "postfix") }]);
        assert_eq!(names(&after), ["nginx", "exim4"], "{after}");
        let after = edited(text, &[Edit::Drop { at: package(text, "nginx") }]);
        assert_eq!(names(&after), ["exim4", "postfix"], "{after}");
        let all = ["nginx", "exim4", "postfix"].map(|name| Edit::Drop { at: package(text, name) });
        let after = edited(text, &all);
        assert_eq!(names(&after), [""; 0], "{after}");
        assert!(text.contains("# a server") == after.contains("# a server"));
    }
}

#[test]
fn members_of_one_line_keep_the_others() {
    for text in [TOML, YAML, JSON] {
        let after = edited(text, &[Edit::Drop { at: removal(text, "vim") }]);
        assert!(after.contains("[\"nano\"]") || after.contains("[nano]"), "{after}");
        let after = edited(text, &[Edit::Drop { at: removal(text, "nano") }]);
        assert!(after.contains("[\"vim\"]") || after.contains("[vim]"), "{after}");
    }
}

#[test]
fn a_request_is_written_anew_in_place() {
    for text in [TOML, YAML, JSON] {
        let at = package(text, "postfix");
        let path = ["repositories", "suites", "backports"].map(str::to_owned).to_vec();
        let replace = Edit::Replace { at, with: "postfix/trixie-backports".to_owned() };
        let after = edited(text, &[replace, Edit::Enable { path }]);
        let packages = read(&after).packages;
        assert_eq!(packages[2].value.suite.as_deref(), Some("trixie-backports"), "{after}");
        assert_eq!(after.contains("# more mail"), text.contains("# more mail"));
    }
}

#[test]
fn lists_grow_or_are_made() {
    for text in [TOML, YAML, JSON] {
        let after = edited(text, &[append("remove", &[], "emacs")]);
        let removed: Vec<String> = read(&after).remove.into_iter().map(|removal| removal.value).collect();
        assert_eq!(removed, ["nano", "vim", "emacs"], "{after}");
        let after = edited(text, &[append("packages", &[], "dma")]);
        assert_eq!(names(&after), ["nginx", "exim4", "postfix", "dma"], "{after}");
        let after = edited(text, &[append("repositories.components", &["main"], "contrib")]);
        assert_eq!(read(&after).repositories.components, ["main", "contrib"], "{after}");
        let after = edited(&after, &[append("repositories.components", &["main"], "non-free")]);
        assert_eq!(read(&after).repositories.components, ["main", "contrib", "non-free"], "{after}");
        let path = ["repositories", "suites", "backports"].map(str::to_owned).to_vec();
        let after = edited(&after, &[Edit::Enable { path }]);
        assert!(read(&after).repositories.suites.backports, "{after}");
        assert_eq!(after.contains("# the web"), text.contains("# the web"));
    }
}

#[test]
fn switches_and_categories_can_be_changed() {
    let head = "spec = 1\nname = \"x\"\nbase = \"debian\"\noutputs = [\"rootfs\"]\n\n[packages]\n";
    let text = format!("{head}htop = true\ntree = true # list\nnano = false\nservers = [\"exim4\"]\n");
    let after = edited(&text, &[Edit::Drop { at: package(&text, "tree") }]);
    assert_eq!(after, text.replace("tree = true # list\n", ""));
    let after = edited(&text, &[Edit::Drop { at: removal(&text, "nano") }]);
    assert_eq!(after, text.replace("nano = false\n", ""));
    let after = edited(&text, &[Edit::Drop { at: package(&text, "exim4") }]);
    assert_eq!(after, text.replace("[\"exim4\"]", "[]"));
    let after = edited(&text, &[Edit::Replace { at: package(&text, "htop"), with: "btop".to_owned() }]);
    assert_eq!(after, text.replace("htop", "btop"));
}

#[test]
fn several_edits_do_not_disturb_each_other() {
    for text in [TOML, YAML, JSON] {
        let edits = [
            Edit::Drop { at: package(text, "nginx") },
            append("remove", &[], "emacs"),
            Edit::Replace { at: package(text, "postfix"), with: "dma".to_owned() },
            Edit::Drop { at: removal(text, "nano") },
        ];
        let after = edited(text, &edits);
        assert_eq!(names(&after), ["exim4", "dma"], "{after}");
        let removed: Vec<String> = read(&after).remove.into_iter().map(|removal| removal.value).collect();
        assert_eq!(removed, ["vim", "emacs"], "{after}");
    }
}

fn flavor(text: &str) -> Origin {
    let set = read(text).set;
    set.into_iter().find(|field| field.pointer == "/kernel/flavor").expect("a flavor").origin
}

#[test]
fn a_setting_is_changed_or_taken_out_and_keeps_its_comment() {
    let path = || ["kernel", "flavor"].map(str::to_owned).to_vec();
    for text in [TOML, YAML, JSON] {
        let set = Edit::Set { at: Some(flavor(text)), path: path(), value: "cloud".to_owned() };
        let after = edited(text, &[set]);
        assert_eq!(read(&after).kernel.flavor.as_deref(), Some("cloud"), "{after}");
        assert_eq!(after.contains("# container"), text.contains("# container"), "{after}");
        let after = edited(text, &[Edit::Unset { at: flavor(text) }]);
        assert_eq!(read(&after).kernel.flavor, None, "{after}");
        assert_eq!(after.contains("# more mail"), text.contains("# more mail"), "{after}");
        let again = edited(&after, &[Edit::Set { at: None, path: path(), value: "rt".to_owned() }]);
        assert_eq!(read(&again).kernel.flavor.as_deref(), Some("rt"), "{again}");
    }
}
