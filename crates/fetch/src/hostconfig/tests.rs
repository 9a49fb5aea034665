//! Configurations as they are found on machines.

use proptest::prelude::*;

use super::*;

const OS: &str = "PRETTY_NAME=\"Debian GNU/Linux\"\nID=debian\n";

fn root(files: &[(&str, &str)]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    for (name, content) in files {
        let path = dir.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }
    dir
}

#[test]
fn both_formats_are_read() {
    let root = root(&[
        ("etc/os-release", OS),
        (
            "etc/apt/sources.list",
            "# comment\n\
             deb http://m1.example/debian/ bookworm main contrib # trailing\n\
             deb-src http://src.example/debian bookworm main\n\
             deb [arch=amd64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] http://m2.example/d bookworm main\n\
             deb cdrom:[Debian 12]/ bookworm main\n",
        ),
        (
            "etc/apt/sources.list.d/debian.sources",
            "Types: deb\n# comment\nURIs: http://m3.example/debian\n  http://m4.example/debian\nSuites: trixie trixie-updates\n\
             Components: main\n\nTypes: deb\nURIs: http://m3.example/debian-security\nSuites: trixie-security\n\
             Components: main\n",
        ),
    ]);
    let mirrors = debian_mirrors(root.path()).unwrap();
    let expected = [
        "http://m1.example/debian",
        "http://m2.example/d",
        "http://m3.example/debian",
        "http://m4.example/debian",
    ];
    assert_eq!(mirrors.debian, expected);
    assert_eq!(mirrors.debian_security, ["http://m3.example/debian-security"]);
}

#[test]
fn third_parties_and_disabled_entries_are_left_out() {
    let root = root(&[
        ("etc/os-release", OS),
        (
            "etc/apt/sources.list.d/third.list",
            "deb https://packages.example/debian/12/prod bookworm main\n\
             deb https://apt.example/pub bookworm-pgdg main\n\
             deb [signed-by=/etc/apt/keyrings/docker.asc] https://download.example/linux/debian bookworm stable\n\
             deb [signed-by=/etc/apt/keyrings/x.asc] https://x.example/debian bookworm main\n\
             deb https://flat.example/debian ./\n",
        ),
        (
            "etc/apt/sources.list.d/off.sources",
            "Types: deb\nEnabled: no\nURIs: http://off.example/debian\nSuites: trixie\nComponents: main\n",
        ),
        (
            "etc/apt/sources.list.d/old.sources.save",
            "Types: deb\nURIs: http://old.example/debian\nSuites: trixie\n",
        ),
    ]);
    assert_eq!(debian_mirrors(root.path()).unwrap(), Mirrors::default());
}

#[test]
fn mirror_lists_are_expanded() {
    let root = root(&[
        ("etc/os-release", OS),
        (
            "etc/apt/sources.list.d/debian.sources",
            "Types: deb deb-src\nURIs: mirror+file:///etc/apt/mirrors/debian.list\nSuites: bookworm\nComponents: main\n\
             Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n",
        ),
        (
            "etc/apt/mirrors/debian.list",
            "http://a.example/debian\tpriority:1\n# no\n\nhttps://b.example/debian\n",
        ),
    ]);
    let mirrors = debian_mirrors(root.path()).unwrap();
    assert_eq!(mirrors.debian, ["http://a.example/debian", "https://b.example/debian"]);
}

#[test]
fn another_system_has_no_debian_mirrors() {
    let list = ("etc/apt/sources.list", "deb http://archive.example/ubuntu noble main\n");
    assert_eq!(
        debian_mirrors(root(&[("etc/os-release", "ID=ubuntu\nID_LIKE=debian\n"), list]).path()).unwrap(),
        Mirrors::default()
    );
    assert_eq!(debian_mirrors(root(&[]).path()).unwrap(), Mirrors::default());
}

#[test]
fn an_old_security_suite_is_known() {
    let source = line::parse("deb http://s.example/debian-security buster/updates main");
    assert_eq!(classify(&source, &BTreeMap::new()).debian_security, ["http://s.example/debian-security"]);
}

proptest! {
    #[test]
    fn any_text_is_survived(text in "\\PC{0,200}|((deb|Types: deb|URIs:|Suites:| |\\[|\\]|http://a/debian|\n){0,20})") {
        for source in line::parse(&text).into_iter().chain(deb822::parse(&text)) {
            prop_assert!(!source.uris.is_empty());
            classify(&[source], &BTreeMap::new());
        }
    }
}
