//! The official indexes of Alpine 3.19: what `apk add` would install is what we choose.

use std::collections::BTreeMap;

use lbuild_repo::apk::arena::build;
use lbuild_repo::apk::index::Index as ApkIndex;
use lbuild_repo::apk::resolve::{Alpine, Word, word};
use lbuild_repo::apk::{Trust, installed};
use lbuild_repo::index::{Index, IndexSource};
use lbuild_repo::resolve::{Request, Unsatisfiable, resolve};
use lbuild_testkit::realdata;

use super::oracle::Root;
use super::{alpine_keys, installed::system};

/// File and repository.
const REPOSITORIES: [(&str, &str); 2] = [
    ("alpine/v3.19-cache/APKINDEX.b2c94760.tar.gz", "main"),
    ("alpine/v3.19-cache/APKINDEX.be78cdff.tar.gz", "community"),
];

/// Both repositories, read and put into the arena, and back from its cache.
pub fn alpine() -> Index {
    let keys = alpine_keys();
    let read: Vec<(IndexSource, ApkIndex)> = REPOSITORIES
        .iter()
        .map(|(file, component)| {
            let source = IndexSource {
                suite: "v3.19".to_owned(),
                component: (*component).to_owned(),
                arch: "x86_64".to_owned(),
                base_url: format!("v3.19/{component}/x86_64"),
                pin: 500,
                ..IndexSource::default()
            };
            (source, ApkIndex::open(&realdata::read(file), Trust::Keys(&keys)).unwrap())
        })
        .collect();
    let sources: Vec<(IndexSource, &ApkIndex)> =
        read.iter().map(|(source, index)| (source.clone(), index)).collect();
    let index = build(&sources).unwrap();
    Index::open_cache(index.write_cache().to_vec()).unwrap()
}

/// What we choose for the words of a world.
pub fn choose(index: &Index, words: &[&str]) -> Result<BTreeMap<String, String>, Unsatisfiable> {
    let mut request = Request { supplements: true, ..Request::new("x86_64") };
    for text in words {
        match word(text).unwrap() {
            Word::Wanted(wanted) => request.packages.push(wanted),
            Word::Unwanted(name) => request.remove.push(name),
        }
    }
    let selection = resolve(&Alpine, index, &request)?;
    Ok(selection.packages.into_iter().map(|one| (one.name, one.version)).collect())
}

/// Requests that people make, and that mean a choice.
const REQUESTS: &[&str] = &[
    "alpine-base",
    "alpine-base openssh docs",
    "nginx postgresql16 redis",
    "docker docs",
    "gnome",
    "plasma",
    "xfce4 lightdm",
    "sway foot firefox",
    "postfix dovecot",
    "exim postfix",
    "nftables iptables",
    "python3 py3-pip gcc musl-dev",
    "nodejs npm",
    "openjdk17",
    "php82 php83",
    "mariadb mysql-client",
    "busybox coreutils",
    "openrc docker docker-openrc",
    "neovim !python3",
    "vim gvim",
    "linux-lts linux-firmware-none",
    "linux-virt",
    "p7zip",
    "cmd:vim",
    "so:libssl.so.3",
    "pc:zlib",
    "pulseaudio alsa-lib pipewire",
    "libcanberra alsa-lib",
    "eudev udev-init-scripts",
    "mdevd",
    "dbus bash-completion git",
    "zsh fish bash docs",
    "kde-applications-base",
    "musl>1.2",
    "musl<1",
    "openssl~3.1",
    "openssl~4",
    "nosuchpackage",
    "ifupdown-any",
    "ifupdown-ng busybox",
    "mail-client",
    "dovecot-lmtpd exim",
    "librasterlite2-dev",
    "wireplumber pipewire-media-session",
    "elogind seatd",
    "polkit polkit-elogind",
    "sdl12-compat sdl",
    "libreoffice",
    "qt5-qtbase qt6-qtbase",
    "rust cargo",
    "libreswan strongswan",
    "man-db mandoc",
    "zabbix-mysql zabbix-pgsql",
    "openssh-client-default openssh-client-krb5",
    "emacs-gtk3 emacs-nox",
    "bkeymaps",
    "java-jre java-jre-headless",
    "pulseaudio pipewire-pulse",
];

#[test]
fn apk_chooses_the_same_packages() {
    let index = alpine();
    let files: Vec<Vec<u8>> = REPOSITORIES.iter().map(|(file, _)| realdata::read(file)).collect();
    let root = Root::new(&files, "", "");
    // Beside the list, packages and pairs of packages from all over the indexes.
    let names: Vec<&str> = index.package_names().collect();
    let some: Vec<&str> = names.iter().step_by(names.len() / 120).copied().collect();
    let mut requests: Vec<Vec<&str>> = REQUESTS.iter().map(|words| words.split(' ').collect()).collect();
    requests.extend(some.chunks(2).take(40).map(<[&str]>::to_vec));
    requests.extend(some.iter().skip(80).map(|name| vec![*name]));
    assert!(requests.len() >= 120, "{}", requests.len());
    let (mut wrong, mut refused) = (Vec::new(), 0);
    for words in &requests {
        let (theirs, ours) = (root.plan(words), choose(&index, words));
        refused += usize::from(theirs.is_err());
        if theirs.as_ref().ok() != ours.as_ref().ok() {
            let only = |a: &BTreeMap<String, String>, b: &BTreeMap<String, String>| {
                a.iter()
                    .filter(|(name, version)| b.get(*name) != Some(version))
                    .map(|one| format!("{one:?}"))
                    .collect::<Vec<_>>()
            };
            wrong.push(match (&theirs, &ours) {
                (Ok(theirs), Ok(ours)) => format!(
                    "{words:?}: apk alone {:?}, we alone {:?}",
                    only(theirs, ours),
                    only(ours, theirs)
                ),
                (Ok(_), Err(reason)) => format!("{words:?}: apk chooses, we say {}", reason.summary),
                (Err(reason), _) => format!("{words:?}: we choose, apk says {reason}"),
            });
        }
    }
    assert!(wrong.is_empty(), "{}\n{} of {} differ", wrong.join("\n"), wrong.len(), requests.len());
    assert!((5..40).contains(&refused), "apk refuses {refused}");
}

#[test]
fn the_root_filesystem_of_alpine_is_what_its_world_means() {
    let (text, _) = system("alpine/docker-alpine-v3.19/alpine-minirootfs-3.19.4-x86_64.tar.gz");
    let there: BTreeMap<String, String> = installed::read(&text)
        .unwrap()
        .into_iter()
        .map(|one| (one.package.name.to_owned(), one.package.version.to_owned()))
        .collect();
    let world = ["alpine-baselayout", "alpine-keys", "alpine-release", "apk-tools", "busybox", "libc-utils"];
    let chosen = choose(&alpine(), &world).unwrap();
    assert!(chosen.keys().eq(there.keys()), "{chosen:?} {there:?}");
    // The index is younger than the filesystem by two updates.
    let same = chosen.iter().filter(|(name, version)| there.get(*name) == Some(version)).count();
    assert_eq!((same, there.len()), (13, 15));
}
