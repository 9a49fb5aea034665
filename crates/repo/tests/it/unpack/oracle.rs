//! Real packages of the current stable release: dpkg unpacks them too, and then configures what we unpacked.

use std::collections::BTreeMap;
use std::process::Command;
use std::sync::OnceLock;

use lbuild_repo::deb::archive::Deb;
use lbuild_testkit::treediff::{Allowance, Aspect, compare};

use super::*;
use crate::apt::sources::mirrors;

/// What a minimal system with a package manager needs: Essential and `Priority: required` by way of dependencies.
const WANTED: [&str; 9] = [
    "apt",
    "dpkg",
    "init",
    "systemd-sysv",
    "udev",
    "openssh-server",
    "whiptail",
    "ca-certificates",
    "libarchive-tools",
];
/// Top-level symlinks of the release on this architecture.
const ALIASES: [&str; 4] = ["bin", "lib", "lib64", "sbin"];

/// The `.deb` files, in the order in which apt would unpack them. They are kept between runs.
fn debs() -> &'static [PathBuf] {
    static DEBS: OnceLock<Vec<PathBuf>> = OnceLock::new();
    DEBS.get_or_init(|| {
        let root = Path::new(env!("CARGO_TARGET_TMPDIR")).join("unpack-oracle");
        for directory in ["etc", "state/lists/partial", "cache/archives/partial", "debs"] {
            fs::create_dir_all(root.join(directory)).unwrap();
        }
        let mirrors = mirrors();
        let keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
        let line = |base: &str, suite: &str| format!("deb [arch=amd64 signed-by={keys}] {base} {suite} main\n");
        let sources = [line(&mirrors.archive, "trixie"), line(&mirrors.security, "trixie-security")].concat();
        fs::write(root.join("etc/sources.list"), sources).unwrap();
        fs::write(root.join("state/status"), "").unwrap();
        let place = root.display();
        let config = format!(
            "Dir \"{place}\";\nDir::Etc \"etc\";\nDir::Etc::main \"none\";\nDir::Etc::parts \"/dev/null\";\n\
             Dir::State \"state\";\nDir::State::status \"{place}/state/status\";\nDir::Cache \"cache\";\n\
             APT::Architecture \"amd64\";\nAPT::Architectures {{ \"amd64\"; }};\nAcquire::Languages \"none\";\n\
             APT::Sandbox::User \"root\";\nAPT::Install-Recommends \"false\";\nAcquire::Retries \"2\";\n",
        );
        fs::write(root.join("apt.conf"), config).unwrap();
        let apt = |arguments: &[&str]| {
            let mut command = Command::new("apt-get");
            command.env("APT_CONFIG", root.join("apt.conf")).env("LC_ALL", "C.UTF-8").current_dir(root.join("debs"));
            let output = command.args(arguments).output().expect("apt-get is needed as the judge of this test");
            assert!(output.status.success(), "apt-get {arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap()
        };
        apt(&["update", "--error-on=any"]);
        let mut install = vec!["-s", "install", "?narrow(?essential,?architecture(amd64))"];
        install.extend(WANTED);
        let simulated = apt(&install);
        let names: Vec<String> = simulated
            .lines()
            .filter_map(|line| {
                let (name, rest) = line.strip_prefix("Inst ")?.split_once(" (")?;
                Some(format!("{name}={}", rest.split_whitespace().next()?))
            })
            .collect();
        let mut download = vec!["download"];
        download.extend(names.iter().map(String::as_str));
        apt(&download);
        let path = |name: &String| {
            let (package, version) = name.split_once('=').unwrap();
            let version = version.replace(':', "%3a");
            let place = |architecture| root.join(format!("debs/{package}_{version}_{architecture}.deb"));
            [place("amd64"), place("all")].into_iter().find(|path| path.exists()).unwrap_or_else(|| panic!("no {name}"))
        };
        names.iter().map(path).collect()
    })
}

/// The package without its maintainer scripts, which need a shell that is not there yet.
fn without_scripts(deb: &Path) -> Vec<u8> {
    let bytes = fs::read(deb).unwrap();
    let opened = Deb::open(&bytes[..]).unwrap();
    let mut control = Tarball::new().directory("./");
    for member in opened.members() {
        if !matches!(&*member.name, "preinst" | "postinst" | "prerm" | "postrm" | "config") {
            control = control.file_with_mode(&format!("./{}", member.name), &member.content, member.mode);
        }
    }
    let control = control.finish();
    // Everything from the header of the data archive on stays as it is.
    let data = bytes.windows(9).position(|window| window == b"data.tar.").unwrap();
    let mut rebuilt = bytes[..8 + 60 + 4].to_vec();
    rebuilt.extend_from_slice(
        format!("{:<16}{:<12}{:<6}{:<6}{:<8}{:<10}`\n", "control.tar", 0, 0, 0, "100644", control.len())
            .as_bytes(),
    );
    rebuilt.extend_from_slice(&control);
    rebuilt.extend_from_slice(&bytes[data..]);
    rebuilt
}

