//! Booted guests: `lbuild boot` on guests of one boot sector, on a built image, and on damaged copies of it.

use std::fs;
use std::io::{Read, Write as _};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::LazyLock;
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

use lbuild_engine::boot::{PROBE_WORDS, probe_disk};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::damage;
use crate::leftovers::Watched;
use crate::program::Place;

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/debian-live.toml");
const ISO: &str = "out/debian-live/debian-live-amd64.iso";

/// One store for all of these tests, as a machine has. It is new in each run, so that nothing of an earlier version of
/// the program is booted; a static is never dropped, so each run removes what the run before it has left.
static PLACE: LazyLock<Place> = LazyLock::new(|| {
    let temporary = Path::new(env!("CARGO_TARGET_TMPDIR"));
    for entry in fs::read_dir(temporary).expect("the directory of temporary files").flatten() {
        if entry.file_name().to_string_lossy().starts_with(PREFIX) {
            fs::remove_dir_all(entry.path()).expect("the files of an earlier run can be removed");
        }
    }
    let directory = tempfile::Builder::new().prefix(PREFIX).tempdir_in(temporary);
    Place::at(directory.expect("a temporary directory"))
});
const PREFIX: &str = "vm-";

/// The ISO of the example, built once.
static BUILT: LazyLock<PathBuf> = LazyLock::new(|| {
    PLACE.write("debian-live.toml", fs::read(EXAMPLE).expect("the example"));
    let ended = PLACE.run(&["build", "debian-live.toml", "--outputs", "iso", "--progress", "plain"]);
    assert_eq!(ended.code, Some(0), "{ended:?}");
    PLACE.path(ISO)
});

/// A disk of 1 MiB whose boot sector says `text` on the first serial port and stops.
fn speaking_disk(name: &str, text: &str) -> PathBuf {
    #[rustfmt::skip]
    let code = [
        0x31, 0xc0,             // 7c00: xor ax, ax
        0x8e, 0xd8,             //       mov ds, ax
        0xbe, 0x16, 0x7c,       //       mov si, 0x7c16
        0xba, 0xf8, 0x03,       //       mov dx, 0x3f8
        0xfc,                   //       cld
        0xac,                   // 7c0b: lodsb
        0x84, 0xc0,             //       test al, al
        0x74, 0x03,             //       jz 0x7c13
        0xee,                   //       out dx, al
        0xeb, 0xf8,             //       jmp 0x7c0b
        0xf4,                   // 7c13: hlt
        0xeb, 0xfd,             //       jmp 0x7c13
    ];
    let mut disk = vec![0; 1 << 20];
    disk[..code.len()].copy_from_slice(&code);
    disk[code.len()..code.len() + text.len()].copy_from_slice(text.as_bytes());
    disk[510..512].copy_from_slice(&[0x55, 0xaa]);
    PLACE.write(name, disk);
    PLACE.path(name)
}

fn utf8(path: &Path) -> &str {
    path.to_str().expect("a UTF-8 path")
}

/// A finished check.
struct Checked {
    code: Option<i32>,
    report: Value,
    out: PathBuf,
}

/// Checks an image into a directory of its own.
fn check(image: &Path, options: &[&str]) -> Checked {
    let mut out = image.as_os_str().to_owned();
    out.push(format!(".check{}", options.concat()));
    let out = PathBuf::from(out);
    let arguments = [&["boot", utf8(image), "--check", "--json", "--out", utf8(&out)], options].concat();
    let ended = PLACE.run(&arguments);
    let report = ended.json();
    let kept = fs::read(out.join("boot.json")).expect("a report");
    assert_eq!(serde_json::from_slice::<Value>(&kept).expect("JSON"), report);
    assert!(out.join("serial.log").exists());
    Checked { code: ended.code, report, out }
}

/// The image must not boot, for this reason.
fn assert_bad(image: &Path, options: &[&str], verdict: &str, message: &str) {
    let Checked { code, report, .. } = check(image, options);
    assert_eq!(report["verdict"], verdict, "{report:#}");
    assert!(report["message"].as_str().is_some_and(|text| text.contains(message)), "{report:#}");
    assert_eq!((code, &report["ok"]), (Some(1), &Value::Bool(false)));
}

