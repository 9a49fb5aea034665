//! Damages ISO images in place, byte by byte, as a bad copy or a bad build would.

/// Size of an ISO 9660 block.
const BLOCK: usize = 2048;

/// Block of the boot record, which names the boot catalog (El Torito, section 2).
const BOOT_RECORD: usize = 17;

/// Wipes both boot images of the boot catalog: the start of GRUB for a BIOS, and of the EFI system partition.
pub fn wipe_boot_images(image: &mut [u8]) {
    let catalog = block_number(image, BOOT_RECORD * BLOCK + 0x47) * BLOCK;
    let entries: Vec<usize> = (0..BLOCK / 32)
        .map(|index| catalog + index * 32)
        .filter(|&entry| image[entry] == 0x88)
        .map(|entry| block_number(image, entry + 8))
        .collect();
    assert_eq!(entries.len(), 2, "a boot image for a BIOS and one for UEFI");
    for block in entries {
        image[block * BLOCK..(block + 16) * BLOCK].fill(0);
    }
}

fn block_number(image: &[u8], at: usize) -> usize {
    let bytes: [u8; 4] = image[at..at + 4].try_into().expect("four bytes");
    usize::try_from(u32::from_le_bytes(bytes)).expect("a block number")
}

/// Gives the kernel another name in its directory (Rock Ridge, section 4.1.4), so that `/live/vmlinuz` is gone.
pub fn rename_kernel(image: &mut [u8]) {
    let name = b"NM\x0c\x01\x00vmlinuz";
    let at = find(image, name);
    image[at + name.len() - 1] = b'x';
}

/// Makes the default entry start a program that is not there.
pub fn break_init(image: &mut [u8]) {
    let text = b"linux /live/vmlinuz boot=live ";
    let at = find(image, text) + text.len() - b"boot=live ".len();
    image[at..at + b"boot=live ".len()].copy_from_slice(b"rdinit=/x ");
}

fn find(image: &[u8], bytes: &[u8]) -> usize {
    image.windows(bytes.len()).position(|window| window == bytes).expect("these bytes in the image")
}
