//! Package sources that a spec adds to the archive: real small repositories, served here, good ones and others.

use std::collections::BTreeMap;
use std::fs;
use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, LazyLock, Mutex, PoisonError};
use std::thread;

use lbuild_testkit::debrepo::{DebRepo, Files};
use lbuild_testkit::openpgp::ArchiveKey;

use crate::mirror::Mirror;
use crate::program::{Ended, Place};

static DEBIAN: LazyLock<Mirror> = LazyLock::new(Mirror::start);
static KEY: LazyLock<ArchiveKey> = LazyLock::new(|| ArchiveKey::generate("Acme <acme@example.org>"));
static STRANGER: LazyLock<ArchiveKey> = LazyLock::new(|| ArchiveKey::generate("Somebody <else@example.org>"));

/// Serves files below `/repo/`; what is served can be changed.
struct Server {
    address: String,
    files: Arc<Mutex<Files>>,
}

impl Server {
    fn start(files: Files) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let address = format!("http://{}/repo", listener.local_addr().expect("an address"));
        let files = Arc::new(Mutex::new(files));
        let shared = Arc::clone(&files);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let files = Arc::clone(&shared);
                thread::spawn(move || serve(&stream, &files));
            }
        });
        Self { address, files }
    }

    fn files(&self) -> std::sync::MutexGuard<'_, Files> {
        self.files.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn serve(mut stream: &TcpStream, files: &Mutex<Files>) -> Option<()> {
    let mut reader = BufReader::new(stream);
    loop {
        let mut request = String::new();
        reader.read_line(&mut request).ok()?;
        let path = request.split(' ').nth(1)?.strip_prefix("/repo/").unwrap_or_default().to_owned();
        let mut header = String::new();
        while reader.read_line(&mut header).ok()? > 2 {
            header.clear();
        }
        let body = files.lock().unwrap_or_else(PoisonError::into_inner).get(&path).cloned();
        let status = if body.is_some() { "200 OK" } else { "404 Not Found" };
        let body = body.unwrap_or_default();
        write!(stream, "HTTP/1.1 {status}\r\nContent-Length: {}\r\n\r\n", body.len()).ok()?;
        stream.write_all(&body).ok()?;
    }
}

fn acme() -> DebRepo {
    DebRepo::new("acme").package("acme-tool", "1.5", &[("Depends", "acme-data (>= 1)")]).package(
        "acme-data",
        "2",
        &[],
    )
}

/// A spec with these packages and one source; `more` are further lines of the source and what follows it.
fn spec(packages: &str, url: &str, more: &str) -> String {
    format!(
        "name = \"minimal\"\nbase = \"debian\"\nrelease = \"trixie\"\noutputs = [\"rootfs\"]\npackages = [{packages}]\n\
         [kernel]\nflavor = \"none\"\n\
         [[repositories.sources]]\nname = \"acme\"\nurl = \"{url}\"\nsuites = [\"acme\"]\n{more}\n"
    )
}

fn place(text: &str) -> Place {
    let place = Place::with_spec(text);
    place.write("acme.asc", KEY.public());
    place.write("stranger.asc", STRANGER.public());
    place
}

fn run(place: &Place, arguments: &[&str]) -> Ended {
    Ended::of(place.command(arguments).envs(DEBIAN.environment()))
}

const SIGNED: &str = "signedByFile = \"acme.asc\"";

/// Resolves with these files served; fails with this exit code and says all of these.
#[track_caller]
fn refused(files: Files, more: &str, code: i32, says: &[&str]) -> Ended {
    let server = Server::start(files);
    let ended = run(&place(&spec("\"acme-tool\"", &server.address, more)), &["resolve", "spec.toml"]);
    assert_eq!(ended.code, Some(code), "{ended:?}");
    for part in says {
        assert!(ended.stderr.contains(part), "{part} is not in: {}", ended.stderr);
    }
    assert_eq!(ended.stdout, "");
    ended
}

