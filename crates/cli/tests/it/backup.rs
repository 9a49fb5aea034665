//! Backups of a running service, what is made of damaged ones, and migrations.

use std::fs;
use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::program::{Ended, MINIMAL, Place};

/// `lbuild serve` on a data directory, until it is dropped.
struct Served {
    process: Child,
    address: String,
    key: Option<String>,
}

impl Served {
    fn start(place: &Place, data: &str) -> Self {
        let mut command = place.command(&["serve", "--json", "--listen", "127.0.0.1:0", "--drain", "0"]);
        // nobody answers there, so no build gets far
        command.env("LBUILD_MIRROR_DEBIAN", "http://127.0.0.1:1").args(["--data", data]);
        let mut process = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().expect("it starts");
        let mut output = BufReader::new(process.stdout.take().expect("its output"));
        let mut greeting = String::new();
        while !greeting.ends_with("}\n") {
            assert!(output.read_line(&mut greeting).expect("what it says") > 0, "it ended: {greeting}");
        }
        let greeting: Value = serde_json::from_str(&greeting).expect("JSON");
        let address = format!("http://{}/api/v1/builds", greeting["address"].as_str().expect("an address"));
        Self { process, address, key: greeting["adminKey"].as_str().map(str::to_owned) }
    }

    fn submit(&self, key: &str, name: &str) -> String {
        let answer = ureq::post(&self.address)
            .header("authorization", format!("Bearer {key}"))
            .header("content-type", "application/toml")
            .send(MINIMAL.replace("\"minimal\"", &format!("\"{name}\"")));
        let text = answer.expect("it is taken in").body_mut().read_to_string().expect("a body");
        let answer: Value = serde_json::from_str(&text).expect("JSON");
        answer["id"].as_str().expect("an id").to_owned()
    }

    fn build(&self, key: &str, id: &str) -> Value {
        let answer = ureq::get(format!("{}/{id}", self.address))
            .header("authorization", format!("Bearer {key}"))
            .call()
            .expect("the build is there");
        serde_json::from_str(&answer.into_body().read_to_string().expect("a body")).expect("JSON")
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let id = Pid::from_raw(i32::try_from(self.process.id()).expect("an id")).expect("not 0");
        kill_process(id, Signal::TERM).expect("it is running");
        self.process.wait().expect("it ends");
    }
}

/// Names in a directory.
fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).expect("the directory").flatten();
    let mut names: Vec<String> =
        entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

