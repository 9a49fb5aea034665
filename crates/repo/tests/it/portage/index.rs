//! Binary-host indexes: real ones, and what becomes of them when something is wrong.

use lbuild_repo::portage::index::{DependencyClass, Entry, Index, IndexError};
use lbuild_repo::portage::relation::{Atom, Node, atoms};

use super::shared_plain;

fn find<'i>(index: &'i Index<'_>, key: &str, version: &str, build: u32) -> &'i Entry<'i> {
    let is = |entry: &&Entry<'_>| entry.key == key && entry.version == version && entry.build_id == build;
    index.entries.iter().find(is).unwrap_or_else(|| panic!("{key}-{version} build {build}"))
}

#[test]
fn a_real_host_of_2022() {
    let text = shared_plain("gentoo/binhost-x86_64-2022-11/Packages.zst");
    let index = Index::parse(&text).expect("a real index");
    assert_eq!(index.entries.len(), 3183);
    let header = &index.header;
    assert_eq!((header.arch, header.chost), ("amd64", "x86_64-pc-linux-gnu"));
    assert_eq!(header.profile, "default/linux/amd64/17.1/desktop/gnome/systemd");
    assert_eq!((header.packages, header.timestamp), (Some(3183), Some(1_668_244_836)));
    assert!(header.uri.is_some_and(|uri| uri.ends_with("/x86_64-pc-linux-gnu")));
    assert!(header.implied.has("prefix") && header.implied.has("elibc_musl") && header.implied.has("amd64"));
    assert!(!header.implied.has("X") && header.implied.len() > 30, "{}", header.implied.len());

    let build = find(&index, "acct-group/adm", "0-r1", 2);
    assert_eq!(build.path, "acct-group/adm/adm-0-r1-2.xpak");
    assert_eq!((build.size, build.build_time, build.eapi), (10_060, 1_667_382_414, "7"));
    assert_eq!(build.sha1.map(hex::encode).as_deref(), Some("9fa6db6a788bb3495fa62d668af9fc35fe2c5a9e"));
    assert_eq!(build.md5.map(hex::encode).as_deref(), Some("0ae47eb792040ae600b13cc8d04cd331"));
    assert_eq!((build.slot, build.sub_slot, build.repository), ("0", "0", "gentoo"));
    assert!(build.enabled("elibc_glibc") && !build.enabled("elibc") && !build.is_gpkg());
    assert!(index.entries.iter().all(|entry| entry.sha1.is_some()));
    assert_eq!(index.entries.iter().filter(|entry| entry.repository == "gentoo").count(), 3169);
    assert_eq!(index.entries.iter().filter(|entry| entry.slot != entry.sub_slot).count(), 448);
}

#[test]
fn a_real_host_of_2024() {
    let text = shared_plain("gentoo/binhost-aarch64-2024-10/Packages.zst");
    let index = Index::parse(&text).expect("a real index");
    assert_eq!(index.entries.len(), 2433);
    assert_eq!(index.header.arch, "arm64");
    assert_eq!(index.entries.iter().filter(|entry| entry.is_gpkg()).count(), 772);
    assert_eq!(index.entries.iter().filter(|entry| entry.sha1.is_none()).count(), 2);
    let mut sonames = 0;
    for entry in &index.entries {
        sonames += Entry::sonames(entry.provides).count();
        for (category, soname) in Entry::sonames(entry.requires) {
            assert!(!category.is_empty() && soname.contains(".so"), "{}: {soname}", entry.cpv());
        }
    }
    assert!(sonames > 5_000, "{sonames}");
    let shell =
        index.entries.iter().find(|entry| entry.key == "gnome-base/gnome-shell").expect("it is there");
    let nodes = shell.dependencies(DependencyClass::Run).expect("dependencies");
    let wanted: Vec<&Atom<'_>> = atoms(&nodes);
    assert!(wanted.iter().any(|atom| atom.key == "x11-wm/mutter" && !atom.flags.is_empty()));
    assert!(nodes.iter().all(|node| !matches!(node, Node::If(..))));
}

const HEADER: &str = "ARCH: amd64\nPACKAGES: 1\nVERSION: 0\n\n";
const ENTRY: &str = "CPV: a/b-1\nSIZE: 7\n";

fn refusal(text: &str) -> IndexError {
    match Index::parse(text.as_bytes()) {
        Err(error) => error,
        Ok(index) => panic!("{text:?} was read: {index:?}"),
    }
}

#[test]
fn an_entry_needs_little() {
    let text = format!("{HEADER}{ENTRY}\n");
    let index = Index::parse(text.as_bytes()).expect("a small index");
    let entry = &index.entries[0];
    assert_eq!((entry.key, entry.version, entry.build_id, entry.eapi), ("a/b", "1", 0, "0"));
    assert_eq!((entry.slot, entry.sub_slot, &*entry.path), ("0", "0", "a/b-1.tbz2"));
    // Hosts that write category and file apart, long names of fields, defaults in the header.
    let text = "VERSION: 0\nCHOST: x\nrepository: r\n\nCATEGORY: a\nCPV: a/b-1-r1\nDESCRIPTION: d: d\nPF: b-1-r1\n\
                SIZE: 1\nSLOT: 0/2\nPATH: a/b-1-r1.gpkg.tar\nUNKNOWN: x\n\n\n\nCPV: a/b-2\nSIZE: 1\nDESC: e\n";
    let index = Index::parse(text.as_bytes()).expect("an older index");
    let entry = &index.entries[0];
    assert_eq!((entry.description, entry.repository, entry.chost), ("d: d", "r", "x"));
    assert_eq!((entry.slot, entry.sub_slot, entry.is_gpkg()), ("0", "2", true));
    assert_eq!(index.entries[1].description, "e");
    let empty = Index::parse(b"PACKAGES: 0\nVERSION: 0\n").expect("an empty index");
    assert!(empty.entries.is_empty());
}

