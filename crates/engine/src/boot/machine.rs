//! The virtual machine, and its QEMU command line.
//!
//! Everything the machine is made of comes in as an open descriptor, so QEMU needs no path of the host, no socket with
//! a name and no directory to write to. What is on the line was measured: without default devices, timers and buses
//! that nothing here uses, an emulated guest starts about a twentieth faster.

use std::os::fd::OwnedFd;
use std::path::Path;

use serde::Serialize;

use super::accel::Acceleration;

/// Guest memory that every supported live system starts in.
const DEFAULT_MEMORY_MIB: u32 = 2048;

/// A second processor shortens an emulated boot by a quarter; a third one does nothing for it.
const DEFAULT_CPUS: u32 = 2;

/// UEFI firmware and its empty variable store, in the tools tree (package `ovmf`).
const UEFI_CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
const UEFI_VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";

/// Where `SeaBIOS` repeats the text that it puts on the screen, for itself and for boot loaders. It believes that there
/// is a serial port; a debug port does as well, and no kernel finds it and counts it among its consoles. The number is
/// also the text `SCREEN_PORT_VALUE`, as it lies in memory.
const SCREEN_PORT: u16 = 0x268;
const SCREEN_PORT_VALUE: &str = "h\u{2}";

/// The program, in the tools tree (package `qemu-system-x86`).
pub const PROGRAM: &str = "/usr/bin/qemu-system-x86_64";

/// What starts the boot loader.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Firmware {
    /// `SeaBIOS`.
    Bios,
    /// OVMF, without Secure Boot.
    Uefi,
}

/// How the image is put into the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Media {
    /// An optical disc.
    Cdrom,
    /// A USB stick, which cannot be written to.
    Usb,
    /// A disk. What the guest writes is kept apart from the image and forgotten.
    Disk,
}

impl Media {
    /// What the name of an image says: an optical disc for `.iso`, else a disk.
    pub fn of(image: &Path) -> Self {
        let disc = image.extension().is_some_and(|extension| extension.eq_ignore_ascii_case("iso"));
        if disc { Self::Cdrom } else { Self::Disk }
    }
}

/// A virtual machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Machine {
    /// Its firmware.
    pub firmware: Firmware,
    /// How the image is attached.
    pub media: Media,
    /// Memory in MiB.
    pub memory_mib: u32,
    /// Processors.
    pub cpus: u32,
}

impl Machine {
    /// A machine with the memory and processors that a boot check uses.
    pub fn new(firmware: Firmware, media: Media) -> Self {
        Self { firmware, media, memory_mib: DEFAULT_MEMORY_MIB, cpus: DEFAULT_CPUS }
    }

    pub(super) fn invocation(&self, acceleration: &Acceleration, wires: Wires) -> Invocation {
        let mut line = CommandLine::default();
        // A guest that resets ends QEMU: a boot loop must not look like patience.
        line.push([
            "-nodefaults",
            "-no-user-config",
            "-no-reboot",
            "-display",
            "none",
            "-vga",
            "std",
            "-boot",
            "strict=on",
        ]);
        line.push(["-machine", "q35,hpet=off,vmport=off,smm=off,usb=off"]);
        line.push(["-smp", &self.cpus.to_string(), "-m", &self.memory_mib.to_string()]);
        line.accelerate(acceleration, wires.kvm);
        line.attach(self.media, wires.image);
        line.talk(wires.serial, wires.control);
        line.firmware(self.firmware, wires.screen);
        line.add_set(SCREENSHOT_SET, wires.screenshot);
        line.0
    }
}

/// The machine's ends of everything it is connected to.
#[derive(Debug)]
pub(super) struct Wires {
    /// The image, open for reading.
    pub(super) image: OwnedFd,
    /// Socket of the first serial port.
    pub(super) serial: OwnedFd,
    /// Socket of the port that repeats the text on the screen of a BIOS.
    pub(super) screen: OwnedFd,
    /// Socket of the machine protocol.
    pub(super) control: OwnedFd,
    /// File for the screenshot, open for writing only.
    pub(super) screenshot: OwnedFd,
    /// `/dev/kvm`, for [`Acceleration::Kvm`].
    pub(super) kvm: Option<OwnedFd>,
}

/// A QEMU to be started.
#[derive(Debug, Default)]
pub struct Invocation {
    /// Arguments after the program's name.
    pub arguments: Vec<String>,
    /// Descriptors 3 and up of the process, in this order.
    pub descriptors: Vec<OwnedFd>,
}

const FIRST_DESCRIPTOR: usize = 3;
const IMAGE_SET: u32 = 1;
const SCREENSHOT_SET: u32 = 2;
const KVM_SET: u32 = 3;

/// Where the machine writes a screenshot to.
pub(super) fn screenshot_file() -> String {
    set_file(SCREENSHOT_SET)
}

fn set_file(set: u32) -> String {
    format!("/dev/fdset/{set}")
}

#[derive(Default)]
struct CommandLine(Invocation);

impl CommandLine {
    fn push<const N: usize>(&mut self, arguments: [&str; N]) {
        self.0.arguments.extend(arguments.map(str::to_owned));
    }

    /// Hands a descriptor over and returns its number in the process.
    fn inherit(&mut self, fd: OwnedFd) -> usize {
        self.0.descriptors.push(fd);
        FIRST_DESCRIPTOR + self.0.descriptors.len() - 1
    }