/// A place with a backup `b.tar` of a service that was never asked for anything.
fn backed_up() -> Place {
    let place = Place::new();
    drop(Served::start(&place, "data"));
    let ended = place.run(&["backup", "b.tar", "--data", "data"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert!(ended.stdout.contains("artifacts and the store are not in it"), "{ended:?}");
    place
}

fn refused(place: &Place, file: &str, expected: &str) {
    let ended = place.run(&["restore", file, "--data", "restored"]);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains(expected), "{expected}: {}", ended.stderr);
    assert!(!place.path("restored").exists(), "nothing is left");
}

#[test]
fn a_backup_of_a_busy_service_has_everything_that_was_taken_in_before() {
    let place = Place::new();
    let served = Served::start(&place, "data");
    let key = served.key.clone().expect("the first start shows a key");
    let before: Vec<String> = (0..20).map(|n| served.submit(&key, &format!("before-{n}"))).collect();
    let ended = std::thread::scope(|scope| {
        let busy = scope.spawn(|| (0..40).for_each(|n| drop(served.submit(&key, &format!("during-{n}")))));
        let ended = place.run(&["backup", "b.tar", "--data", "data", "--json"]);
        busy.join().expect("all are taken in");
        ended
    });
    assert_eq!(ended.code, Some(0), "{ended:?}");
    let files = ended.json()["backup"]["files"].clone();
    let listed: Vec<&str> =
        files.as_array().expect("files").iter().filter_map(|file| file["name"].as_str()).collect();
    assert_eq!(listed, ["lbuild.db", "signing-secret", "secret-key"]);
    assert_eq!(ended.json()["keyElsewhere"], Value::Null);
    drop(served);

    let ended = place.run(&["restore", "b.tar", "--data", "restored"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    assert_eq!(names(&place.path("restored")), ["lbuild.db", "lock", "secret-key", "signing-secret"]);
    for key in ["signing-secret", "secret-key"] {
        let secret = |data: &str| fs::read(place.path(data).join(key)).expect("the secret");
        assert_eq!(secret("restored"), secret("data"), "{key}");
    }
    let restored = Served::start(&place, "restored");
    assert_eq!(restored.key, None, "the keys are there");
    for (n, id) in before.iter().enumerate() {
        assert_eq!(restored.build(&key, id)["name"], format!("before-{n}"));
    }
    let full = place.run(&["restore", "b.tar", "--data", "restored"]);
    assert_eq!(full.code, Some(1));
    assert!(full.stderr.contains("is not empty"), "{}", full.stderr);
    let twice = place.run(&["backup", "b.tar", "--data", "restored"]);
    assert_eq!(twice.code, Some(1), "a backup replaces nothing");
}

#[test]
fn a_damaged_backup_is_refused_and_nothing_is_left() {
    let place = backed_up();
    let sound = fs::read(place.path("b.tar")).expect("the backup");
    for at in [0, 600, 4096, sound.len() / 2, sound.len() - 2000] {
        let mut damaged = sound.clone();
        damaged[at] ^= 0x55;
        place.write("damaged.tar", &damaged);
        let ended = place.run(&["restore", "damaged.tar", "--data", "restored"]);
        assert_eq!(ended.code, Some(1), "byte {at}: {ended:?}");
        assert!(!place.path("restored").exists(), "byte {at}");
    }
    for length in [0, 100, 512, sound.len() / 2, sound.len() - 1024] {
        place.write("short.tar", &sound[..length]);
        let ended = place.run(&["restore", "short.tar", "--data", "restored"]);
        assert_eq!(ended.code, Some(1), "{length} bytes: {ended:?}");
        assert!(!place.path("restored").exists(), "{length} bytes");
    }
    refused(&place, "nowhere.tar", "cannot use `nowhere.tar`");
    fs::create_dir(place.path("restored")).expect("a directory");
    place.write("short.tar", &sound[..sound.len() / 2]);
    assert_eq!(place.run(&["restore", "short.tar", "--data", "restored"]).code, Some(1));
    assert!(names(&place.path("restored")).is_empty(), "a directory that was there stays, empty");
}

/// Changes bytes of the database in a backup, and its digest, as somebody with a grudge would.
fn forge(place: &Place, from: &str, to: &str) {
    let unpacked = place.path("unpacked");
    fs::create_dir_all(&unpacked).expect("a directory");
    let tar = |arguments: &[&str]| {
        let status = Command::new("tar").args(arguments).current_dir(&unpacked).status().expect("tar starts");
        assert!(status.success());
    };
    tar(&["-xf", "../b.tar"]);
    let mut database = fs::read(unpacked.join("lbuild.db")).expect("the database");
    let places: Vec<usize> =
        (0..database.len() - from.len()).filter(|&at| database[at..].starts_with(from.as_bytes())).collect();
    assert!(!places.is_empty(), "{from} is in the database");
    for at in places {
        database[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    fs::write(unpacked.join("lbuild.db"), &database).expect("it is written");
    let text = fs::read(unpacked.join("backup.json")).expect("the description");
    let mut manifest: Value = serde_json::from_slice(&text).expect("JSON");
    manifest["files"][0]["sha256"] = hex::encode(Sha256::digest(&database)).into();
    fs::write(unpacked.join("backup.json"), manifest.to_string()).expect("it is written");
    tar(&[
        "--format=ustar",
        "-cf",
        "../forged.tar",
        "backup.json",
        "lbuild.db",
        "signing-secret",
        "secret-key",
    ]);
}

#[test]
fn a_backup_whose_audit_log_or_schema_was_changed_is_refused() {
    let place = backed_up();
    forge(&place, "\"action\":\"key.create\"", "\"action\":\"key.delete\"");
    refused(&place, "forged.tar", "the audit log in the backup was changed");
    let text = fs::read(place.path("unpacked/backup.json")).expect("the description");
    let manifest: Value = serde_json::from_slice(&text).expect("JSON");
    // the newest one, so that the order of the database's index stays
    let newest = manifest["schema"].as_array().and_then(|names| names.last()?.as_str()).expect("a migration");
    let newer = format!("9{}", &newest[1..]);
    forge(&place, newest, &newer);
    refused(&place, "forged.tar", &format!("the schema of a newer lbuild: {newer}"));
}

#[test]
fn what_cannot_be_backed_up_or_written_is_named() {
    let place = backed_up();
    let run = |arguments: &[&str], expected: &str| {
        let ended = place.run(arguments);
        assert_eq!(ended.code, Some(1), "{ended:?}");
        assert!(ended.stderr.contains(expected), "{expected}: {}", ended.stderr);
    };
    run(&["backup", "c.tar", "--data", "nowhere"], "there is no database at `nowhere/lbuild.db`");
    run(&["backup", "/proc/c.tar", "--data", "data"], "cannot use `/proc/c.tar`");
    run(
        &["backup", "c.tar", "--database", "postgres://x@127.0.0.1:1/x"],
        "PostgreSQL, which is backed up by its own",
    );
    let apart = place.run(&["backup", "d.tar", "--data", "data", "--secret-key", "apart"]);
    assert!(apart.stdout.contains("nor is the key `apart`"), "{apart:?}");
    fs::remove_file(place.path("d.tar")).expect("the backup");
    let mut left = names(place.directory());
    left.retain(|name| !["b.tar", "data", "store"].contains(&name.as_str()));
    assert!(left.is_empty(), "{left:?}");
    let named = place.run(&["restore", "b.tar", "--data", "r", "--database", "postgres://x@127.0.0.1:1/x"]);
    assert_eq!(named.code, Some(2), "{named:?}");
}

#[test]
fn privileged_t39_a_full_disk_leaves_no_backup() {
    let place = backed_up();
    fs::create_dir(place.path("full")).expect("a directory");
    let script = format!(
        "mount -t tmpfs -o size=96k none full || exit 99; {} backup full/b.tar --data data; code=$?; ls -A full; exit $code",
        env!("CARGO_BIN_EXE_lbuild")
    );
    let unshared = ["--user", "--map-root-user", "--mount", "sh", "-c", &script];
    let mut command = Command::new("unshare");
    let ended =
        Ended::of(command.args(unshared).current_dir(place.directory()).env("HOME", place.directory()));
    assert_eq!((ended.code, ended.stdout.as_str()), (Some(1), ""), "{ended:?}");
    assert!(ended.stderr.contains("full"), "{}", ended.stderr);
}

#[test]
fn a_service_that_may_not_migrate_says_what_is_missing() {
    let place = Place::new();
    let serve = ["serve", "--data", "data", "--listen", "127.0.0.1:0", "--no-migrate"];
    let ended = place.run(&serve);
    assert_eq!(ended.code, Some(1), "{ended:?}");
    assert!(ended.stderr.contains("the database lacks migrations: 0001_service"), "{}", ended.stderr);
    assert!(ended.stderr.contains("lbuild migrate"), "{}", ended.stderr);

    let missing = place.run(&["migrate", "--check", "--data", "data"]);
    assert_eq!(missing.code, Some(1), "{missing:?}");
    assert!(missing.stdout.contains("0001_service"), "{missing:?}");
    let applied = place.run(&["migrate", "--data", "data", "--json"]);
    assert_eq!((applied.code, &applied.json()["applied"]), (Some(0), &Value::Bool(true)));
    let done = place.run(&["migrate", "--check", "--data", "data"]);
    assert_eq!((done.code, done.stdout.as_str()), (Some(0), "the schema of SQLite is up to date\n"));

    let served = Served::start(&place, "data");
    let busy = place.run(&["migrate", "--data", "data"]);
    assert_eq!(busy.code, Some(1), "{busy:?}");
    assert!(busy.stderr.contains("another service uses the data directory"), "{}", busy.stderr);
    drop(served);
}
