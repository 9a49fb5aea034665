//! Short samples of what machines really say.

use super::*;

const GRUB: &str = "\x1b[H\x1b[J\x1b[2;24HGNU GRUB  version 2.12\r\n\x1b[5;3H*Debian live\r\n";
const KERNEL: &str = "[    0.000000] Linux version 6.12.0-amd64 (gcc 14)\r\n\
     [    0.000000] Command line: BOOT_IMAGE=/live/vmlinuz boot=live console=ttyS0\r\n\
     [    1.900000] Run /init as init process\r\n\
     Loading, please wait...\r\nBegin: Mounting root file system ... \r\n";
const SYSTEMD: &str = "[    6.600000] systemd[1]: Detected virtualization qemu.\r\n\
     [\x1b[0;32m  OK  \x1b[0m] Reached target \x1b[0;1;39mbasic.target\x1b[0m.\r\n";

fn read(texts: &[&str]) -> Classifier {
    let mut classifier = Classifier::new();
    for text in texts {
        classifier.serial(text.as_bytes(), &mut |_| {});
    }
    classifier
}

fn verdict(texts: &[&str]) -> Finding {
    let classifier = read(texts);
    classifier.finding().unwrap_or_else(|| panic!("no finding in {texts:?}")).clone()
}

#[test]
fn a_login_prompt_is_success() {
    let finding = verdict(&[GRUB, KERNEL, SYSTEMD, "\r\nDebian GNU/Linux 13 live ttyS0\r\n\r\nlive login: "]);
    assert_eq!(finding.verdict, Verdict::LoginPrompt);
    assert_eq!(finding.message, "`live` asks for a login");
    assert_eq!(finding.excerpt.last().map(String::as_str), Some("Debian GNU/Linux 13 live ttyS0"));
}

#[test]
fn bytes_may_come_one_by_one() {
    let text = [GRUB, KERNEL, SYSTEMD, "\r\nlive login: "].concat();
    let mut classifier = Classifier::new();
    for byte in text.bytes() {
        assert_eq!(classifier.finding(), None);
        classifier.serial(&[byte], &mut |_| {});
        if text.ends_with("login: ") && classifier.finding().is_some() {
            return;
        }
    }
    panic!("no finding");
}

#[test]
fn a_kernel_message_inside_the_prompt_hides_nothing() {
    let finding = verdict(&[GRUB, KERNEL, SYSTEMD, "\r\nlive lo[   20.400000] bochs-drm: fb0\r\n", "gin: "]);
    assert_eq!(finding.verdict, Verdict::LoginPrompt);
    assert_eq!(finding.message, "`live` asks for a login");
    let finding =
        verdict(&["Begin: Mounting ... [   20.400000] loop0\r\n[   20.5] x\r\ndone.\r\nlive login: "]);
    assert_eq!(finding.message, "`live` asks for a login");
}

#[test]
fn an_unbootable_medium_is_a_damaged_bootloader() {
    let mut classifier = Classifier::new();
    let mut lines = Vec::new();
    let mut screen = |text: &str| classifier.screen(text.as_bytes(), &mut |line| lines.push(line.to_owned()));
    screen("\x1bc\x1b[?7l\x1b[2JSeaBIOS (version 1.16.3)\r\nBooting from DVD/CD...\r\n");
    screen("Boot failed: Could not read from CDROM (code 0003)\r\n\nNo bootable device");
    assert_eq!(lines.len(), 3);
    let finding = classifier.finding().expect("a finding");
    assert_eq!(finding.verdict, Verdict::BootloaderDamaged);
    assert!(finding.excerpt.iter().any(|line| line.contains("Could not read from CDROM")));
}

#[test]
fn a_boot_loader_that_speaks_on_the_screen_only_is_heard() {
    let mut classifier = Classifier::new();
    classifier.screen(b"Booting from DVD/CD...\r\nWelcome to GRUB!\r\n\n\ngrub> ", &mut |_| {});
    assert_eq!(classifier.stage(), Stage::Bootloader);
    assert_eq!(classifier.finding().map(|finding| finding.verdict), Some(Verdict::BootloaderDamaged));
}

