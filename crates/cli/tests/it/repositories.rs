//! What a base has besides the repositories in use, and what Gentoo masks: proposed, written into the spec, resolved.

use std::fs;

use lbuild_testkit::realdata;

use crate::program::{Ended, Place};

const HOST: &str = "releases/amd64/binpackages/23.0/x86-64/Packages.gz";

/// Puts files of the real data below the mirror of `place`.
fn mirror(place: &Place, files: &[(&str, &str)]) {
    for (file, path) in files {
        let path = place.path("mirror").join(path);
        fs::create_dir_all(path.parent().expect("a directory above")).expect("a directory");
        fs::copy(realdata::path(file), path).expect("a file of the real data");
    }
}

fn run(place: &Place, base: &str, arguments: &[&str]) -> Ended {
    let mirror = format!("file://{}", place.path("mirror").display());
    Ended::of(place.command(arguments).env(format!("LBUILD_MIRROR_{}", base.to_uppercase()), mirror))
}

fn spec(base: &str, rest: &str) -> Place {
    Place::with_spec(&format!("name = \"t\"\nbase = \"{base}\"\noutputs = [\"rootfs\"]\n{rest}\n"))
}

#[track_caller]
fn says(ended: &Ended, code: i32, parts: &[&str]) {
    assert_eq!(ended.code, Some(code), "{ended:?}");
    let text = format!("{}{}", ended.stdout, ended.stderr).split_whitespace().collect::<Vec<_>>().join(" ");
    for part in parts {
        assert!(text.contains(part), "`{part}` is missing in {text}");
    }
}

/// Resolves, writes the first fix, looks at the spec, and resolves again.
#[track_caller]
fn is_fixed(place: &Place, base: &str, problem: &[&str], written: &str) {
    says(&run(place, base, &["resolve", "spec.toml"]), 3, problem);
    says(&run(place, base, &["resolve", "spec.toml", "--fix", "1"]), 0, &[]);
    let text = fs::read_to_string(place.path("spec.toml")).expect("the spec");
    assert!(text.contains(written), "{text}");
    says(&run(place, base, &["resolve", "spec.toml"]), 0, &["1 package"]);
}

#[test]
fn a_repository_of_void_that_is_off_is_proposed() {
    let place = spec("void", "packages = [\"cli11\"]\nremove = [\"base-system\"]");
    let (small, other) = ("void/zoomers/x86_64-repodata", "void/j0ng4b/x86_64-repodata");
    mirror(
        &place,
        &[
            (small, "current/x86_64-repodata"),
            (other, "current/nonfree/x86_64-repodata"),
            (small, "current/multilib/x86_64-repodata"),
            (small, "current/multilib/nonfree/x86_64-repodata"),
        ],
    );
    let problem = [
        "The package `cli11` is in the component nonfree, which is not switched on.",
        "1. switch on the component nonfree",
    ];
    let shown = run(&place, "void", &["packages", "show", "void", "cli11"]);
    says(&shown, 0, &["switch on component nonfree"]);
    is_fixed(&place, "void", &problem, "components = [\"current\", \"nonfree\"]");
}

#[test]
fn a_repository_that_the_mirror_lacks_explains_nothing() {
    let place = spec("void", "packages = [\"cli11\"]\nremove = [\"base-system\"]");
    mirror(&place, &[("void/zoomers/x86_64-repodata", "current/x86_64-repodata")]);
    says(&run(&place, "void", &["resolve", "spec.toml"]), 3, &["There is no package `cli11`."]);
    says(&run(&place, "void", &["packages", "search", "void", "hello"]), 0, &["hello-world"]);
}

#[test]
fn multilib_of_arch_is_proposed() {
    let rest = "packages = [\"lib32-amdvlk\"]\nremove = [\"base\"]";
    let place = spec("arch", rest);
    mirror(
        &place,
        &[
            ("arch/2022-09/core.db.tar.gz", "core/os/x86_64/core.db"),
            ("arch/2022-09/extra.db.tar.gz", "extra/os/x86_64/extra.db"),
            ("arch/2022-09/multilib.db.tar.gz", "multilib/os/x86_64/multilib.db"),
        ],
    );
    let problem =
        ["is in the component multilib, which is not switched on", "1. switch on the component multilib"];
    is_fixed(&place, "arch", &problem, "components = [\"core\", \"extra\", \"multilib\"]");
}

/// The repositories of Alpine 3.19.
fn alpine(place: &Place) {
    mirror(
        place,
        &[
            ("alpine/v3.19-cache/APKINDEX.b2c94760.tar.gz", "v3.19/main/x86_64/APKINDEX.tar.gz"),
            ("alpine/v3.19-cache/APKINDEX.be78cdff.tar.gz", "v3.19/community/x86_64/APKINDEX.tar.gz"),
        ],
    );
}

