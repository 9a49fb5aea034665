//! The ISO with the real GRUB and xorriso of this machine. That it boots is for the tests of the boot check.

use std::path::Path;
use std::process::Command;

use lbuild_image::iso::{IsoOptions, IsoPlaces, LiveSystem, boot_loaders, image as plan};

use crate::machine::{file, output, program, run};
use crate::sample;

/// Makes the image in `work`, with files that stand for a kernel, an initramfs and a squashfs.
fn image(work: &Path, reversed: bool) -> Vec<u8> {
    for (path, package) in [
        ("/usr/bin/grub-mkimage", "grub-common"),
        ("/usr/lib/grub/i386-pc/boot_hybrid.img", "grub-pc-bin"),
        ("/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed", "grub-efi-amd64-signed"),
        ("/usr/lib/shim/shimx64.efi.signed", "shim-signed"),
        ("/usr/lib/shim/mmx64.efi.signed", "shim-helpers-amd64-signed"),
        ("/usr/bin/xorriso", "xorriso"),
    ] {
        file(path, package);
    }
    let mut inputs = [("vmlinuz", 3), ("initrd.img", 5), ("filesystem.squashfs", 7)];
    if reversed {
        inputs.reverse();
    }
    for (name, factor) in inputs {
        let bytes: Vec<u8> = (0..2_000_000_u32).map(|n| n.wrapping_mul(factor).to_le_bytes()[1]).collect();
        std::fs::write(work.join(name), bytes).unwrap();
    }
    let inside = |name: &str| work.join(name).display().to_string();
    std::fs::create_dir(work.join("boot")).unwrap();
    let options = IsoOptions {
        volume_id: "SAMPLE".into(),
        disk_info: "Sample live".into(),
        epoch: sample::EPOCH,
        seed: [9; 32],
        live: LiveSystem { title: "Sample".into(), parameters: vec!["quiet".into()], timeout: 1 },
    };
    let places = IsoPlaces {
        work: inside("boot"),
        core_image: inside("boot/eltorito.img"),
        esp: inside("boot/esp.img"),
        kernel: inside("vmlinuz"),
        initrd: inside("initrd.img"),
        squashfs: inside("filesystem.squashfs"),
        output: inside("live.iso"),
    };
    let loaders = boot_loaders(&options.seed, options.epoch, &places.work);
    for step in loaders.iter().chain(&plan(&options, &places).unwrap()) {
        if let Some(command) = step.perform(Path::new("/")).unwrap() {
            run(command);
        }
    }
    std::fs::read(work.join("live.iso")).unwrap()
}

#[test]
fn the_image_is_reproducible_and_has_every_way_to_boot() {
    let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let first = image(one.path(), false);
    // A later second and other inode numbers must not show.
    std::thread::sleep(std::time::Duration::from_millis(1100));
    assert!(first == image(two.path(), true), "the image depends on where it was made");

    let iso = one.path().join("live.iso");
    let report = |what: &str| {
        let mut xorriso = program("xorriso", "xorriso");
        output(xorriso.args(["-no_rc", "-indev"]).arg(&iso).args([what, "plain"]))
    };
    let catalogue = report("-report_el_torito");
    assert!(catalogue.contains(" BIOS  y   none") && catalogue.contains(" UEFI  y   none"), "{catalogue}");
    assert!(catalogue.contains("boot-info-table grub2-boot-info"), "{catalogue}");
    let area = report("-report_system_area");
    assert!(area.contains("protective-msdos-label grub2-mbr") && area.contains("GPT"), "{area}");
    let partitions = output(program("fdisk", "fdisk").arg("-l").arg(&iso));
    assert!(partitions.contains("Disklabel type: gpt") && partitions.contains("EFI System"), "{partitions}");
}

#[test]
fn the_files_of_the_image_are_the_inputs() {
    let work = tempfile::tempdir().unwrap();
    image(work.path(), false);
    let out = work.path().join("out");
    let mut xorriso = program("xorriso", "xorriso");
    let arguments = ["-osirrox", "on", "-extract", "/"];
    output(xorriso.args(["-no_rc", "-indev"]).arg(work.path().join("live.iso")).args(arguments).arg(&out));
    for name in ["vmlinuz", "initrd.img", "filesystem.squashfs"] {
        let found = std::fs::read(out.join("live").join(name)).unwrap();
        assert!(found == std::fs::read(work.path().join(name)).unwrap(), "{name}");
    }
    let shim = std::fs::read(out.join("EFI/BOOT/BOOTX64.EFI")).unwrap();
    assert!(shim == std::fs::read("/usr/lib/shim/shimx64.efi.signed").unwrap());
    drop(program("grub-script-check", "grub-common"));
    for script in [out.join("boot/grub/grub.cfg"), work.path().join("boot/early.cfg")] {
        output(Command::new("grub-script-check").arg(script));
    }
}

#[test]
fn the_efi_partition_is_a_sound_filesystem() {
    let work = tempfile::tempdir().unwrap();
    image(work.path(), false);
    let esp = work.path().join("boot/esp.img");
    output(program("fsck.vfat", "dosfstools").arg("-n").arg(&esp));
    drop(program("mtype", "mtools"));
    let sha = "mtype -i \"$0\" ::/EFI/BOOT/GRUBX64.EFI | sha256sum; sha256sum < \"$1\"";
    let signed = "/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed";
    let sums = output(Command::new("sh").args(["-ec", sha]).arg(&esp).arg(signed));
    let mut lines = sums.lines();
    assert_eq!(lines.next(), lines.next());
}
