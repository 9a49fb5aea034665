//! The release before the present one, whose images are made with the tools of the present one.

use std::fs;

use lbuild_engine::{Lock, Tier};

use crate::mirror::Mirror;
use crate::program::{Ended, Place};

const SPEC: &str = "\
name = \"old\"
base = \"debian\"
release = \"bookworm\"
outputs = [\"iso\"]
packages = [\"openssh-server\"]
";

#[test]
fn the_release_before_is_locked_with_the_tools_of_the_present_one() {
    let mirror = Mirror::start();
    let place = Place::with_spec(SPEC);
    let ended = Ended::of(place.command(&["lock", "spec.toml"]).envs(mirror.environment()));
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let text = fs::read_to_string(place.path("spec.lock")).expect("a lock");
    let lock = Lock::parse(&text, "spec.lock").expect("a lock");
    let suites: Vec<&str> = lock.index.iter().map(|index| index.suite.as_str()).collect();
    assert_eq!(
        suites,
        ["bookworm", "bookworm-updates", "bookworm-security", "trixie", "trixie-updates", "trixie-security"]
    );
    let system = |name: &str| lock.system.iter().find(|package| package.name == name).expect("in the system");
    assert!(system("base-files").version.starts_with("12"), "{}", system("base-files").version);
    // the scripts of the initramfs, which is made from the core, call what this package has
    assert_eq!(system("mount").tier, Tier::Core);
    let tool = lock.tools.iter().find(|package| package.name == "libc6").expect("among the tools");
    assert!(tool.version.starts_with("2.41"), "{}", tool.version);
}