    /// Makes a descriptor usable as the file [`set_file`] names.
    fn add_set(&mut self, set: u32, fd: OwnedFd) {
        let number = self.inherit(fd);
        self.push(["-add-fd", &format!("fd={number},set={set}")]);
    }

    fn accelerate(&mut self, acceleration: &Acceleration, kvm: Option<OwnedFd>) {
        match (acceleration, kvm) {
            (Acceleration::Kvm, Some(device)) => {
                self.add_set(KVM_SET, device);
                self.push(["-accel", &format!("kvm,device={}", set_file(KVM_SET)), "-cpu", "host"]);
            }
            // Nested virtualization would only make the guest load a module that takes half a second.
            _ => self.push(["-accel", "tcg,thread=multi", "-cpu", "max,la57=off,svm=off"]),
        }
    }

    fn firmware(&mut self, firmware: Firmware, screen: OwnedFd) {
        match firmware {
            Firmware::Bios => {
                self.socket("screen0", screen);
                let port = format!("isa-debugcon,iobase={SCREEN_PORT:#x},chardev=screen0");
                let item = format!("name=etc/sercon-port,string={SCREEN_PORT_VALUE}");
                self.push(["-device", &port, "-fw_cfg", &item]);
            }
            Firmware::Uefi => {
                // It writes to the serial port by itself; the socket only has to stay open.
                self.inherit(screen);
                let code = format!("if=pflash,unit=0,format=raw,readonly=on,file={UEFI_CODE}");
                // A snapshot is a private copy that goes away with QEMU.
                let variables = format!("if=pflash,unit=1,format=raw,snapshot=on,file={UEFI_VARIABLES}");
                self.push(["-drive", &code, "-drive", &variables]);
            }
        }
    }

    fn attach(&mut self, media: Media, image: OwnedFd) {
        self.add_set(IMAGE_SET, image);
        let mut drive = format!("if=none,id=image,format=raw,aio=threads,file={}", set_file(IMAGE_SET));
        drive.push_str(match media {
            Media::Cdrom => ",readonly=on,media=cdrom",
            Media::Usb => ",readonly=on",
            Media::Disk => ",snapshot=on",
        });
        self.push(["-drive", &drive]);
        match media {
            Media::Cdrom => self.push(["-device", "ide-cd,drive=image,bootindex=0"]),
            Media::Usb => {
                self.push([
                    "-device",
                    "qemu-xhci",
                    "-device",
                    "usb-storage,drive=image,removable=on,bootindex=0",
                ]);
            }
            Media::Disk => self.push(["-device", "virtio-blk-pci,drive=image,bootindex=0"]),
        }
    }

    fn talk(&mut self, serial: OwnedFd, control: OwnedFd) {
        self.socket("serial0", serial);
        self.socket("control0", control);
        self.push(["-serial", "chardev:serial0", "-mon", "chardev=control0,mode=control"]);
    }

    fn socket(&mut self, id: &str, socket: OwnedFd) {
        let number = self.inherit(socket);
        self.push(["-chardev", &format!("socket,id={id},fd={number}")]);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn null() -> OwnedFd {
        std::fs::File::open("/dev/null").expect("`/dev/null` opens").into()
    }

    fn line(machine: Machine, acceleration: &Acceleration) -> (String, usize) {
        let kvm = (*acceleration == Acceleration::Kvm).then(null);
        let wires =
            Wires { image: null(), serial: null(), screen: null(), control: null(), screenshot: null(), kvm };
        let invocation = machine.invocation(acceleration, wires);
        (invocation.arguments.join(" "), invocation.descriptors.len())
    }

    fn emulated() -> Acceleration {
        Acceleration::Tcg { reason: "no `/dev/kvm`".to_owned() }
    }

    #[test]
    fn a_machine_has_no_network_and_no_default_devices() {
        let (line, _) = line(Machine::new(Firmware::Bios, Media::Cdrom), &emulated());
        assert!(line.contains("-nodefaults"));
        assert!(!line.contains("-net") && !line.contains("-nic"));
    }

    #[test]
    fn descriptors_are_numbered_in_the_order_they_are_handed_over() {
        let (line, count) = line(Machine::new(Firmware::Bios, Media::Cdrom), &emulated());
        assert_eq!(count, 5);
        assert!(line.contains("-add-fd fd=3,set=1"));
        assert!(line.contains("socket,id=serial0,fd=4"));
        assert!(line.contains("socket,id=control0,fd=5"));
        assert!(line.contains("socket,id=screen0,fd=6"));
        assert!(line.contains("-add-fd fd=7,set=2"));
    }

    #[test]
    fn the_bios_is_told_the_port_of_its_screen() {
        let bytes = SCREEN_PORT_VALUE.as_bytes();
        assert_eq!(u16::from_le_bytes([bytes[0], bytes[1]]), SCREEN_PORT);
    }

    #[test]
    fn kvm_is_reached_through_its_open_device() {
        let (line, count) = line(Machine::new(Firmware::Bios, Media::Disk), &Acceleration::Kvm);
        assert_eq!(count, 6);
        assert!(line.contains("-add-fd fd=3,set=3 -accel kvm,device=/dev/fdset/3"));
        assert!(!line.contains("tcg"));
    }

    #[test]
    fn the_variables_of_uefi_are_private() {
        let (line, _) = line(Machine::new(Firmware::Uefi, Media::Usb), &emulated());
        assert!(line.contains("readonly=on,file=/usr/share/OVMF/OVMF_CODE_4M.fd"));
        assert!(line.contains("snapshot=on,file=/usr/share/OVMF/OVMF_VARS_4M.fd"));
    }
}
