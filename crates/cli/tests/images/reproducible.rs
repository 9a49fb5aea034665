//! The same lock gives the same bytes, wherever and whenever it is built.

use std::fs;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use lbuild_sandbox::{Isolation, Launcher};

use crate::place::{Built, LIVE, Place, SMALL, Surroundings, shared_since};
use crate::rootfs::Rootfs;

/// Everything that a second machine may have differently.
fn elsewhere() -> Surroundings {
    let environment = [
        ("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"),
        ("HOME", "/nonexistent"),
        ("TZ", "Pacific/Kiritimati"),
        ("LC_ALL", "tr_TR.UTF-8"),
        ("LANGUAGE", "ja"),
        ("SOURCE_DATE_EPOCH", "7"),
        ("DEBIAN_FRONTEND", "dialog"),
    ];
    Surroundings {
        umask: Some("077"),
        hostname: Some("other.example.net"),
        processor: Some(0),
        environment: Some(environment.to_vec()),
    }
}

/// Builds the same lock here and elsewhere, and compares every file that is published.
fn assert_same_everywhere(spec: &str) -> Built {
    let (here, there) = (Place::shared(), Place::new());
    here.spec(spec);
    fs::copy(here.path("spec.lock"), there.path("spec.lock")).expect("the lock");
    fs::write(there.path("spec.toml"), spec).expect("the spec");
    let one = here.build();
    fs::create_dir_all(there.path("deep/in/another")).expect("a directory");
    let other = there.build_in(&elsewhere(), "deep/in/another/directory");
    let mut names: Vec<_> =
        fs::read_dir(&one.out).expect("artifacts").map(|entry| entry.unwrap().file_name()).collect();
    names.sort();
    assert!(names.len() >= 4, "{names:?}");
    if one.artifacts() != other.artifacts() {
        let found = Rootfs::read(&one.rootfs()).differences(&Rootfs::read(&other.rootfs()));
        panic!("{:?}\n{:?}\n{}", one.artifacts(), other.artifacts(), found.join("\n"));
    }
    for name in names {
        let read = |built: &Built| fs::read(built.out.join(&name)).expect("an artifact");
        assert!(read(&one) == read(&other), "{} differs", name.display());
    }
    one
}

#[test]
fn privileged_t24_a_system_is_the_same_everywhere() {
    let built = assert_same_everywhere(SMALL);
    let names: Vec<_> = built.artifacts().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["lbuild.lock", "small-amd64.oci.tar", "small-amd64.tar.zst"]);
}

#[test]
fn privileged_t24_an_iso_is_the_same_everywhere() {
    let built = assert_same_everywhere(LIVE);
    assert!(built.artifacts().iter().any(|(name, _)| name == "live-amd64.iso"), "{:?}", built.report);
}

/// The level of isolation comes from the jobs, also for those that another build has run.
#[test]
fn privileged_the_manifest_tells_what_held_the_build() {
    let place = Place::shared();
    place.spec(&SMALL.replace("name = \"small\"", "name = \"held\""));
    let exe = std::path::PathBuf::from(env!("CARGO_BIN_EXE_lbuild"));
    let machine = Launcher::with_exe(exe).and_then(|launcher| launcher.preflight(place.store()));
    // No step asks for a limit of processor time.
    let expected = Isolation { cpu_limit: false, ..machine.expect("a report").isolation }.to_string();
    assert!(expected.starts_with("ns, own ids, landlock "), "{expected}");
    for _ in 0..2 {
        let built = place.build();
        let manifest = fs::read_to_string(built.out.join("manifest.json")).expect("the manifest");
        let manifest: serde_json::Value = serde_json::from_str(&manifest).expect("JSON");
        assert_eq!(manifest["provenance"]["isolation"], expected);
        assert_eq!(built.report["isolation"], expected);
    }
}

