//! What each format is, for the reference page.

/// Formats with a short explanation.
const ABOUT: &[(&str, &str)] = &[
    ("absolute-path", "Absolute path in normal form: no `.`, `..`, `//` and no `/` at the end."),
    ("backup-destination", "Absolute path, or an address such as `sftp:backup@192.0.2.9:/srv`."),
    ("base64", "Standard base64; line breaks are allowed."),
    ("calendar", "`hourly`, `daily`, `weekly`, `monthly`, or a systemd calendar expression."),
    ("component", "Component of an archive, for example `main` or `non-free-firmware`."),
    (
        "compression",
        "`zstd`, `xz`, `lzo`, `lz4`, `gzip` or `none`; `zstd` (1 to 22), `xz`, `lzo` and `gzip` (1 to 9) take a level: `zstd:19`.",
    ),
    ("domain", "Domain name (RFC 1123), at most 253 characters."),
    ("fingerprint", "Fingerprint of an OpenPGP key: 40 hexadecimal digits, or 64."),
    ("field-path", "Keys with dots between them, for example `kernel.parameters`."),
    ("file-mode", "Permissions in octal, in quotes: `\"0644\"`."),
    ("gecos", "Text of at most 128 characters without `:` and line breaks."),
    ("group-name", "Name of a group."),
    ("host", "Domain name, or an IPv4 or IPv6 address."),
    ("hostname", "Host name (RFC 1123), at most 64 characters, each label at most 63."),
    ("https-url", "URL with `https`, without credentials."),
    (
        "interface",
        "Name or shell pattern of an interface, at most 15 characters; not `lo` and not `*` alone.",
    ),
    ("ip-address", "IPv4 or IPv6 address."),
    ("ip-prefix", "Address with the length of its network prefix, for example `192.0.2.10/24`."),
    ("kernel-config", "Build option, for example `CONFIG_PREEMPT=y`."),
    ("kernel-module", "Name of a module."),
    ("kernel-parameter", "One parameter without spaces and quotes; `init=` and `rdinit=` are refused."),
    ("keyboard", "Name in the words of XKB."),
    ("keyboard-option", "Option in the words of XKB, for example `ctrl:nocaps`."),
    (
        "keyword",
        "Keyword of Gentoo (`amd64`, `~amd64`, `*`, `~*` or `**`), after a package and a space for that one alone.",
    ),
    ("label", "Label of a file system."),
    (
        "license",
        "License in the words of Gentoo, `@` and a group of such, or `*`; after a package and a space for that one alone.",
    ),
    ("locale", "Locale that glibc knows, for example `en_GB.UTF-8`."),
    ("mount-option", "Option of mount(8)."),
    ("mount-point", "`/`, an absolute path, or `swap`."),
    ("openpgp-key", "ASCII-armoured OpenPGP public key."),
    ("overlay-path", "Absolute path in normal form, not below `/proc`, `/sys`, `/dev` or `/run`."),
    ("owner", "User or group, by name or by number below 65536."),
    ("package-key", "Category (a list follows) or package (`true` or `false` follows)."),
    (
        "package-name",
        "Name of a package by the rule of the base; Debian: at least two of `a-z0-9+.-`, a letter or digit first.",
    ),
    (
        "package-request",
        "`name`, `name=version`, `name (>= version)` with `<<`, `<=`, `=`, `>=` or `>>`, or `name/suite`.",
    ),
    (
        "password-hash",
        "Hash as in crypt(5): yescrypt, SHA-512, SHA-256, bcrypt or scrypt; `!` or `*` for no password.",
    ),
    (
        "pin-package",
        "Name of a package, in which `*` and `?` stand for any characters, `src:` and the name of a source package, or `*`.",
    ),
    (
        "port",
        "Port, range of ports or service, with an optional protocol: `22/tcp`, `8000-8010/udp`, `https`.",
    ),
    ("release", "Codename or alias of a release, or name of a suite."),
    ("script", "Text of a script; a first line with `#!` must name an absolute path."),
    ("service", "Unit of the init system, with or without suffix."),
    ("size", "Size with a unit (`KiB MiB GiB TiB kB MB GB TB`), or `rest`."),
    ("source-path", "Relative path beside the spec, without `..`."),
    ("source-suite", "Suite of an archive, or a directory of it that ends in `/`, such as `./`."),
    ("source-url", "URL with `http`, `https` or `file`, without credentials."),
    ("spec-name", "Lower-case letters, digits, `.`, `_` and `-`, at most 64 characters."),
    (
        "ssh-key",
        "One line of `authorized_keys` without options: ed25519, ecdsa, their `sk-` forms, or RSA with at least 2048 bits.",
    ),
    ("suite", "Suite of an archive."),
    ("sysctl-name", "Name of a kernel setting with dots."),
    ("sysctl-value", "Value of a kernel setting."),
    ("timezone", "Name of the tz database, for example `Europe/Berlin`."),
    ("url", "URL with `http` or `https`, without credentials."),
    ("user-name", "Name of a user."),
    ("version", "Version of a package."),
    ("version-pattern", "Version with `*` for any characters."),
    ("version-relation", "Version for exactly this one, or `<<`, `<=`, `=`, `>=`, `>>` and a version."),
    ("word", "Plain name."),
];

/// What a format is.
pub(crate) fn about(format: &str) -> Option<&'static str> {
    ABOUT.iter().find(|(name, _)| *name == format).map(|(_, about)| *about)
}