fn make_aliases(root: &Root) {
    for name in ALIASES {
        fs::create_dir_all(root.path(&format!("usr/{name}"))).unwrap();
        std::os::unix::fs::symlink(format!("usr/{name}"), root.path(name)).unwrap();
    }
}

fn options() -> Options {
    Options { aliases: ALIASES.map(str::to_owned).to_vec(), ..Options::default() }
}

#[test]
fn privileged_unpacking_equals_dpkg_on_real_packages() {
    let work = tempfile::tempdir().unwrap();
    let stripped: Vec<PathBuf> = debs()
        .iter()
        .zip(100..)
        .map(|(deb, number)| {
            let path = work.path().join(format!("{number}.deb"));
            fs::write(&path, without_scripts(deb)).unwrap();
            path
        })
        .collect();
    assert!(stripped.len() > 80, "{} packages", stripped.len());

    let (ours, theirs) = (Root::new(), Root::new());
    make_aliases(&ours);
    make_aliases(&theirs);
    let open = File::open(ours.directory.path()).unwrap();
    let packages = stripped.iter().zip(0..).map(|(path, order)| Package {
        file: File::open(path).unwrap(),
        order,
        sha256: None,
    });
    unpack(open.as_fd(), packages, &options(), None, &|_| {}).unwrap();

    for directory in ["info", "updates", "triggers"] {
        fs::create_dir_all(theirs.path(&format!("var/lib/dpkg/{directory}"))).unwrap();
    }
    fs::write(theirs.path("var/lib/dpkg/status"), "").unwrap();
    let output = Command::new("dpkg")
        .arg(format!("--root={}", theirs.directory.path().display()))
        .args([
            "--force-depends",
            "--force-unsafe-io",
            "--force-not-root",
            "--no-triggers",
            "--log=/dev/null",
            "--unpack",
        ])
        .args(&stripped)
        .env("LC_ALL", "C.UTF-8")
        .output()
        .expect("dpkg is needed as the judge of this test");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));

    assert_eq!(stanzas(&ours, &theirs), stanzas(&theirs, &theirs));
    configure_conffiles(&theirs);
    let allow = |pattern, aspects, reason| Allowance { pattern, aspects, reason };
    let report = compare(
        ours.directory.path(),
        theirs.directory.path(),
        true,
        &[
            allow("var/lib/dpkg/status", &[Aspect::Content, Aspect::Time], "compared above, conffiles apart"),
            allow("var/lib/dpkg/*", &[Aspect::Time], "written by the unpack"),
            allow("var/lib/dpkg/status-old", &[], "dpkg keeps the version before each write"),
            allow("var/lib/dpkg/lock*", &[], "made by dpkg when it runs"),
            allow("var/lib/dpkg/triggers/Lock", &[], "made by dpkg when it runs"),
            allow("var/lib/dpkg/triggers/Unincorp", &[], "made by dpkg when it runs"),
        ],
    )
    .unwrap();
    report.assert_equal();
    assert!(report.entries > 5000, "{} entries", report.entries);
}

/// What dpkg does with a new conffile when it configures the package.
fn configure_conffiles(root: &Root) {
    let mut waiting = vec![root.path("etc")];
    while let Some(directory) = waiting.pop() {
        for entry in fs::read_dir(directory).unwrap() {
            let path = entry.unwrap().path();
            if fs::symlink_metadata(&path).unwrap().is_dir() {
                waiting.push(path);
            } else if let Some(name) = path.to_str().unwrap().strip_suffix(".dpkg-new") {
                fs::rename(&path, name).unwrap();
            }
        }
    }
}

/// Stanzas by package; digests of conffiles are replaced when they are those of the files that dpkg unpacked.
fn stanzas(root: &Root, files: &Root) -> BTreeMap<String, String> {
    use md5::{Digest, Md5};
    let status = root.read("var/lib/dpkg/status");
    let line = |line: &str| {
        let Some((path, digest)) = line.strip_prefix(" /").and_then(|line| line.split_once(' ')) else {
            return line.to_owned();
        };
        let unpacked = files.path(&format!("{path}.dpkg-new"));
        let unpacked = if unpacked.exists() { unpacked } else { files.path(path) };
        match fs::read(unpacked) {
            Ok(bytes) if digest == "newconffile" || digest == hex::encode(Md5::digest(&bytes)) => {
                format!(" /{path} checked")
            }
            _ => line.to_owned(),
        }
    };
    let stanzas = status.split("\n\n").filter(|stanza| !stanza.trim().is_empty());
    stanzas
        .map(|stanza| {
            let name = stanza.lines().next().unwrap().to_owned();
            (name, stanza.trim_end().lines().map(line).collect::<Vec<_>>().join("\n"))
        })
        .collect()
}