/// Another year is what no test can build in; but what a clock leaves in an image can be looked for.
#[test]
fn privileged_t24_an_image_does_not_know_when_it_was_built() {
    let place = Place::shared();
    let began = seconds(shared_since());
    place.spec(SMALL);
    let built = place.build();
    let ended = seconds(SystemTime::now());
    let lock = fs::read_to_string(place.path("spec.lock")).expect("the lock");
    let newest = lock.split("date = ").skip(1).filter_map(|rest| rest.split(',').next()?.parse().ok()).max();
    let newest: i64 = newest.expect("the date of an index");
    let image = Rootfs::read(&built.rootfs());
    let late: Vec<_> =
        image.0.iter().filter(|(_, entry)| entry.mtime > newest).map(|(path, _)| path).collect();
    assert!(late.is_empty(), "younger than the archive: {late:?}");
    let traces = Traces::of(began, ended);
    let made = image.made();
    assert!(made.contains(&"etc/shadow") && made.len() > 50, "{made:?}");
    let mut told: Vec<_> =
        made.into_iter().filter(|path| traces.are_in(&image.entry(path).content)).collect();
    if !told.is_empty() {
        let again = built_later(&place);
        told.retain(|path| again.entry(path).content != image.entry(path).content);
    }
    assert!(told.is_empty(), "tell when the image was built: {told:?}");
}

/// The same lock, built from nothing at a later second. Four bytes can look like a time by chance, and at times whose
/// own bytes are mostly zero they often do; what is the same later is no time.
fn built_later(earlier: &Place) -> Rootfs {
    let later = Place::new();
    for name in ["spec.toml", "spec.lock"] {
        fs::copy(earlier.path(name), later.path(name)).expect("the spec and its lock");
    }
    Rootfs::read(&later.build().rootfs())
}

#[test]
fn a_clock_that_is_behind_the_lock_is_told() {
    let place = Place::shared();
    place.spec(SMALL);
    let lock = fs::read_to_string(place.path("spec.lock")).expect("the lock");
    let (head, rest) = lock.split_once("date = ").expect("the date of an index");
    let (_, rest) = rest.split_once(',').expect("more of the index");
    fs::write(place.path("spec.lock"), format!("{head}date = 4102444800,{rest}")).expect("the lock");
    place.fail().says(&[
        "error: the lockfile is ",
        "s younger than the clock of this machine",
        "hint: set the clock",
    ]);
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).expect("a clock after 1970").as_secs()
}

/// The forms that a clock's time takes in files.
struct Traces {
    began: u64,
    ended: u64,
    texts: Vec<String>,
}

impl Traces {
    fn of(began: u64, ended: u64) -> Self {
        let day = Duration::from_hours(24).as_secs();
        let texts = (began / day..=ended / day).flat_map(|days| {
            let (year, month, day) = date(days);
            // The days since 1970 are a field of shadow(5).
            let compact = format!("{year:04}{month:02}{day:02}");
            [format!("{year:04}-{month:02}-{day:02}"), compact, format!(":{days}:")]
        });
        Self { began, ended, texts: texts.collect() }
    }

    fn are_in(&self, content: &[u8]) -> bool {
        let has = |text: &String| content.windows(text.len()).any(|window| window == text.as_bytes());
        let binary = |window: &[u8]| {
            let bytes: [u8; 4] = window.try_into().expect("four bytes");
            [u32::from_le_bytes(bytes), u32::from_be_bytes(bytes)]
                .into_iter()
                .any(|time| self.hold(time.into()))
        };
        let digits = content.split(|byte| !byte.is_ascii_digit()).filter(|digits| digits.len() == 10);
        let mut numbers = digits.filter_map(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        self.texts.iter().any(has) || content.windows(4).any(binary) || numbers.any(|time| self.hold(time))
    }

    fn hold(&self, time: u64) -> bool {
        (self.began..=self.ended).contains(&time)
    }
}

/// Year, month and day of a number of days since 1970.
fn date(days: u64) -> (u64, u64, u64) {
    // Days since 0000-03-01, so that leap days end the years.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let number = if month < 10 { month + 3 } else { month - 9 };
    (era * 400 + year + u64::from(number <= 2), number, day - (153 * month + 2) / 5 + 1)
}

#[test]
fn traces_of_a_clock_are_recognized() {
    let time = 1_795_158_000;
    let traces = Traces::of(time - 10, time + 10);
    assert_eq!(date(time / 86_400), (2026, 11, 20));
    assert_eq!(date(11_016), (2000, 2, 29));
    for text in ["on 2026-11-20 at", "x-20261120", "user:!:20777:0", "at 1795158003."] {
        assert!(traces.are_in(text.as_bytes()), "{text}");
    }
    assert!(traces.are_in(&u32::try_from(time).unwrap().to_be_bytes()));
    assert!(traces.are_in(&[&[0], &time.to_le_bytes()[..]].concat()));
    for text in ["2026-11-19", "1795158999", "17951580031", ":20776:"] {
        assert!(!traces.are_in(text.as_bytes()), "{text}");
    }
}
