//! What a reader gives for each package.

use std::fmt;

use super::names;

/// A name with its hash, so that hashing can happen beside the reading.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Name<'a> {
    pub(super) text: &'a str,
    pub(super) hash: u64,
}

impl<'a> Name<'a> {
    /// Hashes `text`.
    pub fn new(text: &'a str) -> Self {
        Self { text, hash: names::hash(text.as_bytes()) }
    }

    /// The name.
    pub fn text(&self) -> &'a str {
        self.text
    }
}

impl<'a> From<&'a str> for Name<'a> {
    fn from(text: &'a str) -> Self {
        Self::new(text)
    }
}

/// The kinds of relations. Each is kept as text in the family's own syntax.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Kind {
    /// Must be configured before the package is unpacked: `Pre-Depends` of deb, `Requires(pre)` of rpm.
    PreRequires,
    /// Must be there.
    Requires,
    /// Should be there.
    Recommends,
    /// Might be wanted too.
    Suggests,
    /// The package should come when these are there: `Supplements` of rpm, `install_if` of apk.
    Supplements,
    /// The weak form of it.
    Enhances,
    /// Must not be there at the same time.
    Conflicts,
    /// Cannot work at the same time: `Breaks` of deb, soft blockers of portage.
    Breaks,
    /// Takes the place or the files of others: `Replaces`, `Obsoletes`.
    Replaces,
    /// What it provides besides its own name; the names also stand in [`Entry::provides`].
    Provides,
}

impl Kind {
    /// How many there are.
    pub(super) const COUNT: usize = Self::ALL.len();

    /// All of them, in order.
    pub const ALL: [Self; 10] = [
        Self::PreRequires,
        Self::Requires,
        Self::Recommends,
        Self::Suggests,
        Self::Supplements,
        Self::Enhances,
        Self::Conflicts,
        Self::Breaks,
        Self::Replaces,
        Self::Provides,
    ];
}

/// Something that a package provides besides its own name.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Provided<'a> {
    /// Name: of a virtual package, a library, a command, or a file.
    pub name: Name<'a>,
    /// The version, or bound, that it is provided in, in the family's own syntax; empty when there is none.
    pub version: &'a str,
}

/// The digest of an archive by which the index vouches for it.
#[derive(Clone, Copy, PartialEq, Eq, Default)]
pub enum Digest {
    /// The index has none.
    #[default]
    None,
    /// MD5, where a family has nothing better.
    Md5([u8; 16]),
    /// SHA-1; for apk it is that of the control member.
    Sha1([u8; 20]),
    /// SHA-256.
    Sha256([u8; 32]),
    /// SHA-512.
    Sha512([u8; 64]),
    /// `BLAKE2b` with 64 bytes.
    Blake2b([u8; 64]),
}

impl Digest {
    /// Its bytes.
    pub fn bytes(&self) -> &[u8] {
        match self {
            Self::None => &[],
            Self::Md5(bytes) => bytes,
            Self::Sha1(bytes) => bytes,
            Self::Sha256(bytes) => bytes,
            Self::Sha512(bytes) | Self::Blake2b(bytes) => bytes,
        }
    }

    /// The SHA-256, when it is one.
    pub fn sha256(&self) -> Option<[u8; 32]> {
        if let Self::Sha256(bytes) = self { Some(*bytes) } else { None }
    }

    /// `sha256`, `sha512` and so on; empty without a digest.
    pub fn algorithm(&self) -> &'static str {
        match self {
            Self::None => "",
            Self::Md5(_) => "md5",
            Self::Sha1(_) => "sha1",
            Self::Sha256(_) => "sha256",
            Self::Sha512(_) => "sha512",
            Self::Blake2b(_) => "blake2b",
        }
    }

    /// The number of its kind in a package record.
    pub(super) fn code(&self) -> u8 {
        match self {
            Self::None => 0,
            Self::Md5(_) => 1,
            Self::Sha1(_) => 2,
            Self::Sha256(_) => 3,
            Self::Sha512(_) => 4,
            Self::Blake2b(_) => 5,
        }
    }

    /// Bytes of a digest of this kind.
    pub(super) fn length(code: u8) -> u32 {
        [0, 16, 20, 32, 64, 64].get(usize::from(code)).copied().unwrap_or_default()
    }

    /// From the parts of a package record.
    pub(super) fn from_parts(code: u8, bytes: &[u8]) -> Self {
        match code {
            1 => bytes.try_into().map_or(Self::None, Self::Md5),
            2 => bytes.try_into().map_or(Self::None, Self::Sha1),
            3 => bytes.try_into().map_or(Self::None, Self::Sha256),
            4 => bytes.try_into().map_or(Self::None, Self::Sha512),
            5 => bytes.try_into().map_or(Self::None, Self::Blake2b),
            _ => Self::None,
        }
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.algorithm(), hex::encode(self.bytes()))
    }
}