#[test]
fn the_screen_is_heard_until_the_serial_port_speaks() {
    let mut classifier = Classifier::new();
    let mut lines = Vec::new();
    classifier.screen(b"Booting from DVD/CD...\r\n", &mut |line| lines.push(line.to_owned()));
    classifier.serial(b"Welcome to GRUB!\r\n", &mut |line| lines.push(line.to_owned()));
    classifier.screen(b"Welcome to GRUB!\r\ngrub rescue> ", &mut |line| lines.push(line.to_owned()));
    assert_eq!(lines, ["Booting from DVD/CD...", "Welcome to GRUB!"]);
    assert_eq!(classifier.finding(), None);
}

#[test]
fn uefi_without_a_boot_loader_is_a_damaged_bootloader() {
    let text = "BdsDxe: failed to load Boot0001 \"UEFI QEMU DVD-ROM\" from PciRoot(0x0)/Sata(0x0): Not Found\r\n\
         BdsDxe: No bootable option or device was found.\r\nBdsDxe: Press any key to enter the Boot Manager Menu.";
    assert_eq!(verdict(&[text]).verdict, Verdict::BootloaderDamaged);
    assert_eq!(verdict(&["UEFI Interactive Shell v2.2\r\nShell> "]).verdict, Verdict::BootloaderDamaged);
}

#[test]
fn grub_without_modules_or_configuration_is_a_damaged_bootloader() {
    let rescue = "GRUB loading.\r\nWelcome to GRUB!\r\n\r\nerror: file `/boot/grub/i386-pc/normal.mod' not found.\r\n\
         Entering rescue mode...\r\ngrub rescue> ";
    let finding = verdict(&[rescue]);
    assert_eq!(
        (finding.verdict, finding.message.as_str()),
        (Verdict::BootloaderDamaged, "GRUB could not load its modules")
    );
    let empty = "                      GNU GRUB  version 2.12\r\n\r\n   Minimal BASH-like line editing is supported.\r\n\r\n\r\ngrub> ";
    assert_eq!(verdict(&[empty]).message, "GRUB found no configuration");
}

#[test]
fn a_missing_kernel_is_named() {
    let text = "  Booting `Debian live'\r\n\r\nerror: file `/live/vmlinuz' not found.\r\n\
         error: you need to load the kernel first.\r\n\r\nPress any key to continue...";
    let finding = verdict(&[GRUB, text]);
    assert_eq!(finding.verdict, Verdict::KernelMissing);
    assert_eq!(finding.message, "the boot loader did not find the kernel `/live/vmlinuz`");
    let bare = verdict(&[GRUB, "error: you need to load the kernel first.\r\n"]);
    assert_eq!(bare.verdict, Verdict::KernelMissing);
}

#[test]
fn a_message_that_grub_broke_at_the_edge_is_read_whole() {
    let row = "error: ../../grub-core/fs/fshelp.c:257:file `/live/vmlinuz-6.12.107+deb13-amd64'";
    assert!(row.len() >= TERMINAL_WIDTH);
    let finding = verdict(&[GRUB, row, "\r\n not found.\r\n"]);
    assert_eq!(finding.verdict, Verdict::KernelMissing);
}

#[test]
fn a_panic_keeps_the_lines_after_it() {
    let mut classifier = read(&[
        GRUB,
        KERNEL,
        "[    3.1] Kernel panic - not syncing: Attempted to kill init! exitcode=0x00000100\r\n",
        "[    3.2] CPU: 0 UID: 0 PID: 1 Comm: false\r\n[    3.3] Call Trace:\r\n",
    ]);
    let many = "[    3.4]  frame\r\n".repeat(100);
    classifier.serial(many.as_bytes(), &mut |_| {});
    let finding = classifier.finish(&End::Stopped("guest-reset".to_owned()));
    assert_eq!(finding.verdict, Verdict::KernelPanic);
    assert_eq!(finding.message, "the kernel panicked: Attempted to kill init! exitcode=0x00000100");
    assert!(finding.excerpt.iter().any(|line| line.ends_with("Call Trace:")));
    assert_eq!(finding.excerpt.len(), EXCERPT);
}