#[test]
fn wrong_fields_are_named() {
    let with = |line: &str| refusal(&format!("{HEADER}{ENTRY}{line}\n"));
    for (line, field) in [
        ("SLOT: 0/", "SLOT"),
        ("SLOT: a b", "SLOT"),
        ("BUILD_ID: -1", "BUILD_ID"),
        ("BUILD_ID: 4294967296", "BUILD_ID"),
        ("BUILD_TIME: x", "BUILD_TIME"),
        ("SHA1: 00", "SHA1"),
        ("MD5: zz", "MD5"),
        ("PATH: ../../etc/passwd", "PATH"),
        ("PATH: /etc/passwd", "PATH"),
        ("PATH: a//b", "PATH"),
        ("PATH: a/./b", "PATH"),
        ("PATH: a/b?x=y", "PATH"),
        ("PATH: a b", "PATH"),
        ("PATH: a/%2e%2e/b", "PATH"),
        ("USE: a -", "USE"),
        ("IUSE: ++a", "IUSE"),
        ("REPO: a/b", "REPO"),
        ("CATEGORY: c", "CATEGORY"),
        ("PF: c-1", "PF"),
    ] {
        match with(line) {
            IndexError::Value { entry, field: found, .. } => assert_eq!((&*entry, found), ("a/b-1", field)),
            other => panic!("{line}: {other}"),
        }
    }
    assert!(matches!(with("SIZE: 7"), IndexError::Repeated { field, .. } if field == "SIZE"));
    assert!(matches!(with("no colon"), IndexError::Line { line: 7 }));
    assert!(matches!(with("A B: c"), IndexError::Line { line: 7 }));
    assert!(matches!(with(" CONTINUED: c"), IndexError::Line { line: 7 }));
    assert!(matches!(with("DESC: \x1b[31m"), IndexError::Line { line: 7 }));
    assert!(matches!(refusal("VERSION: 0\n\nSIZE: 1\n"), IndexError::Missing { field: "CPV", .. }));
    assert!(matches!(refusal("VERSION: 0\n\nCPV: a/b-1\n"), IndexError::Missing { field: "SIZE", .. }));
    assert!(matches!(refusal("VERSION: 0\n\nCPV: b-1\nSIZE: 1\n"), IndexError::Value { field: "CPV", .. }));
    assert!(matches!(refusal("VERSION: 1\n"), IndexError::Version(version) if version == "1"));
    assert!(matches!(refusal(""), IndexError::Missing { field: "VERSION", .. }));
    assert!(matches!(refusal("PACKAGES: x\nVERSION: 0\n"), IndexError::Value { field: "PACKAGES", .. }));
    assert!(matches!(refusal(&format!("{HEADER}\n")), IndexError::Count { announced: 1, found: 0 }));
    let twice = format!("VERSION: 0\n\n{ENTRY}BUILD_ID: 3\n\n{ENTRY}BUILD_ID: 3\n");
    assert!(matches!(refusal(&twice), IndexError::Duplicate { entry } if entry == "a/b-1 build 3"));
    let two_builds = format!("VERSION: 0\n\n{ENTRY}BUILD_ID: 3\n\n{ENTRY}BUILD_ID: 4\n");
    assert_eq!(Index::parse(two_builds.as_bytes()).expect("two builds").entries.len(), 2);
}

#[test]
fn a_cut_index_is_noticed() {
    let text = shared_plain("gentoo/binhost-aarch64-2024-10/Packages.zst");
    for end in (0..text.len() - 1024).step_by(150_011) {
        assert!(Index::parse(&text[..end]).is_err(), "cut at {end}");
    }
    let small =
        "ARCH: amd64\nPACKAGES: 2\nVERSION: 0\n\nCPV: a/b-1\nSIZE: 7\n\nCPV: c/d-2\nSIZE: 9\nUSE: x y\n\n";
    // The last entry may lose what it can do without.
    let needed = small.find("SIZE: 9").expect("it is there") + "SIZE: 9".len();
    for end in 0..needed {
        assert!(Index::parse(&small.as_bytes()[..end]).is_err(), "cut at {end}");
    }
}

#[test]
fn hostile_indexes_end_soon() {
    let many = "A: b\n".repeat(2_000);
    assert!(matches!(refusal(&format!("VERSION: 0\n{many}")), IndexError::TooLarge));
    assert!(matches!(refusal(&"K".repeat(1 << 24)), IndexError::Line { line: 1 }));
    assert!(
        matches!(refusal(&format!("VERSION: {}\n", "9".repeat(1 << 24))), IndexError::Version(v) if v.len() == 40)
    );
    let long = format!("VERSION: 0\n\nCPV: a/b-{}\nSIZE: 1\n", "1.".repeat(1 << 22));
    assert!(matches!(refusal(&long), IndexError::Value { field: "CPV", value, .. } if value.len() == 80));
    let huge = "VERSION: 0\n\nCPV: a/b-1\nSIZE: 18446744073709551616\n";
    assert!(matches!(refusal(huge), IndexError::Value { field: "SIZE", .. }));
    assert!(matches!(
        Index::parse(b"VERSION: 0\n\nCPV: a/b-1\nDESC: \xff\n"),
        Err(IndexError::Line { line: 4 })
    ));
}