/// One package as its reader gives it; what a family does not have stays empty.
///
/// Relations are text in the family's own syntax, which only its [`crate::resolve::Family`] reads again.
#[derive(Debug, Clone, Default)]
pub struct Entry<'a> {
    /// Package name.
    pub name: Name<'a>,
    /// Version text.
    pub version: &'a str,
    /// Architecture; the family says which of them fit every machine (`all`, `noarch`, `any`).
    pub arch: &'a str,
    /// Source package; empty when it bears the same name.
    pub source: &'a str,
    /// Path or URL of the archive, relative to [`IndexSource::base_url`].
    pub location: &'a str,
    /// One line that says what it is.
    pub summary: &'a str,
    /// Groups, separated by spaces: what a request for the group's name means.
    pub groups: &'a str,
    /// Packages of one name and one slot exclude each other; those of different slots do not.
    pub slot: &'a str,
    /// What tells two builds of one version apart, where a family has that.
    pub build: &'a str,
    /// What else the family's rules need, in a form of their own.
    pub extra: &'a str,
    /// Bytes of the archive.
    pub size: u64,
    /// Bytes of the unpacked files.
    pub installed: u64,
    /// Digest of the archive.
    pub digest: Digest,
    /// Flags that only the family understands.
    pub flags: u32,
    /// A number that only the family understands, such as Debian's priority or apk's `provider_priority`.
    pub rank: u32,
    /// The relations, by [`Kind`]. See [`Entry::with`].
    pub relations: [&'a str; Kind::COUNT],
    /// What it provides. Names and versions that are parts of the text of [`Kind::Provides`] take no further room.
    pub provides: Vec<Provided<'a>>,
}

impl<'a> Entry<'a> {
    /// Sets the text of one kind of relations.
    #[must_use]
    pub fn with(mut self, kind: Kind, text: &'a str) -> Self {
        self.relations[kind as usize] = text;
        self
    }
}

/// Where one index text came from and how its versions rank.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct IndexSource {
    /// Suite, branch or repository as the spec names it, such as `trixie-security`, `v3.22` or `updates`.
    pub suite: String,
    /// Component or repository, such as `main`, `community` or `extra`.
    pub component: String,
    /// Architecture of the index, such as `amd64`.
    pub arch: String,
    /// What locations are relative to, without a slash at the end.
    pub base_url: String,
    /// Pin priority: the highest wins before versions are compared, and a negative one never by itself. Debian's are
    /// those of `apt_preferences(5)`: 500 normal, 100 backports, 1 experimental.
    pub pin: i32,
    /// What a pin of single packages may call the suite: `Codename` and `Suite` of its release file.
    pub names: Vec<String>,
    /// Host that the suite comes from, by which a pin may mean it too.
    pub host: String,
    /// What the spec would have to switch on for it to be used, such as `component contrib` or `suite
    /// trixie-backports`, in the form of [`crate::resolve::switches`]; empty for a source in use. Packages of a source
    /// that is off are never chosen: they are there so that a fix can propose it.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub switch: String,
}

impl IndexSource {
    /// The same with the pin of the repository at `place` (from 0) in an order of preference, where the first that has a
    /// package decides, whatever its version. Every pin is more than what must be asked for.
    #[must_use]
    pub fn in_order(self, place: usize) -> Self {
        let pin = i32::try_from(place).map_or(1, |place| (999 - place).max(1));
        Self { pin, ..self }
    }
}

impl fmt::Display for IndexSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{} {}", self.suite, self.component, self.arch)
    }
}
