//! The texts by which boot loaders, kernels and init systems say how they fare.

use super::verdict::{Stage, Verdict};

/// A text and what it says about the boot.
struct Sign {
    text: &'static str,
    verdict: Verdict,
    /// The reason; where it ends with a colon, the rest of the line after `text` is added.
    reason: &'static str,
}

const fn sign(text: &'static str, verdict: Verdict, reason: &'static str) -> Sign {
    Sign { text, verdict, reason }
}

/// Said before a kernel runs: by `SeaBIOS`, OVMF, GRUB and ISOLINUX.
const EARLY: &[Sign] = &[
    sign("No bootable device", Verdict::BootloaderDamaged, "the firmware found nothing bootable"),
    sign(
        "No bootable option or device was found",
        Verdict::BootloaderDamaged,
        "the firmware found nothing bootable",
    ),
    sign("UEFI Interactive Shell", Verdict::BootloaderDamaged, "the firmware found nothing bootable"),
    sign("Missing operating system", Verdict::BootloaderDamaged, "the boot sector found no boot loader"),
    sign("isolinux.bin missing or corrupt", Verdict::BootloaderDamaged, "the boot loader is damaged"),
    sign("Entering rescue mode", Verdict::BootloaderDamaged, "GRUB could not load its modules"),
    sign("grub rescue>", Verdict::BootloaderDamaged, "GRUB could not load its modules"),
    sign("Minimal BASH-like line editing", Verdict::BootloaderDamaged, "GRUB found no configuration"),
    sign("you need to load the kernel first", Verdict::KernelMissing, "GRUB has no kernel that it can start"),
    sign("Could not find kernel image", Verdict::KernelMissing, "the boot loader found no kernel:"),
    sign("invalid magic number", Verdict::KernelMissing, "what GRUB loaded is not a kernel"),
    sign("premature end of file", Verdict::KernelMissing, "a file that GRUB loaded is cut short:"),
];

/// Said by the kernel, the initramfs and the init system.
const LATE: &[Sign] = &[
    sign("Kernel panic - not syncing:", Verdict::KernelPanic, "the kernel panicked:"),
    sign("-- System halted", Verdict::KernelPanic, "the kernel could not unpack itself"),
    sign("No init found. Try passing init=", Verdict::InitramfsFailure, "the system has no init program"),
    sign(
        "Unable to find a medium containing a live file system",
        Verdict::InitramfsFailure,
        "the initramfs did not find the live file system",
    ),
    sign(
        "Can not mount /dev/loop",
        Verdict::InitramfsFailure,
        "the initramfs could not mount the live file system",
    ),
    sign("Gave up waiting for", Verdict::InitramfsFailure, "the initramfs did not find the root file system"),
    sign("Dropping to a shell", Verdict::InitramfsFailure, "the initramfs gave up"),
    sign("BOOT FAILED!", Verdict::InitramfsFailure, "the initramfs gave up"),
    sign("(initramfs)", Verdict::InitramfsFailure, "the initramfs gave up"),
    sign("Generating \"/run/initramfs/rdsosreport.txt\"", Verdict::InitramfsFailure, "the initramfs gave up"),
    sign("You are in emergency mode", Verdict::EmergencyMode, "the system came up in emergency mode"),
    sign("You are in rescue mode", Verdict::EmergencyMode, "the system came up in rescue mode"),
    sign(
        "Give root password for maintenance",
        Verdict::EmergencyMode,
        "the system came up in emergency mode",
    ),
    sign("Press Enter for maintenance", Verdict::EmergencyMode, "the system came up in emergency mode"),
    sign(
        "Cannot open access to console, the root account is locked",
        Verdict::EmergencyMode,
        "the system came up in emergency mode",
    ),
];

/// Who says what, most advanced first.
const STAGES: &[(Stage, &[&str])] = &[
    (Stage::System, &["systemd[1]: ", "[  OK  ] ", "INIT: version ", "OpenRC "]),
    (Stage::Initramfs, &["Loading, please wait...", "Begin: ", "] Run /init as init process"]),
    (
        Stage::Kernel,
        &["Linux version ", "Command line: BOOT_IMAGE", "EFI stub: ", "] BIOS-provided physical RAM map"],
    ),
    (
        Stage::Bootloader,
        &["GRUB loading", "GNU GRUB", "Welcome to GRUB", "ISOLINUX", "SYSLINUX", "Booting `", "error: "],
    ),
    (Stage::Firmware, &["SeaBIOS (version", "Booting from ", "BdsDxe: "]),
];