fn assert_boots(image: &Path, options: &[&str], host: &str) {
    let Checked { code, report, out } = check(image, options);
    assert_eq!(report["message"], format!("`{host}` asks for a login"), "{report:#}");
    assert_eq!((code, &report["ok"]), (Some(0), &Value::Bool(true)));
    let log = fs::read_to_string(out.join("serial.log")).expect("a log");
    assert!(log.contains(&format!("{host} login:")), "{log}");
    assert!(log.chars().all(|c| c == '\n' || !c.is_control()), "no escape sequence is in the log");
    let screenshot = fs::read(out.join("screenshot.png")).expect("a screenshot");
    assert!(screenshot.starts_with(b"\x89PNG\r\n\x1a\n"));
}

#[test]
fn vm_a_guest_that_asks_for_a_login_is_good() {
    assert_boots(&speaking_disk("login.img", "\r\ntiny login: "), &[], "tiny");
}

#[test]
fn vm_a_guest_that_panics_is_bad() {
    let disk = speaking_disk("panic.img", "[ 1.0] Kernel panic - not syncing: no reason\r\n");
    assert_bad(&disk, &[], "kernel-panic", "no reason");
}

#[test]
fn vm_an_empty_disk_has_no_bootloader() {
    PLACE.write("empty.img", vec![0; 1 << 20]);
    let disk = PLACE.path("empty.img");
    assert_bad(&disk, &[], "bootloader-damaged", "found nothing bootable");
    assert_bad(&disk, &["--uefi"], "bootloader-damaged", "found nothing bootable");
}

#[test]
fn vm_a_guest_that_only_hangs_has_no_bootloader() {
    assert_bad(&speaking_disk("hang.img", ""), &[], "bootloader-damaged", "no boot loader spoke");
}

#[test]
fn vm_a_failure_is_told_to_people() {
    let disk = speaking_disk("people.img", "error: you need to load the kernel first.\r\n");
    let out = PLACE.path("people");
    let ended = PLACE.run(&["boot", utf8(&disk), "--check", "--out", utf8(&out)]);
    assert_eq!(ended.code, Some(1));
    for part in ["does not boot: GRUB has no kernel", "| error: you need to load", "hint: ", utf8(&out)] {
        assert!(ended.stderr.contains(part), "{part} is not in: {}", ended.stderr);
    }
    assert_eq!(ended.stdout, "");
}

#[test]
fn vm_an_interrupted_check_ends_at_once_and_leaves_nothing() {
    let disk = speaking_disk("interrupted.img", "GRUB loading.\r\n");
    let out = PLACE.path("interrupted");
    // The emulator's tree must be there, so that the interruption meets the guest.
    speaking_disk("before.img", "\r\ntiny login: ");
    assert_boots(&PLACE.path("before.img"), &[], "tiny");
    let command = PLACE.command(&["boot", utf8(&disk), "--check", "--out", utf8(&out)]);
    let mut watched = Watched::start(&command, PLACE.directory());
    let log = out.join("serial.log");
    let started = Instant::now();
    while !fs::read_to_string(&log).is_ok_and(|text| text.contains("GRUB")) {
        assert!(!watched.look(Duration::from_millis(50)) && started.elapsed() < Duration::from_mins(2));
    }
    let interrupted = Instant::now();
    let pid = Pid::from_raw(i32::try_from(watched.id()).expect("a process id")).expect("a process id");
    kill_process(pid, Signal::INT).expect("the process is ours");
    let output = watched.end(Duration::from_mins(1), PLACE.directory());
    assert!(interrupted.elapsed() < Duration::from_secs(2), "{:?}", interrupted.elapsed());
    assert_eq!(output.status.code(), Some(130));
    assert_eq!(fs::read_dir(&out).expect("the directory").count(), 0);
}

