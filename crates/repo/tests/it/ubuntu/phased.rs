//! Updates that only some systems are to have yet, with apt as the judge.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use lbuild_repo::deb::index::{IndexSource, is_phased, parse};
use lbuild_repo::deb::resolve::Debian;
use lbuild_repo::resolve::{Request, Wanted, resolve};

/// Versions of each package, each with its percentage; empty for none.
const PACKAGES: [(&str, &[(&str, &str)]); 8] = [
    ("plain", &[("1", ""), ("2", "")]),
    ("starting", &[("1", ""), ("2", "10")]),
    ("stopped", &[("1", ""), ("2", "0")]),
    ("complete", &[("1", ""), ("2", "100")]),
    ("strange", &[("1", ""), ("2", "some")]),
    ("only", &[("2", "50")]),
    ("twice", &[("1", ""), ("2", "90"), ("3", "20")]),
    ("new", &[("2", "30"), ("3", "20")]),
];

fn index_text() -> String {
    let mut text = String::new();
    for (name, versions) in PACKAGES {
        for (version, percentage) in versions {
            let digest = format!("{:064x}", version.len() * 1000 + text.len());
            write!(text, "Package: {name}\nVersion: {version}\nArchitecture: all\nMaintainer: x\n")
                .expect("memory");
            write!(text, "Filename: ./{name}_{version}.deb\nSize: 1\nSHA256: {digest}\n").expect("memory");
            if !percentage.is_empty() {
                writeln!(text, "Phased-Update-Percentage: {percentage}").expect("memory");
            }
            text.push_str("Description: x\n\n");
        }
    }
    text
}

/// The version that apt would install.
fn candidate(root: &Path, name: &str) -> String {
    let output = apt(root, &["apt-cache", "policy", name]);
    let line = output.lines().find_map(|line| line.trim().strip_prefix("Candidate: "));
    line.unwrap_or_else(|| panic!("{name}: {output}")).to_owned()
}

fn apt(root: &Path, words: &[&str]) -> String {
    let option = |text: String| ["-o".to_owned(), text];
    let output = Command::new(words[0])
        .args(option(format!("Dir={}", root.display())))
        .args(option(format!("Dir::State::status={}", root.join("status").display())))
        .args(option("APT::Sandbox::User=".to_owned()))
        .args(option("APT::Architecture=amd64".to_owned()))
        .args(option("APT::Get::Phase-Policy=true".to_owned()))
        .args(option("APT::Get::Never-Include-Phased-Updates=true".to_owned()))
        .args(&words[1..])
        .env("LC_ALL", "C")
        .output()
        .expect("apt is needed as the judge of this test");
    assert!(output.status.success(), "{words:?}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).expect("text")
}

#[test]
fn apt_agrees_on_phased_updates() {
    let text = index_text();
    let source = IndexSource { arch: "amd64".to_owned(), pin: 500, ..IndexSource::default() };
    let index = parse(&[(source, text.as_bytes())]).expect("a good index");
    assert_eq!(index.packages().filter(|package| is_phased(*package)).count(), 7);

    let root = tempfile::tempdir().expect("a directory");
    for directory in
        ["etc/apt/preferences.d", "etc/apt/apt.conf.d", "var/lib/apt/lists/partial", "var/cache/apt", "repo"]
    {
        std::fs::create_dir_all(root.path().join(directory)).expect("a directory");
    }
    std::fs::write(root.path().join("repo/Packages"), &text).expect("a file");
    std::fs::write(root.path().join("status"), "").expect("a file");
    let sources = format!("deb [trusted=yes] file:{} ./\n", root.path().join("repo").display());
    std::fs::write(root.path().join("etc/apt/sources.list"), sources).expect("a file");
    apt(root.path(), &["apt-get", "-q", "update"]);
    for (name, _) in PACKAGES {
        let mut request = Request::new("amd64");
        request.packages.push(Wanted { name: name.to_owned(), ..Wanted::default() });
        let ours = resolve(&Debian, &index, &request).expect("a set");
        assert_eq!(ours.packages[0].version, candidate(root.path(), name), "{name}");
    }
}
