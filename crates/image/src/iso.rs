//! A hybrid live ISO for x86-64, as a plan of files and commands.
//!
//! It starts from a CD, from a USB stick and as a virtual disk, by BIOS and by UEFI:
//! - El Torito entry for BIOS: a GRUB core image that carries every module it needs;
//! - boot code in the first sector (`boot_hybrid.img`), which finds that same core image on a stick;
//! - an EFI system partition, appended after the ISO 9660 area, listed in the GPT and used by the El Torito entry
//!   for UEFI. It holds shim and GRUB as signed by the distribution, so Secure Boot stays on.
//!
//! The large files (kernel, initramfs, squashfs) are read where they lie and written once, into the image.
//! [`boot_loaders`] needs nothing of the system being built, so that it can run beside it and serve many images;
//! [`image`] puts everything together.

mod esp;
mod identity;
mod menu;
mod step;
mod xorriso;

pub use esp::esp_image;
pub use menu::LiveSystem;
pub use step::{EspFile, EspSource, IsoStep, StepError};

use serde::{Deserialize, Serialize};

use crate::command::{ToolCommand, words};
use identity::Identity;

/// Packages of the tools tree (Debian and Ubuntu) that the commands need.
pub const TOOL_PACKAGES: &[&str] = &[
    "grub-common",
    "grub-pc-bin",
    "grub-efi-amd64-signed",
    "shim-signed",
    "shim-helpers-amd64-signed",
    "xorriso",
];

/// Modules of the core image for BIOS: disks, filesystems, menu, terminals, the Linux loader.
const BIOS_MODULES: &str = "all_video biosdisk boot cat configfile echo eval fat font gfxterm halt iso9660 linux \
                            loadenv ls minicmd normal part_gpt part_msdos probe reboot search search_fs_file \
                            search_fs_uuid search_label serial sleep terminal test true vbe vga video_bochs \
                            video_cirrus";

/// Name of GRUB's core image for BIOS among the boot loaders.
pub const CORE_IMAGE: &str = "eltorito.img";

/// Name of the EFI system partition among the boot loaders.
pub const ESP_IMAGE: &str = "esp.img";

/// What the image says about itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IsoOptions {
    /// Volume identifier; see [`volume_id`].
    pub volume_id: String,
    /// One line for `/.disk/info`.
    pub disk_info: String,
    /// The one time of everything in the image, in seconds since 1970.
    pub epoch: u64,
    /// Origin of all identifiers, for example the digest of the lock.
    pub seed: [u8; 32],
    /// The boot menu.
    pub live: LiveSystem,
}

/// Where things are inside the sandbox, as absolute paths.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct IsoPlaces {
    /// A writable directory that exists and is empty.
    pub work: String,
    /// The core image of GRUB: [`CORE_IMAGE`] of [`boot_loaders`].
    pub core_image: String,
    /// The EFI system partition: [`ESP_IMAGE`] of [`boot_loaders`].
    pub esp: String,
    /// The Linux kernel: the file itself, since a link would enter the image as a link.
    pub kernel: String,
    /// The initramfs, also the file itself.
    pub initrd: String,
    /// The filesystem of the live system.
    pub squashfs: String,
    /// The image to be written.
    pub output: String,
}

/// Why no plan can be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum IsoError {
    /// A text that would break out of the file it is written to.
    #[error("`{field}` holds a control character")]
    ControlCharacter {
        /// The option.
        field: &'static str,
    },
    /// A volume identifier that ISO 9660 has no room or letters for.
    #[error("`{0}` is no volume identifier: 1 to 32 of A-Z, 0-9 and _ are")]
    VolumeId(String),
    /// The time cannot be written as a date.
    #[error("the epoch {0} lies beyond the year 9999")]
    Epoch(u64),
}

/// A volume identifier from any text: upper case, other characters as `_`, at most 32.
pub fn volume_id(text: &str) -> String {
    let letter = |c: char| if c.is_ascii_alphanumeric() { c.to_ascii_uppercase() } else { '_' };
    let id: String = text.chars().map(letter).take(32).collect();
    if id.is_empty() { "LIVE".to_owned() } else { id }
}

