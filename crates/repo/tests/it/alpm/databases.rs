//! Real databases of 2014 to 2026, whole: how many packages they have, that their files are what they say, and that the
//! sync databases, file databases and packages of one day agree.

use lbuild_repo::alpm::database::{self, Listed};
use lbuild_repo::alpm::relation::Relation;
use lbuild_testkit::realdata;

pub fn read(name: &str) -> Vec<Listed> {
    database::read(realdata::read(&format!("arch/{name}")).as_slice())
        .unwrap_or_else(|error| panic!("{name}: {error:?}"))
}

/// Database, packages, packages with a signature, dependencies, provisions, packages in a group.
const COUNTS: [(&str, usize, usize, usize, usize, usize); 12] = [
    ("2014-08/core.db", 194, 194, 409, 176, 65),
    ("2014-08/extra.db", 3046, 3046, 7535, 744, 628),
    ("2014-08/community.db", 3354, 3354, 9050, 239, 276),
    ("2017-12/sync/core.db", 226, 226, 496, 185, 66),
    ("2017-12/sync/extra.db", 3068, 3068, 8157, 534, 562),
    ("2022-09/core.db.tar.gz", 261, 261, 770, 314, 26),
    ("2022-09/extra.db.tar.gz", 3029, 3029, 10_173, 1019, 623),
    ("2022-09/multilib.db.tar.gz", 278, 278, 1211, 240, 3),
    ("2022-09/chaotic-aur.db.tar.xz", 3392, 3392, 13_815, 2272, 10),
    ("2022-09/archcraft.db.tar.xz", 105, 0, 278, 90, 55),
    ("2025-09/core.db", 271, 0, 937, 348, 0),
    ("archpro-signed/archpro_repo.db", 45, 0, 195, 17, 1),
];

#[test]
fn real_databases_are_read_whole() {
    let sum = |packages: &[Listed], list: fn(&Listed) -> usize| packages.iter().map(list).sum::<usize>();
    for (name, count, signed, depends, provides, grouped) in COUNTS {
        let packages = read(name);
        let found = (
            name,
            packages.len(),
            packages.iter().filter(|package| package.signature.is_some()).count(),
            sum(&packages, |package| package.description.depends.len()),
            sum(&packages, |package| package.description.provides.len()),
            packages.iter().filter(|package| !package.description.groups.is_empty()).count(),
        );
        assert_eq!(found, (name, count, signed, depends, provides, grouped));
        assert!(packages.iter().all(|package| package.files.is_empty()));
        // Only databases made since repo-add 6.1 leave MD5 out.
        let md5 = packages.iter().filter(|package| package.md5.is_some()).count();
        assert!(md5 == count || md5 == 0, "{name}: {md5}");
        assert!(packages.iter().all(|package| package.sha256.is_some()), "{name}");
    }
}

#[test]
fn a_package_keeps_its_fields() {
    let core = read("2017-12/sync/core.db");
    let acl = core.iter().find(|package| package.description.name == "acl").expect("acl");
    let description = &acl.description;
    assert_eq!((description.version.as_str(), description.arch.as_str()), ("2.2.52-4", "x86_64"));
    assert_eq!(
        (acl.size, description.installed_size, description.build_date),
        (135_296, 293_888, 1_502_050_015)
    );
    assert_eq!(acl.filename, "acl-2.2.52-4-x86_64.pkg.tar.xz");
    assert_eq!(description.description, "Access control list utilities, libraries and headers");
    assert_eq!(description.packager, "Christian Hesse <arch@eworm.de>");
    assert_eq!(description.depends, ["attr>=2.4.46"]);
    assert_eq!(
        (&description.provides, &description.conflicts),
        (&description.replaces, &description.replaces)
    );
    assert_eq!(description.replaces, ["xfsacl"]);
    assert_eq!(hex::encode(acl.md5.expect("md5")), "9c3603ab19884742c6852f9dd36a3c5d");
    assert_eq!(hex::encode(&acl.sha256.expect("sha256")[..4]), "054d40a3");
    assert_eq!(acl.signature.as_ref().map(Vec::len), Some(325));
}

#[test]
fn relations_of_every_kind_are_met() {
    let extra = read("2022-09/extra.db.tar.gz");
    let all = |list: fn(&Listed) -> &Vec<String>| extra.iter().flat_map(list).map(String::as_str);
    let sonames = all(|package| &package.description.depends).filter(|text| {
        Relation::parse(text)
            .is_ok_and(|found| found.name.strip_suffix(".so").is_some() && found.bound.is_some())
    });
    assert_eq!(sonames.count(), 986);
    let versioned = all(|package| &package.description.provides)
        .filter(|text| Relation::parse(text).is_ok_and(|found| found.bound.is_some()));
    assert_eq!(versioned.count(), 564);
    let reasons = all(|package| &package.description.optdepends)
        .filter(|text| Relation::parse_with_reason(text).is_ok_and(|(_, reason)| reason.is_some()));
    assert_eq!(reasons.count(), 1738);
    assert_eq!(all(|package| &package.description.replaces).count(), 211);
    assert_eq!(all(|package| &package.description.conflicts).count(), 512);
}

#[test]
fn file_databases_say_the_same_and_list_the_files() {
    for (plain, with_files, files) in [
        ("2025-09/core.db", "2025-09/core.files", 185_323),
        ("archpro-signed/archpro_repo.db", "archpro-signed/archpro_repo.files", 5231),
    ] {
        let plain = read(plain);
        let mut listed = read(with_files);
        assert_eq!(listed.iter().map(|package| package.files.len()).sum::<usize>(), files, "{with_files}");
        for package in &mut listed {
            package.files.clear();
        }
        assert!(plain == listed, "{with_files} differs from its database in more than the files");
    }
}
