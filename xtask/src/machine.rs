//! Installs the programs that tests and benchmarks compare our results with. The product itself needs none of them.

use std::path::Path;
use std::process::Command;

use crate::command::{CommandError, exists, output, stdout};

/// A program that some test runs, the Debian package that has it, and what it is for.
const PROGRAMS: &[(&str, &str, &str)] = &[
    ("apt-get", "apt", "judges the resolver"),
    ("dpkg-deb", "dpkg", "judges the archive reader"),
    ("rpm", "rpm", "judges RPM's version order and packages"),
    ("createrepo_c", "createrepo-c", "makes repositories of RPM packages"),
    ("mmdebstrap", "mmdebstrap", "judges the system tree"),
    ("skopeo", "skopeo", "judges the OCI image"),
    ("buildah", "buildah", "runs the OCI image"),
    ("podman", "podman", "loads the OCI image"),
    ("docker-registry", "docker-registry", "is the registry that images are pushed to"),
    ("unsquashfs", "squashfs-tools", "judges the squashfs"),
    ("xorriso", "xorriso", "judges the ISO"),
    ("fdisk", "fdisk", "judges the partition table of the ISO"),
    ("mtype", "mtools", "judges the EFI partition"),
    ("fsck.vfat", "dosfstools", "judges the EFI partition"),
    ("grub-mkrescue", "grub-common", "makes ISOs for the tests of the boot check"),
    ("qemu-system-x86_64", "qemu-system-x86", "boots ISOs for the tests of the boot check"),
    ("newuidmap", "uidmap", "lets an ordinary user have a range of uids"),
    ("setcap", "libcap2-bin", "makes files with capabilities"),
    ("setfacl", "acl", "makes files with access lists"),
    ("setfattr", "attr", "makes files with extended attributes"),
    ("gpg", "gnupg", "makes signatures that must be refused"),
    ("python3", "python3", "runs portage, which judges the readers of Gentoo's packages"),
    ("pip3", "python3-pip", "gets portage and Schemathesis from the Python package index"),
    ("openssl", "openssl", "makes RSA keys and signatures"),
    ("xz", "xz-utils", "makes archives"),
    ("bzip2", "bzip2", "makes archives"),
    ("zstd", "zstd", "makes archives"),
    ("tmux", "tmux", "is the terminal of the tests of the progress display"),
    ("git", "git", "lists the files of the repository"),
    ("bash", "bash", "reads the completions"),
    ("zsh", "zsh", "reads the completions"),
    ("fish", "fish", "reads the completions"),
    ("script", "bsdutils", "gives a program a terminal"),
    ("faketime", "faketime", "shows a program another date"),
    ("vercmp", "pacman-package-manager", "judges the order of Arch Linux's versions"),
    ("pacman", "pacman-package-manager", "judges the resolver for Arch Linux"),
    ("repo-add", "pacman-package-manager", "makes repositories of Arch Linux"),
    ("makepkg", "makepkg", "makes packages of Arch Linux"),
    ("bsdtar", "libarchive-tools", "is used by makepkg"),
    ("fakeroot", "fakeroot", "is used by makepkg, and lets an ordinary user run pacman-key"),
    ("setpriv", "util-linux", "runs makepkg as an ordinary user"),
    ("createdb", "postgresql-client", "makes databases on the tests' own server"),
    ("nats-server", "nats-server", "carries messages in the tests of the service"),
    ("ps", "procps", "lists the processes that a test left behind"),
];

/// Files that some test reads, the package that has them, and what they are for.
const FILES: &[(&str, &str, &str)] = &[
    ("/usr/share/keyrings/debian-archive-keyring.gpg", "debian-archive-keyring", "the keys of the archive"),
    ("/usr/lib/python3/dist-packages/solv.py", "python3-solv", "judges the resolver of RPM"),
    ("/usr/share/doc/python3-venv", "python3-venv", "the directory that Schemathesis is installed into"),
    ("/usr/share/keyrings/archlinux.gpg", "archlinux-keyring", "the keys of Arch Linux"),
    ("/usr/share/doc/postgresql/copyright", "postgresql", "is the database of the tests of the service"),
    ("/usr/share/OVMF/OVMF_CODE_4M.fd", "ovmf", "the UEFI firmware of the tests of the boot check"),
    ("/usr/lib/grub/i386-pc/boot.img", "grub-pc-bin", "GRUB for BIOS"),
    ("/usr/lib/grub/x86_64-efi-signed/gcdx64.efi.signed", "grub-efi-amd64-signed", "GRUB for Secure Boot"),
    ("/usr/lib/shim/shimx64.efi.signed", "shim-signed", "what Secure Boot starts"),
    ("/usr/lib/shim/mmx64.efi.signed", "shim-helpers-amd64-signed", "what enrols keys for Secure Boot"),
    ("/usr/lib/grub/x86_64-efi/moddep.lst", "grub-efi-amd64-bin", "GRUB for UEFI"),
];