#[test]
fn community_of_alpine_is_proposed_when_only_main_is_used() {
    let rest = "release = \"3.19\"\npackages = [\"font-hack\"]\nremove = [\"alpine-base\"]\n\
                [repositories]\ncomponents = [\"main\"] # the small one";
    let place = spec("alpine", rest);
    alpine(&place);
    let problem = ["`font-hack` is in the component community", "1. switch on the component community"];
    says(&run(&place, "alpine", &["resolve", "spec.toml"]), 3, &problem);
    says(&run(&place, "alpine", &["resolve", "spec.toml", "--fix", "1"]), 0, &[]);
    let text = fs::read_to_string(place.path("spec.toml")).expect("the spec");
    assert!(text.contains("components = [\"main\", \"community\"] # the small one"), "{text}");
    says(&run(&place, "alpine", &["resolve", "spec.toml"]), 0, &["font-hack"]);
}

#[test]
fn what_every_system_has_is_removed_by_name() {
    let place = spec("alpine", "release = \"3.19\"\npackages = [\"tzdata\"]\nremove = [\"openrc\"]");
    alpine(&place);
    let ended = run(&place, "alpine", &["resolve", "spec.toml"]);
    says(&ended, 3, &["`alpine-base` needs `openrc`, which your spec removes", "by `remove = alpine-base`"]);
    let number = ["1", "2"].into_iter().find(|number| {
        ended
            .stderr
            .lines()
            .any(|line| line.trim_start().starts_with(&format!("{number}. drop `alpine-base`")))
    });
    let fix = run(&place, "alpine", &["resolve", "spec.toml", "--fix", number.expect("such a fix")]);
    says(&fix, 0, &[]);
    let text = fs::read_to_string(place.path("spec.toml")).expect("the spec");
    assert!(text.contains("remove = [\"openrc\", \"alpine-base\"]"), "{text}");
    says(&run(&place, "alpine", &["resolve", "spec.toml"]), 0, &["1 package"]);
}

#[test]
fn masked_packages_of_gentoo_are_accepted_one_by_one() {
    let place = spec("gentoo", "packages = [\"sys-apps/earlyoom\"]");
    mirror(&place, &[("gentoo/binhost-x86_64-2022-11/Packages.zst", HOST)]);
    let problem = [
        "sys-apps/earlyoom 1.7 is masked by the keyword `~amd64`",
        "1. accept the keyword `~amd64` for `sys-apps/earlyoom`",
        "2. accept the keyword `~amd64`",
    ];
    is_fixed(&place, "gentoo", &problem, "keywords = [\"sys-apps/earlyoom ~amd64\"]");
    let json = run(&place, "gentoo", &["packages", "show", "gentoo", "app-arch/rar", "--json"]);
    assert_eq!(json.json()["switch"], "license RAR", "{json:?}");
}

#[test]
fn licenses_of_gentoo_are_accepted_by_name_and_by_group() {
    for (licenses, code) in
        [("", 3), ("\"@EULA\"", 0), ("\"*\"", 0), ("\"app-arch/rar RAR\"", 0), ("\"app-arch/unrar RAR\"", 3)]
    {
        let rest = format!(
            "packages = [\"app-arch/rar\"]\n[repositories]\nkeywords = [\"~amd64\"]\nlicenses = [{licenses}]"
        );
        let place = spec("gentoo", &rest);
        mirror(&place, &[("gentoo/binhost-x86_64-2022-11/Packages.zst", HOST)]);
        let ended = run(&place, "gentoo", &["resolve", "spec.toml"]);
        let says_so = if code == 0 { "app-arch/rar" } else { "is masked by the license `RAR`" };
        says(&ended, code, &[says_so]);
    }
}

#[test]
fn acceptances_that_mean_nothing_are_refused() {
    for (base, list, parts) in [
        ("debian", "keywords = [\"~amd64\"]", &["`repositories.keywords` means nothing on `debian`"][..]),
        ("gentoo", "keywords = [\"~x86\"]", &["`~x86` is not a keyword of this architecture", "~amd64"]),
        ("gentoo", "licenses = [\"@NONE\"]", &["`@NONE` is not a group of licenses", "@EULA"]),
        ("gentoo", "keywords = [\"htop ~amd64\"]", &["category/htop ~amd64"]),
        ("gentoo", "licenses = [\"a b\"]", &["spec.toml:6"]),
    ] {
        let place = spec(base, &format!("packages = [\"htop\"]\n[repositories]\n{list}"));
        mirror(&place, &[("gentoo/binhost-x86_64-2022-11/Packages.zst", HOST)]);
        says(&run(&place, "gentoo", &["resolve", "spec.toml"]), 3, parts);
    }
}

#[test]
fn another_release_that_has_a_missing_name_is_named() {
    let rest = "release = \"3.20\"\npackages = [\"postgresql16\"]\nremove = [\"alpine-base\"]";
    let place = spec("alpine", rest);
    alpine(&place);
    // a small repository stands for the release that is asked for
    for component in ["main", "community"] {
        mirror(
            &place,
            &[(
                "alpine/v3.19-iso/apks/x86_64/APKINDEX.tar.gz",
                &format!("v3.20/{component}/x86_64/APKINDEX.tar.gz"),
            )],
        );
    }
    let said = "There is no package `postgresql16` in this release, but there is one in `3.19`.";
    says(&run(&place, "alpine", &["resolve", "spec.toml"]), 3, &[said]);
}