/// What a line says about the boot.
pub(super) fn judge(stage: Stage, line: &str) -> Option<(Verdict, String)> {
    let early = stage <= Stage::Bootloader;
    if early && let Some(found) = missing_file(line) {
        return Some(found);
    }
    let signs = EARLY.iter().filter(|_| early).chain(LATE);
    signs.into_iter().find_map(|sign| {
        let (_, rest) = line.split_once(sign.text)?;
        let reason = if sign.reason.ends_with(':') {
            format!("{} {}", sign.reason, rest.trim_matches([' ', ':', '.']))
        } else {
            sign.reason.to_owned()
        };
        Some((sign.verdict, reason.trim_end_matches([' ', ':']).to_owned()))
    })
}

/// GRUB's `` error: file `/live/vmlinuz' not found. `` for a file without which the default entry cannot work. GRUB
/// misses fonts and themes with the same words, and goes on.
fn missing_file(line: &str) -> Option<(Verdict, String)> {
    let (_, rest) = line.split_once("error: ")?;
    let (_, rest) = rest.split_once("file `")?;
    let (path, rest) = rest.split_once('\'')?;
    if !rest.contains("not found") {
        return None;
    }
    let name = path.rsplit('/').next()?;
    if name.contains("initr") {
        Some((Verdict::InitramfsFailure, format!("the boot loader did not find the initramfs `{path}`")))
    } else if name.contains("vmlinu") || name.contains("linux") || name.contains("bzImage") {
        Some((Verdict::KernelMissing, format!("the boot loader did not find the kernel `{path}`")))
    } else {
        None
    }
}

/// The stage that a line belongs to.
pub(super) fn stage_of(line: &str) -> Option<Stage> {
    let (stage, _) = STAGES.iter().find(|(_, texts)| texts.iter().any(|text| line.contains(text)))?;
    Some(*stage)
}

/// Whether the guest waits for a login name, or logged somebody in by itself.
pub(super) fn is_login(line: &str) -> bool {
    let Some((host, _)) = line.split_once(" login:") else { return false };
    let named = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    !host.is_empty() && host.len() <= 64 && host != "Last" && host.chars().all(named)
}

/// The part of a line before a kernel message that broke into it.
pub(super) fn before_kernel_message(line: &str) -> Option<&str> {
    let (before, rest) = line.split_once('[')?;
    let (time, _) = rest.split_once("] ")?;
    let (seconds, micros) = time.trim_start().split_once('.')?;
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    (!before.is_empty() && digits(seconds) && digits(micros)).then_some(before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_login_prompt_names_a_host() {
        assert!(is_login("live login: "));
        assert!(is_login("my-host.example login:"));
        assert!(is_login("live login: user (automatic login)"));
        assert!(is_login("live login: [   20.400000] a kernel message"));
        assert!(!is_login("Last login: Mon"));
        assert!(!is_login("[   12.0] pam: failed login: root"));
        assert!(!is_login(" login:"));
    }

    #[test]
    fn grub_may_miss_a_font_but_not_the_kernel() {
        assert_eq!(missing_file("error: file `/boot/grub/fonts/unicode.pf2' not found."), None);
        let (verdict, message) =
            missing_file("error: fs/fshelp.c:257:file `/live/vmlinuz-6.12' not found.").expect("a finding");
        assert_eq!(verdict, Verdict::KernelMissing);
        assert!(message.contains("`/live/vmlinuz-6.12`"));
        let (verdict, _) = missing_file("error: file `/live/initrd.img' not found.").expect("a finding");
        assert_eq!(verdict, Verdict::InitramfsFailure);
    }

    #[test]
    fn texts_of_the_boot_loader_mean_nothing_later() {
        assert!(judge(Stage::Bootloader, "error: invalid magic number.").is_some());
        assert!(judge(Stage::Kernel, "EXT4-fs: invalid magic number").is_none());
    }

    #[test]
    fn a_panic_says_why() {
        let line = "[    1.2] Kernel panic - not syncing: No working init found.  Try passing init= option";
        let (verdict, message) = judge(Stage::Kernel, line).expect("a finding");
        assert_eq!(verdict, Verdict::KernelPanic);
        assert!(message.starts_with("the kernel panicked: No working init found"));
    }

    #[test]
    fn a_kernel_message_inside_a_line_is_seen() {
        assert_eq!(before_kernel_message("live lo[   20.400000] bochs-drm"), Some("live lo"));
        assert_eq!(before_kernel_message("[   20.400000] bochs-drm"), None);
        assert_eq!(before_kernel_message("[  OK  ] Started"), None);
        assert_eq!(before_kernel_message("a[b] c"), None);
    }
}
