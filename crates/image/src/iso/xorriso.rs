//! The `xorriso` command that writes the image.

use super::identity::Identity;
use super::{EFI_FILES, IsoError, IsoOptions, IsoPlaces};
use crate::command::{ToolCommand, words};
use crate::date;

/// GUID of the type "EFI system partition" and of "basic data", in the byte order of a GPT.
const TYPE_ESP: &str = "28732ac11ff8d211ba4b00a0c93ec93b";
const TYPE_DATA: &str = "a2a0d0ebe5b9334487c068b6b72699c7";

pub(super) fn command(
    options: &IsoOptions,
    places: &IsoPlaces,
    work: &str,
    identity: &Identity,
) -> Result<ToolCommand, IsoError> {
    let date = date::compact(options.epoch).ok_or(IsoError::Epoch(options.epoch))?;
    let mut argv = vec!["/usr/bin/xorriso".to_owned()];
    // Without the user's configuration. xorriso wakes once per interval to see whether it has finished: 0.1 s is the shortest, by default
    // after a whole second, and syncs what it writes; the caller syncs what it publishes.
    argv.extend(words("-no_rc -pacifier interval=0.1 -stdio_sync off -as mkisofs"));
    // ISO level 3 allows files beyond 4 GiB.
    argv.extend(words("-quiet -iso-level 3 -r -J -joliet-long -V"));
    argv.push(options.volume_id.clone());
    argv.push(format!("--modification-date={date}"));
    argv.extend(words(&format!("--set_all_file_dates {date} --gpt_disk_guid {}", identity.gpt)));
    argv.extend(words(
        "-b boot/grub/eltorito.img -c boot/boot.cat -no-emul-boot -boot-load-size 4 -boot-info-table \
         --grub2-boot-info --grub2-mbr /usr/lib/grub/i386-pc/boot_hybrid.img --protective-msdos-label \
         -partition_cyl_align off -partition_offset 16 --mbr-force-bootable",
    ));
    argv.extend(words(&format!("-append_partition 2 {TYPE_ESP}")));
    argv.push(places.esp.clone());
    argv.extend(words(&format!("-appended_part_as_gpt -iso_mbr_part_type {TYPE_DATA}")));
    argv.extend(words("-eltorito-alt-boot -e --interval:appended_partition_2:all:: -no-emul-boot"));
    let files = files(places, work, identity);
    // Without weights the order of the data would follow the inode numbers of the sources.
    for (weight, (path, _)) in files.iter().rev().enumerate() {
        argv.extend(["--sort-weight".to_owned(), (weight + 1).to_string(), format!("/{path}")]);
    }
    argv.extend(["-o".to_owned(), places.output.clone(), "-graft-points".to_owned()]);
    argv.extend(files.iter().map(|(path, from)| format!("{}={}", escape(path), escape(from))));
    Ok(ToolCommand::at(options.epoch, argv))
}

/// Every file of the image and where it comes from, in the order in which a boot reads them.
fn files(places: &IsoPlaces, work: &str, identity: &Identity) -> Vec<(String, String)> {
    let mut files = vec![
        ("boot/grub/eltorito.img".to_owned(), places.core_image.clone()),
        (format!(".disk/id/{}", identity.disk), format!("{work}/id")),
        (".disk/info".to_owned(), format!("{work}/info")),
        ("boot/grub/grub.cfg".to_owned(), format!("{work}/grub.cfg")),
        ("boot/grub/fonts/unicode.pf2".to_owned(), "/usr/share/grub/unicode.pf2".to_owned()),
    ];
    // Beside the partition: a copy of all files on a FAT stick starts by UEFI as well.
    files.extend(EFI_FILES.map(|(name, from)| (format!("EFI/BOOT/{name}"), from.to_owned())));
    let live = [
        ("vmlinuz", &places.kernel),
        ("initrd.img", &places.initrd),
        ("filesystem.squashfs", &places.squashfs),
    ];
    files.extend(live.map(|(name, from)| (format!("live/{name}"), from.clone())));
    files
}

/// `=` separates the two halves of a graft point, and a backslash takes its meaning.
fn escape(path: &str) -> String {
    path.replace('\\', "\\\\").replace('=', "\\=")
}
