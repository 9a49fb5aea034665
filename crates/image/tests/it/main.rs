//! The formats against the programs that read them: GNU tar, zstd, skopeo, podman, buildah, unsquashfs, xorriso,
//! fdisk, fsck.vfat. What needs root (owners, devices, capabilities, chroots) is named `privileged_`.

mod blob;
mod debian;
mod hygiene;
mod iso;
mod machine;
mod oci;
mod sample;
mod squashfs;
mod tar;