/// Plans the boot loaders: [`CORE_IMAGE`] and [`ESP_IMAGE`] in `work`, a writable directory that exists and is empty.
///
/// `seed` and `epoch` are those of the [`IsoOptions`] of the image that they are for.
pub fn boot_loaders(seed: &[u8; 32], epoch: u64, work: &str) -> Vec<IsoStep> {
    let identity = Identity::new(seed);
    let work = work.trim_end_matches('/');
    vec![
        IsoStep::Write { path: format!("{work}/early.cfg"), text: menu::early(&identity) },
        IsoStep::Run(core_image(epoch, work)),
        IsoStep::Esp {
            output: format!("{work}/{ESP_IMAGE}"),
            files: esp_files(&identity),
            serial: identity.esp_serial,
        },
    ]
}

/// Plans the image.
///
/// # Errors
/// [`IsoError`], when an option cannot be written as it stands.
pub fn image(options: &IsoOptions, places: &IsoPlaces) -> Result<Vec<IsoStep>, IsoError> {
    check(options)?;
    let identity = Identity::new(&options.seed);
    let work = places.work.trim_end_matches('/');
    let text = |path: &str, text: String| IsoStep::Write { path: format!("{work}/{path}"), text };
    Ok(vec![
        text("info", format!("{}\n", options.disk_info)),
        text("id", format!("{}\n", identity.disk)),
        text("grub.cfg", menu::menu(&options.live)),
        IsoStep::Run(xorriso::command(options, places, work, &identity)?),
    ])
}

fn check(options: &IsoOptions) -> Result<(), IsoError> {
    let letter = |c: char| c.is_ascii_uppercase() || c.is_ascii_digit() || c == '_';
    let id = &options.volume_id;
    if !(1..=32).contains(&id.len()) || !id.chars().all(letter) {
        return Err(IsoError::VolumeId(id.clone()));
    }
    let texts = [("disk_info", &options.disk_info), ("title", &options.live.title)];
    let parameters = options.live.parameters.iter().map(|parameter| ("parameters", parameter));
    match texts.into_iter().chain(parameters).find(|(_, text)| text.chars().any(char::is_control)) {
        Some((field, _)) => Err(IsoError::ControlCharacter { field }),
        None => Ok(()),
    }
}

fn core_image(epoch: u64, work: &str) -> ToolCommand {
    let mut argv = vec!["/usr/bin/grub-mkimage".to_owned()];
    argv.extend(words("-O i386-pc-eltorito -d /usr/lib/grub/i386-pc -p /boot/grub"));
    argv.extend([
        "-c".to_owned(),
        format!("{work}/early.cfg"),
        "-o".to_owned(),
        format!("{work}/{CORE_IMAGE}"),
    ]);
    argv.extend(words(BIOS_MODULES));
    ToolCommand::at(epoch, argv)
}

/// shim, the GRUB that it starts, and the tool that enrols keys: name in `/EFI/BOOT`, place in the tools tree.
pub(crate) const EFI_FILES: [(&str, &str); 3] = [
    ("BOOTX64.EFI", "/usr/lib/shim/shimx64.efi.signed"),
    ("grubx64.efi", "/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed"),
    ("mmx64.efi", "/usr/lib/shim/mmx64.efi.signed"),
];

fn esp_files(identity: &Identity) -> Vec<EspFile> {
    let efi = EFI_FILES.map(|(name, from)| EspFile {
        path: format!("EFI/BOOT/{name}").to_ascii_uppercase(),
        source: EspSource::File(from.to_owned()),
    });
    // GRUB looks beside itself first; this sends it to the one disk with our identity.
    let early =
        EspFile { path: "BOOT/GRUB/GRUB.CFG".to_owned(), source: EspSource::Text(menu::early(identity)) };
    efi.into_iter().chain([early]).collect()
}

#[cfg(test)]
mod tests;
