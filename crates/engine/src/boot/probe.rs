//! The probe guest: one boot sector, made here.
//!
//! It says `R`, works in real mode, says `M`, switches to long mode with paging, works again and says `L`. Both kinds of
//! work are needed: nested virtualization can be unable to run either at a useful speed. The loops are short enough for
//! a processor to finish in a fifth of a second, and for emulation in a whole one.

/// What the guest says on the first serial port when all is well.
pub const WORDS: &[u8] = b"RML";

/// The boot sector, loaded at 0x7c00.
const SECTOR: [u8; 512] = sector();

/// Bytes of the disk. A firmware does not boot from one that has nothing but its first sector.
const DISK: usize = 1 << 20;

/// The disk of the probe guest.
pub fn disk() -> Vec<u8> {
    let mut disk = vec![0; DISK];
    disk[..SECTOR.len()].copy_from_slice(&SECTOR);
    disk
}

const fn sector() -> [u8; 512] {
    let mut sector = [0; 512];
    let mut at = 0;
    while at < CODE.len() {
        sector[at] = CODE[at];
        at += 1;
    }
    sector[510] = 0x55;
    sector[511] = 0xaa;
    sector
}

#[rustfmt::skip]
const CODE: [u8; 0xae] = [
    0xfa,                                     // 7c00: cli
    0x31, 0xc0,                               //       xor  ax, ax
    0x8e, 0xd8,                               //       mov  ds, ax
    0x8e, 0xc0,                               //       mov  es, ax
    0x8e, 0xd0,                               //       mov  ss, ax
    0xbc, 0x00, 0x7c,                         //       mov  sp, 0x7c00
    0xfc,                                     //       cld
    0xb0, b'R',                               //       mov  al, 'R'
    0xe8, 0x61, 0x00,                         //       call 0x7c73
    0x66, 0xb9, 0x00, 0x00, 0x40, 0x00,       //       mov  ecx, 0x400000
    0x66, 0xff, 0x06, 0x00, 0x06,             // 7c18: inc  dword [0x600]
    0x66, 0x49,                               //       dec  ecx
    0x75, 0xf7,                               //       jnz  0x7c18
    0xb0, b'M',                               //       mov  al, 'M'
    0xe8, 0x4d, 0x00,                         //       call 0x7c73
    // Page tables at 0x1000, 0x2000 and 0x3000 map the first 2 MiB to themselves.
    0x66, 0xbf, 0x00, 0x10, 0x00, 0x00,       //       mov  edi, 0x1000
    0x0f, 0x22, 0xdf,                         //       mov  cr3, edi
    0x66, 0x31, 0xc0,                         //       xor  eax, eax
    0xb9, 0x00, 0x0c,                         //       mov  cx, 0xc00
    0x66, 0xf3, 0xab,                         //       rep stosd
    0xc7, 0x06, 0x00, 0x10, 0x03, 0x20,       //       mov  word [0x1000], 0x2003
    0xc7, 0x06, 0x00, 0x20, 0x03, 0x30,       //       mov  word [0x2000], 0x3003
    0xc7, 0x06, 0x00, 0x30, 0x83, 0x00,       //       mov  word [0x3000], 0x0083
    // Physical address extension, long mode, then paging and protection at once.
    0x66, 0xb8, 0x20, 0x00, 0x00, 0x00,       //       mov  eax, 0x20
    0x0f, 0x22, 0xe0,                         //       mov  cr4, eax
    0x66, 0xb9, 0x80, 0x00, 0x00, 0xc0,       //       mov  ecx, 0xc0000080
    0x0f, 0x32,                               //       rdmsr
    0x80, 0xcc, 0x01,                         //       or   ah, 1
    0x0f, 0x30,                               //       wrmsr
    0x0f, 0x01, 0x16, 0xa8, 0x7c,             //       lgdt [0x7ca8]
    0x66, 0xb8, 0x01, 0x00, 0x00, 0x80,       //       mov  eax, 0x80000001
    0x0f, 0x22, 0xc0,                         //       mov  cr0, eax
    0xea, 0x78, 0x7c, 0x08, 0x00,             //       jmp  8:0x7c78
    0xba, 0xf8, 0x03,                         // 7c73: mov  dx, 0x3f8
    0xee,                                     //       out  dx, al
    0xc3,                                     //       ret
    // 64 bits from here.
    0xb9, 0x00, 0x00, 0x00, 0x04,             // 7c78: mov  ecx, 0x4000000
    0xff, 0x04, 0x25, 0x00, 0x06, 0x00, 0x00, // 7c7d: inc  dword [0x600]
    0xff, 0xc9,                               //       dec  ecx
    0x75, 0xf5,                               //       jnz  0x7c7d
    0xb0, b'L',                               //       mov  al, 'L'
    0x66, 0xba, 0xf8, 0x03,                   //       mov  dx, 0x3f8
    0xee,                                     //       out  dx, al
    0xf4,                                     // 7c8f: hlt
    0xeb, 0xfd,                               //       jmp  0x7c8f
    0, 0, 0, 0, 0, 0,
    // 7c98: descriptors: none, and 64-bit code.
    0, 0, 0, 0, 0, 0, 0, 0,
    0, 0, 0, 0, 0, 0x9a, 0x20, 0,
    // 7ca8: their size less one, and their place.
    0x0f, 0x00, 0x98, 0x7c, 0x00, 0x00,
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sector_is_bootable() {
        assert_eq!(&SECTOR[510..], [0x55, 0xaa]);
        assert_eq!(disk()[..CODE.len()], CODE);
    }
}
