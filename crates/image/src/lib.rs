//! From a file tree to tar, OCI layout, squashfs, ISO: byte-reproducible.