/// Boots an image on a terminal that is a pipe, and leaves with Ctrl-]. Each time the guest has said one of the texts,
/// what stands beside it is typed.
fn assert_console_says(image: &Path, dialogue: &[(&str, &str)]) {
    let mut command = PLACE.command(&["boot", utf8(image)]);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("the program starts");
    let mut console = Console::new(child.stdout.take().expect("a pipe"));
    let mut keyboard = child.stdin.take().expect("a pipe");
    let talked = dialogue.iter().chain([&("", LEAVE)]).try_for_each(|(text, answer)| {
        console.listen(text)?;
        keyboard.write_all(answer.as_bytes()).map_err(|error| error.to_string())
    });
    if talked.is_err() {
        child.kill().expect("the process is ours");
    }
    let output = child.wait_with_output().expect("an end");
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert!(talked.is_ok() && output.status.success(), "{talked:?} {stderr}");
}

/// Ctrl-].
const LEAVE: &str = "\x1d";

/// What a guest says.
struct Console {
    said: String,
    pieces: Receiver<Vec<u8>>,
}

impl Console {
    fn new(mut stdout: impl Read + Send + 'static) -> Self {
        let (sender, pieces) = channel();
        thread::spawn(move || {
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = stdout.read(&mut buffer) {
                if sender.send(buffer[..count].to_vec()).is_err() {
                    return;
                }
            }
        });
        Self { said: String::new(), pieces }
    }

    /// Waits until `text` was said since the last time; what was said instead when that takes too long.
    fn listen(&mut self, text: &str) -> Result<(), String> {
        loop {
            if let Some((_, rest)) = self.said.split_once(text) {
                self.said = rest.to_owned();
                return Ok(());
            }
            match self.pieces.recv_timeout(Duration::from_mins(2)) {
                Ok(bytes) => self.said.push_str(&String::from_utf8_lossy(&bytes)),
                Err(_) => return Err(format!("no `{text}` in: {}", self.said)),
            }
        }
    }
}

#[test]
fn vm_the_console_is_on_the_terminal() {
    assert_console_says(
        &speaking_disk("console.img", "\r\nhello from the guest\r\n"),
        &[("hello from the guest", "")],
    );
}

/// The guest that decides about KVM must itself be right, or KVM would never be used.
#[test]
fn vm_the_probe_guest_says_its_words_in_emulation() {
    PLACE.write("probe.img", probe_disk());
    let words = String::from_utf8_lossy(PROBE_WORDS);
    assert_console_says(&PLACE.path("probe.img"), &[(&words, "")]);
}

/// Both accounts let in whoever knows the password that the example and the README tell.
#[test]
fn vm_boot_bios_and_log_in_at_the_console() {
    let dialogue = [
        ("debian-live login: ", "user\n"),
        ("Password: ", "live\n"),
        ("user@debian-live:~$ ", "id; su -\n"),
        ("uid=1000(user) gid=1000(user)", ""),
        ("Password: ", "live\n"),
        ("root@debian-live:~# ", "id --user --name; systemctl is-system-running --wait\n"),
        ("\rroot\r\nrunning\r\n", ""),
    ];
    assert_console_says(&BUILT, &dialogue);
}

#[test]
fn vm_boot_uefi() {
    assert_boots(&BUILT, &["--uefi"], "debian-live");
}

/// A damaged copy of the built image; removed when dropped, for it is large.
struct Damaged(PathBuf);

impl Damaged {
    fn new(name: &str, damage: impl FnOnce(&mut [u8])) -> Self {
        let mut image = fs::read(&*BUILT).expect("the image");
        damage(&mut image);
        PLACE.write(name, image);
        Self(PLACE.path(name))
    }
}

impl Drop for Damaged {
    fn drop(&mut self) {
        // The next run removes what could not be removed now.
        let _ = fs::remove_file(&self.0);
    }
}

#[test]
fn vm_damaged_bootloader_by_bios_and_uefi() {
    let image = Damaged::new("bootloader.iso", damage::wipe_boot_images);
    assert_bad(&image.0, &[], "bootloader-damaged", "no boot loader spoke");
    assert_bad(&image.0, &["--uefi"], "bootloader-damaged", "found nothing bootable");
}

#[test]
fn vm_damaged_kernel_missing() {
    let image = Damaged::new("kernel.iso", damage::rename_kernel);
    assert_bad(&image.0, &[], "kernel-missing", "did not find the kernel `/live/vmlinuz`");
}

#[test]
fn vm_damaged_initramfs_panics() {
    let image = Damaged::new("panic.iso", damage::break_init);
    assert_bad(&image.0, &[], "kernel-panic", "the kernel panicked");
}
