//! A repository made by pacman's own tools: `makepkg` builds, `gpg` signs, `repo-add` indexes, we read.

use std::io::Cursor;

use lbuild_repo::alpm::archive::{self, Package};
use lbuild_repo::alpm::{database, keys};
use lbuild_repo::openpgp::{Keyring, verify_detached};
use lbuild_testkit::pacman::Recipe;
use lbuild_testkit::{gnupg, pacman};

#[test]
fn what_pacmans_tools_make_is_read() {
    let directory = tempfile::tempdir().expect("a directory");
    let signer = gnupg::Home::new("packager@example.org");
    let recipes = [
        Recipe::new("tool", "1:2.0-3")
            .field("pkgdesc", "A tool: it's \"good\"")
            .list("depends", &["libthing.so=1-64", "glibc>=2.30"])
            .list("optdepends", &["perl: for scripts"])
            .list("provides", &["gadget=2"])
            .list("groups", &["things"])
            .list("backup", &["etc/tool.conf"])
            .file("etc/tool.conf", "a = 1\n")
            .file("usr/bin/tool with space", "#!/bin/sh\n"),
        Recipe::new("libthing", "1.0.1-1")
            .list("conflicts", &["libthing-git"])
            .list("replaces", &["oldthing"]),
    ];
    let extensions = ["zst", "xz", "gz"];
    for extension in extensions {
        let repository = directory.path().join(extension);
        pacman::repository(&repository, "fixture", extension, &recipes, &signer);
        let keyring = Keyring::parse(&signer.public_key()).expect("a keyring");
        let policy = keys::policy(gnupg::SIGNED + 3600);
        for name in ["fixture.db", "fixture.files"] {
            let bytes = std::fs::read(repository.join(name)).expect("a database");
            let signature = std::fs::read(repository.join(format!("{name}.sig"))).expect("a signature");
            verify_detached(&signature, Cursor::new(&bytes), &keyring, &policy).expect("a good signature");
            let packages = database::read(bytes.as_slice()).expect("a good database");
            let names: Vec<&str> = packages.iter().map(|package| package.description.name.as_str()).collect();
            assert_eq!(names, ["libthing", "tool"]);
            let tool = &packages[1];
            assert_eq!(tool.description.depends, ["libthing.so=1-64", "glibc>=2.30"]);
            assert_eq!(tool.description.description, "A tool: it's \"good\"");
            assert_eq!(tool.files.is_empty(), name == "fixture.db");
            for package in &packages {
                let bytes = std::fs::read(repository.join(&package.filename)).expect("a package");
                assert!(package.filename.ends_with(&format!(".pkg.tar.{extension}")));
                assert_eq!(package.size, bytes.len() as u64);
                let signature = package.signature.as_deref().expect("a signature");
                verify_detached(signature, Cursor::new(&bytes), &keyring, &policy).expect("a good signature");
                let info = archive::info(bytes.as_slice(), 1 << 20).expect("a package");
                assert_eq!(info.description, package.description);
            }
        }
        let bytes =
            std::fs::read(repository.join(format!("tool-1:2.0-3-any.pkg.tar.{extension}"))).expect("built");
        let mut package = Package::open(bytes.as_slice(), 1 << 20).expect("a package");
        assert_eq!(package.info().backup, ["etc/tool.conf"]);
        let mut paths = Vec::new();
        while let Some(entry) = package.next_entry().expect("a good archive") {
            paths.push(String::from_utf8(entry.path).expect("a name"));
        }
        let listed = package.mtree().expect("good").expect("there");
        assert!(paths.contains(&"usr/bin/tool with space".to_owned()));
        assert!(listed.iter().any(|entry| entry.path == b"usr/bin/tool with space"));
    }
}