/// Enters the tree in namespaces of its own, without network, and runs a shell script there.
fn enter(root: &Path, script: &str) -> std::process::Output {
    let setup = "set -e; root=$1; mount --make-rprivate /; mount -t proc proc $root/proc; mount -t tmpfs tmpfs $root/dev; \
                 for node in null zero full random urandom tty; do touch $root/dev/$node; mount --bind /dev/$node $root/dev/$node; done; \
                 exec chroot $root /bin/sh -ec \"$2\"";
    Command::new("unshare")
        .args([
            "--net",
            "--mount",
            "--pid",
            "--ipc",
            "--uts",
            "--fork",
            "--kill-child",
            "/bin/sh",
            "-c",
            setup,
            "sh",
        ])
        .arg(root)
        .arg(script)
        .env_clear()
        .envs([
            ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
            ("DEBIAN_FRONTEND", "noninteractive"),
            ("LC_ALL", "C.UTF-8"),
        ])
        .output()
        .unwrap()
}

#[test]
fn privileged_dpkg_configures_what_we_unpacked() {
    let root = Root::new();
    let open = File::open(root.directory.path()).unwrap();
    let packages = debs().iter().zip(0..).map(|(path, order)| Package {
        file: File::open(path).unwrap(),
        order,
        sha256: None,
    });
    let mut ran = Vec::new();
    let mut run = |preinst: &Preinst| {
        ran.push(preinst.package.clone());
        let (argv, environment) = preinst.command();
        let variables: Vec<String> =
            environment.iter().map(|(name, value)| format!("export {name}='{value}';")).collect();
        let variables = variables.join(" ");
        let output = enter(root.directory.path(), &format!("{variables} {}", argv.join(" ")));
        let text = String::from_utf8_lossy(&output.stderr).into_owned();
        if output.status.success() { Ok(()) } else { Err(text) }
    };
    let unpacked = unpack(open.as_fd(), packages, &options(), Some(&mut run), &|_| {}).unwrap();
    assert_eq!(unpacked.packages.len(), debs().len());
    let position = |name: &str| ran.iter().position(|package| package == name);
    assert!(
        position("libc6") < position("base-passwd") && position("libnewt0.52") < position("whiptail"),
        "{ran:?}"
    );

    let configured = enter(root.directory.path(), "dpkg --configure -a 2>&1");
    let log = String::from_utf8_lossy(&configured.stdout).into_owned();
    assert!(configured.status.success(), "{log}");
    assert_eq!(log.matches("Processing triggers for libc-bin").count(), 1, "{log}");
    for check in ["dpkg --audit 2>&1", "dpkg --verify 2>&1"] {
        let output = enter(root.directory.path(), check);
        assert!(
            output.status.success() && output.stdout.is_empty(),
            "{check}: {}",
            String::from_utf8_lossy(&output.stdout)
        );
    }
    let status = root.read("var/lib/dpkg/status");
    assert_eq!(status.matches("\nStatus: install ok installed\n").count(), debs().len());
    let waiting: Vec<_> = status
        .lines()
        .filter(|line| line.contains("newconffile") && !line.ends_with("remove-on-upgrade"))
        .collect();
    assert!(waiting.is_empty(), "conffiles without digest: {waiting:?}");
}

/// The tar that is not GNU's, from a package that we unpack: it needs no script to run.
#[test]
fn privileged_t05_what_is_accepted_reads_as_bsdtar_reads_it() {
    use lbuild_repo::tar::{Archive, Policy};
    let bytes = lbuild_testkit::tarball::showcase();
    let mut archive = Archive::new(&bytes[..], Policy::strict());
    let mut ours = Vec::new();
    while let Some(entry) = archive.next_entry().unwrap() {
        ours.push(String::from_utf8(entry.path).unwrap());
    }

    let root = Root::new();
    let open = File::open(root.directory.path()).unwrap();
    let packages = debs().iter().zip(0..).map(|(path, order)| Package {
        file: File::open(path).unwrap(),
        order,
        sha256: None,
    });
    unpack(open.as_fd(), packages, &options(), None, &|_| {}).unwrap();
    fs::write(root.path("run/a.tar"), &bytes).unwrap();
    let output = enter(root.directory.path(), "bsdtar -tf /run/a.tar");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let listed = String::from_utf8(output.stdout).unwrap();
    let plain = |name: &str| {
        let parts: Vec<&str> = name.split('/').filter(|part| !matches!(*part, "" | ".")).collect();
        parts.join("/")
    };
    assert_eq!(ours, listed.lines().map(plain).collect::<Vec<_>>());
}