#[test]
fn packages_of_a_source_are_resolved_and_locked_with_its_key() {
    let server = Server::start(acme().signed(&KEY));
    let fingerprint = format!("{SIGNED}\nfingerprint = \"{}\"", KEY.fingerprint().to_lowercase());
    let place = place(&spec("\"acme-tool\"", &server.address, &fingerprint));
    let ended = run(&place, &["lock", "spec.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let text = fs::read_to_string(place.path("spec.lock")).expect("a lock");
    let lock = lbuild_engine::Lock::parse(&text, "spec.lock").expect("a lock");
    assert_eq!(lock.to_text(), text);
    let index = lock.index.iter().find(|index| index.repository == "source/acme").expect("its index");
    assert_eq!(index.url.as_deref(), Some(server.address.as_str()));
    assert_eq!(index.signed_by, KEY.fingerprint());
    assert_eq!(index.key, Some(lbuild_store::Digest::of(KEY.public().as_bytes())));
    let from: BTreeMap<&str, &str> =
        lock.system.iter().map(|package| (package.name.as_str(), package.repository.as_str())).collect();
    assert_eq!(
        (from["acme-tool"], from["acme-data"], from["bash"]),
        ("source/acme", "source/acme", "debian")
    );
    assert!(!lock.tools.iter().any(|package| package.repository.starts_with("source/")));

    server.files().clear();
    let again = run(&place, &["lock", "spec.toml", "--offline"]);
    assert_eq!(again.code, Some(0), "{again:?}");
    assert_eq!(fs::read_to_string(place.path("spec.lock")).expect("a lock"), text);
}

#[test]
fn a_key_vouches_for_its_own_source_alone() {
    let (one, two) = (Server::start(acme().signed(&KEY)), Server::start(acme().signed(&KEY)));
    let second = format!(
        "{SIGNED}\n[[repositories.sources]]\nname = \"other\"\nurl = \"{}\"\nsuites = [\"acme\"]\n\
         signedByFile = \"stranger.asc\"",
        two.address
    );
    let ended = run(&place(&spec("\"acme-tool\"", &one.address, &second)), &["resolve", "spec.toml"]);
    assert_eq!(ended.code, Some(6), "{ended:?}");
    assert!(ended.stderr.contains("the release file of `other acme` is refused"), "{}", ended.stderr);
    assert!(ended.stderr.contains("signed by no known key"), "{}", ended.stderr);
}

#[test]
fn a_source_with_another_key_is_refused() {
    let says = ["the release file of `acme acme` is refused", "signed by no known key"];
    refused(acme().signed(&STRANGER), SIGNED, 6, &says);
    let wanted = format!("signedByFile = \"stranger.asc\"\nfingerprint = \"{}\"", KEY.fingerprint());
    let says = ["the key of source `acme` has the fingerprint", &STRANGER.fingerprint()];
    refused(acme().signed(&STRANGER), &wanted, 3, &says);
}

#[test]
fn a_source_that_nobody_signs_is_used_only_by_name() {
    refused(acme().unsigned(), SIGNED, 6, &["cannot get the index of `acme acme`", "404"]);
    let server = Server::start(acme().unsigned());
    let place = place(&spec("\"acme-tool\"", &server.address, "unsigned = true\nsystem = false"));
    let ended = run(&place, &["resolve", "spec.toml", "--json"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stderr.contains("warning[unsigned]"), "{}", ended.stderr);
    let names: Vec<_> = ended.json()["packages"].as_array().expect("packages").clone();
    assert!(names.iter().any(|package| package["name"] == "acme-tool"));
}

#[test]
fn expired_tampered_and_replayed_release_files_are_refused() {
    let past = DebRepo::date(-2);
    refused(
        acme().hours_old(48).field("Valid-Until", &past).signed(&KEY),
        SIGNED,
        6,
        &["release expired 2 hours ago"],
    );
    let mut files = acme().signed(&KEY);
    let text = files.get_mut("dists/acme/InRelease").expect("a release file");
    let at = text.windows(6).position(|window| window == b"Suite:").expect("a field");
    text[at + 8] ^= 1;
    refused(files, SIGNED, 6, &["the release file of `acme acme` is refused", "does not fit"]);
    let mut files = acme().signed(&KEY);
    files.get_mut("dists/acme/main/binary-all/Packages").expect("an index")[9] ^= 1;
    refused(files, SIGNED, 6, &["wrong content: expected sha256"]);

    let server = Server::start(acme().signed(&KEY));
    let place = place(&spec("\"acme-tool\"", &server.address, SIGNED));
    assert_eq!(run(&place, &["resolve", "spec.toml"]).code, Some(0));
    *server.files() = acme().hours_old(24).signed(&KEY);
    // the mirror is asked again only after a while, or when the store knows nothing of the last answer
    for answer in fs::read_dir(place.path("store/responses")).expect("answers of servers").flatten() {
        fs::remove_file(answer.path()).expect("an answer");
    }
    let ended = run(&place, &["resolve", "spec.toml"]);
    assert_eq!(ended.code, Some(6), "{ended:?}");
    assert!(ended.stderr.contains("older than the one seen before"), "{}", ended.stderr);
}

#[test]
fn a_release_file_of_another_suite_is_refused() {
    let mut files = acme().signed(&KEY);
    let other = DebRepo::new("other").signed(&KEY).remove("dists/other/InRelease").expect("a release file");
    files.insert("dists/acme/InRelease".to_owned(), other);
    refused(files, SIGNED, 6, &["release is of suite `other`, not `acme`"]);
}

#[test]
fn a_conflict_names_the_source() {
    let repo = DebRepo::new("acme").package("acme-tool", "1.5", &[("Depends", "acme-gone")]);
    let says = ["acme-tool 1.5 of source `acme` depends on acme-gone, which no package provides"];
    refused(repo.signed(&KEY), SIGNED, 3, &says);
}

#[test]
fn the_higher_version_wins_unless_a_pin_says_otherwise() {
    let server = Server::start(DebRepo::new("acme").package("tree", "99.0", &[]).signed(&KEY));
    let version = |more: &str| {
        let place = place(&spec("\"tree\"", &server.address, &format!("{SIGNED}\n{more}")));
        let ended = run(&place, &["resolve", "spec.toml", "--json"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let packages = ended.json()["packages"].as_array().expect("packages").clone();
        let tree = packages.iter().find(|package| package["name"] == "tree").expect("tree");
        tree["version"].as_str().expect("a version").to_owned()
    };
    assert_eq!(version(""), "99.0");
    let pin = |target: &str, priority: i32| {
        version(&format!("[[repositories.pins]]\npackage = \"tr*\"\n{target}\npriority = {priority}"))
    };
    assert_ne!(pin("host = \"127.0.0.1\"", 400), "99.0");
    assert_ne!(pin("suite = \"trixie\"", 501), "99.0");
    assert_eq!(pin("suite = \"acme\"", 1001), "99.0");
}

#[test]
fn a_directory_with_its_signature_beside_is_a_source_too() {
    let repo = |suite: &str| DebRepo::new(suite).package("acme-tool", "1.5", &[]).signed_beside(&KEY);
    for suite in ["./", "deb/all/"] {
        let server = Server::start(repo(suite));
        let text =
            spec("\"acme-tool\"", &server.address, SIGNED).replace("\"acme\"]", &format!("\"{suite}\"]"));
        let place = place(&text);
        let ended = run(&place, &["lock", "spec.toml"]);
        assert_eq!(ended.code, Some(0), "{ended:?}");
        let lock = fs::read_to_string(place.path("spec.lock")).expect("a lock");
        let path = format!("path = \"{}pool/acme-tool_1.5_all.deb\"", suite.trim_start_matches("./"));
        assert!(lock.contains(&path), "{lock}");
    }
    // the same as files of this machine
    let place = place(&spec("\"acme-tool\"", "file:///REPO", &format!("{SIGNED}\nsystem = false")));
    for (path, content) in repo("./") {
        let path = place.path("repo").join(path);
        fs::create_dir_all(path.parent().expect("a directory")).expect("a directory");
        fs::write(path, content).expect("a file");
    }
    let text = fs::read_to_string(place.path("spec.toml")).expect("the spec");
    let text =
        text.replace("/REPO", &place.path("repo").display().to_string()).replace("\"acme\"]", "\"./\"]");
    place.write("spec.toml", text);
    let ended = run(&place, &["resolve", "spec.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
}

#[test]
fn the_key_file_lies_beside_the_spec() {
    let text =
        |file: &str| spec("\"acme-tool\"", "http://127.0.0.1:1/repo", &format!("signedByFile = \"{file}\""));
    let place = place(&text("no.asc"));
    let ended = run(&place, &["resolve", "spec.toml"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr.contains("no.asc"), "{}", ended.stderr);
    std::os::unix::fs::symlink("/etc/passwd", place.path("link.asc")).expect("a link");
    place.write("spec.toml", text("link.asc"));
    let ended = run(&place, &["resolve", "spec.toml"]);
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(!ended.stderr.contains("root:"), "{}", ended.stderr);
}

/// The whole way: downloaded from the source, installed by dpkg, and left in the image for apt.
#[test]
fn privileged_an_image_has_the_packages_and_the_source() {
    let server = Server::start(acme().signed(&KEY));
    let place = place(&spec("\"apt\", \"acme-tool\"", &server.address, SIGNED));
    let ended = run(&place, &["build", "spec.toml"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let read = |path: &str| {
        let archive = place.path("out/minimal/minimal-amd64.tar.zst");
        let mut tar = std::process::Command::new("tar");
        let output = tar.arg("-xOf").arg(archive).arg(path).output().expect("tar");
        String::from_utf8(output.stdout).expect("text")
    };
    let root = |path: &str| [path.to_owned(), format!("./{path}")].map(|path| read(&path)).concat();
    assert!(root("var/lib/dpkg/status").contains("Package: acme-tool\nStatus: install ok installed\n"));
    assert_eq!(
        root("etc/apt/sources.list.d/lbuild-acme.sources"),
        format!(
            "Types: deb\nURIs: {}\nSuites: acme\nComponents: main\nSigned-By: /etc/apt/keyrings/lbuild-acme.asc\n",
            server.address
        )
    );
    assert_eq!(root("etc/apt/keyrings/lbuild-acme.asc").trim(), KEY.public().trim());
    server.files().clear();
    let again = run(&place, &["build", "spec.toml", "--offline"]);
    assert_eq!(again.code, Some(0), "{again:?}");
}