/// What the reference pipeline of the benchmark is made of.
const REFERENCE: &[(&str, &str, &str)] = &[
    ("mmdebstrap", "mmdebstrap", "makes the tree of the reference"),
    ("mksquashfs", "squashfs-tools", "compresses the tree of the reference"),
    ("grub-mkrescue", "grub-common", "writes the ISO of the reference"),
    ("xorriso", "xorriso", "is used by grub-mkrescue"),
    ("mformat", "mtools", "is used by grub-mkrescue"),
    ("apt-get", "apt", "is what resolving is compared with"),
];

/// Files that the reference pipeline reads.
const REFERENCE_FILES: &[(&str, &str, &str)] = &[
    ("/usr/lib/grub/i386-pc/boot.img", "grub-pc-bin", "GRUB for BIOS"),
    ("/usr/lib/grub/x86_64-efi/moddep.lst", "grub-efi-amd64-bin", "GRUB for UEFI"),
    ("/usr/lib/python3/dist-packages/solv.py", "python3-solv", "is what resolving is compared with"),
];

/// Why the machine cannot run the tests.
#[derive(Debug, thiserror::Error)]
pub enum MachineError {
    /// The packages cannot be installed by this program.
    #[error("packages are missing:{list}\ninstall them, or run this as root on Debian or Ubuntu")]
    Missing {
        /// One line for each.
        list: String,
    },
    /// `apt-get` failed.
    #[error("cannot install what is missing: {packages}")]
    Install {
        /// Their names.
        packages: String,
        /// What it said.
        #[source]
        source: CommandError,
    },
}

/// The packages that are not there yet, each with a line that says why it is needed.
fn missing(
    programs: &[(&'static str, &'static str, &str)],
    files: &[(&str, &'static str, &str)],
) -> Vec<(&'static str, String)> {
    let programs = programs.iter().filter(|(program, ..)| !exists(program));
    let files = files.iter().filter(|(file, ..)| !Path::new(file).exists());
    let line = |what: &str, package: &str, why: &str| format!("\n  {package}: `{what}` {why}");
    let mut missing: Vec<_> =
        programs.map(|&(what, package, why)| (package, line(what, package, why))).collect();
    missing.extend(files.map(|&(what, package, why)| (package, line(what, package, why))));
    missing
}

/// Installs what the tests need and is missing, or says what it is.
pub fn prepare_tests() -> Result<(), MachineError> {
    install(&missing(PROGRAMS, FILES))
}

/// Installs what the benchmark needs and is missing, or says what it is.
pub fn prepare_reference() -> Result<(), MachineError> {
    install(&missing(REFERENCE, REFERENCE_FILES))
}

/// Installs these packages.
fn install(missing: &[(&'static str, String)]) -> Result<(), MachineError> {
    if missing.is_empty() {
        return Ok(());
    }
    let list: String = missing.iter().map(|(_, line)| line.as_str()).collect();
    println!("installing what is missing:{list}");
    let root = output(Command::new("id").arg("-u")).is_ok_and(|output| output.stdout == b"0\n");
    if !root || !exists("apt-get") {
        return Err(MachineError::Missing { list });
    }
    let mut packages: Vec<&str> = missing.iter().map(|(package, _)| *package).collect();
    packages.sort_unstable();
    packages.dedup();
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command
            .args(["-q", "-y", "-o", "DPkg::Lock::Timeout=300"])
            .args(arguments)
            .env("DEBIAN_FRONTEND", "noninteractive");
        stdout(&mut command)
    };
    let mut arguments = vec!["install", "--no-install-recommends"];
    arguments.extend(&packages);
    // the lists of a fresh machine are empty or old; updating them first costs seconds that a prepared machine saves
    if apt(&arguments).is_err() {
        apt(&["update"])
            .and_then(|_| apt(&arguments))
            .map_err(|source| MachineError::Install { packages: packages.join(" "), source })?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::missing;

    #[test]
    fn what_is_missing_is_named_with_its_reason() {
        let programs = [("sh", "dash", "is there"), ("no-such-program", "a-package", "is needed here")];
        let missing = missing(&programs, &[("/no/such/file", "b-package", "too")]);
        let packages: Vec<_> = missing.iter().map(|(package, _)| *package).collect();
        assert_eq!(packages, ["a-package", "b-package"]);
        assert!(missing[0].1.contains("`no-such-program` is needed here"));
    }
}