#[test]
fn failures_of_the_initramfs_are_told_from_panics() {
    let live = "Begin: Running /scripts/live-premount ... done.\r\n\
         Unable to find a medium containing a live file system\r\nAttempt interactive netboot from a URL?\r\n";
    assert_eq!(verdict(&[GRUB, KERNEL, live]).verdict, Verdict::InitramfsFailure);
    let root = "Gave up waiting for root file system device.  Common problems:\r\n\
         ALERT!  UUID=1234 does not exist.  Dropping to a shell!\r\n(initramfs) ";
    let finding = verdict(&[GRUB, KERNEL, root]);
    assert_eq!(finding.message, "the initramfs did not find the root file system");
    assert_eq!(verdict(&[KERNEL, "\r\n(initramfs) "]).verdict, Verdict::InitramfsFailure);
    let no_initrd = verdict(&[GRUB, "error: file `/live/initrd.img' not found.\r\n"]);
    assert_eq!(no_initrd.verdict, Verdict::InitramfsFailure);
}

#[test]
fn emergency_mode_is_not_success() {
    let text = "You are in emergency mode. After logging in, type \"journalctl -xb\" to view\r\nsystem logs.\r\n\
         Cannot open access to console, the root account is locked.\r\n";
    assert_eq!(verdict(&[KERNEL, SYSTEMD, text]).verdict, Verdict::EmergencyMode);
}

#[test]
fn the_first_finding_stands() {
    let finding =
        verdict(&[KERNEL, "(initramfs) \r\n", "Kernel panic - not syncing: killed init\r\n", "live login: "]);
    assert_eq!(finding.verdict, Verdict::InitramfsFailure);
}

#[test]
fn silence_is_told_by_how_far_the_guest_came() {
    let silent = Classifier::new().finish(&End::NoBootloader(30));
    assert_eq!(silent.verdict, Verdict::BootloaderDamaged);
    assert_eq!(Classifier::new().finish(&End::TimeIsUp(9)).verdict, Verdict::BootloaderDamaged);
    let reset = Classifier::new().finish(&End::Stopped("guest-reset".to_owned()));
    assert_eq!(reset.verdict, Verdict::BootloaderDamaged);

    let late = read(&[GRUB]).finish(&End::TimeIsUp(300));
    assert_eq!(late.verdict, Verdict::Timeout);
    assert!(late.message.contains("console=ttyS0"), "{}", late.message);
    let kernel = read(&[GRUB, KERNEL]).finish(&End::TimeIsUp(300));
    assert_eq!(kernel.message, "no login prompt within 300 seconds; the initramfs spoke last");
    let silent = read(&[GRUB, KERNEL, SYSTEMD]).finish(&End::Silence(180));
    assert_eq!(silent.message, "the init system spoke last, and nobody since 180 seconds");
    let no_kernel = read(&[GRUB]).finish(&End::Stopped("guest-reset".to_owned()));
    assert_eq!(no_kernel.verdict, Verdict::Stopped);
    assert!(no_kernel.message.contains("the kernel is damaged"), "{}", no_kernel.message);
    let reset = read(&[GRUB, KERNEL]).finish(&End::Stopped("guest-reset".to_owned()));
    assert_eq!(reset.verdict, Verdict::Stopped);
}

#[test]
fn any_bytes_are_read_in_bounded_memory() {
    let mut classifier = Classifier::new();
    let mut seed = 1_u32;
    for _ in 0..2_000 {
        let bytes: Vec<u8> = (0..257)
            .map(|_| {
                seed = seed.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                seed.to_be_bytes()[0]
            })
            .collect();
        classifier.serial(&bytes, &mut |line| assert!(line.chars().all(|c| !c.is_ascii_control())));
        classifier.screen(&bytes, &mut |_| {});
    }
    assert!(classifier.finish(&End::TimeIsUp(1)).excerpt.len() <= EXCERPT);
}
