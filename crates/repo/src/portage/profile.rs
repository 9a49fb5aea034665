//! Profiles: what a kind of system always has and never takes (Package Manager Specification, chapter 5).
//!
//! A profile is a directory that builds on others. Of what they hold, a binary host's packages need little, because
//! flags were decided when they were built: the system set, the masks, and the names that packages had before.

use std::collections::BTreeMap;

use super::name::is_key;
use super::relation::{Atom, Blocker, RelationError};

/// Directories that one profile may build on; Gentoo's deepest has about 30.
const MAX_DIRECTORIES: usize = 256;
/// Directories on the way from a profile to its farthest ancestor.
const MAX_DEPTH: usize = 32;
/// Bytes of one file.
const MAX_FILE: usize = 16 << 20;

/// Why a profile cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ProfileError {
    /// There is no such directory, or it has neither parents nor files.
    #[error("there is no profile `{0}`")]
    Missing(String),
    /// More bytes, ancestors or generations than any honest profile has.
    #[error("profile `{0}` is too large")]
    TooLarge(String),
    /// A file is not UTF-8.
    #[error("`{0}` is not text")]
    NotText(String),
    /// A parent lies outside of the directory of profiles.
    #[error("profile `{profile}` has the impossible parent `{parent}`")]
    Parent {
        /// The profile.
        profile: String,
        /// What it names.
        parent: String,
    },
    /// A line is not what the file is made of.
    #[error("`{file}` has a bad line")]
    Line {
        /// The file.
        file: String,
        /// What is wrong.
        source: RelationError,
    },
    /// A line of a list of updates is neither `move` nor `slotmove`.
    #[error("`{0}` is no update of a name")]
    Update(String),
}

/// What a profile and all that it builds on say.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The system set, `@system`: atoms, in the order of the files.
    pub system: Vec<String>,
    /// Further packages that belong to the profile, `@profile`.
    pub packages: Vec<String>,
    /// Atoms that must not be installed.
    pub masks: Vec<String>,
    /// Exceptions from the masks.
    pub unmasks: Vec<String>,
    /// The directories, the farthest ancestors first.
    pub directories: Vec<String>,
}

/// Reads files below `profiles/`: path to content; `None` when there is none.
pub type Files<'f> = dyn FnMut(&str) -> Option<Vec<u8>> + 'f;

impl Profile {
    /// Reads a profile such as `default/linux/amd64/23.0/systemd`, with the masks of the whole repository.
    pub fn read(name: &str, files: &mut Files<'_>) -> Result<Self, ProfileError> {
        let mut profile = Self::default();
        if let Some(text) = file("", "package.mask", files)? {
            stack(&mut profile.masks, "package.mask", &text)?;
        }
        let place = below("", name)
            .filter(|place| !place.is_empty())
            .ok_or_else(|| ProfileError::Missing(shown(name)))?;
        profile.add(&place, 0, files)?;
        Ok(profile)
    }

    /// Adds a directory after those that it builds on.
    fn add(&mut self, place: &str, depth: usize, files: &mut Files<'_>) -> Result<(), ProfileError> {
        if depth > MAX_DEPTH || self.directories.len() >= MAX_DIRECTORIES {
            return Err(ProfileError::TooLarge(shown(place)));
        }
        let parents = file(place, "parent", files)?;
        for parent in parents.as_deref().map(lines).into_iter().flatten() {
            // `gentoo:default/linux` counts from the top of a repository's profiles.
            let target = match parent.split_once(':') {
                Some((_, path)) => below("", path),
                None => below(place, parent),
            };
            let target = target
                .filter(|target| target != place)
                .ok_or_else(|| ProfileError::Parent { profile: shown(place), parent: shown(parent) })?;
            self.add(&target, depth + 1, files)?;
        }
        let mut known = parents.is_some();
        for kind in ["packages", "package.mask", "package.unmask"] {
            let Some(text) = file(place, kind, files)? else { continue };
            known = true;
            let name = format!("{place}/{kind}");
            match kind {
                "packages" => self.add_packages(&name, &text)?,
                "package.mask" => stack(&mut self.masks, &name, &text)?,
                _ => stack(&mut self.unmasks, &name, &text)?,
            }
        }
        if !known && file(place, "eapi", files)?.is_none() && file(place, "make.defaults", files)?.is_none() {
            return Err(ProfileError::Missing(shown(place)));
        }
        self.directories.push(place.to_owned());
        Ok(())
    }

    /// `*atom` belongs to the system set, `atom` to the profile; `-` before takes it back.
    fn add_packages(&mut self, name: &str, text: &str) -> Result<(), ProfileError> {
        for line in lines(text) {
            let (removed, rest) = line.strip_prefix('-').map_or((false, line), |rest| (true, rest));
            let (set, atom) = match rest.strip_prefix('*') {
                Some(atom) => (&mut self.system, atom),
                None => (&mut self.packages, rest),
            };
            change(set, name, atom, removed)?;
        }
        Ok(())
    }

    /// Whether a mask of the profile means a package of this key, version, slot and sub-slot.
    pub fn masks(&self, key: &str, version: &str, slot: &str, sub_slot: &str) -> bool {
        let means = |text: &String| {
            Atom::parse(text).is_ok_and(|atom| {
                atom.key == key
                    && atom.bound.is_none_or(|bound| bound.accepts(version))
                    && atom.accepts_slot(slot, sub_slot)
            })
        };
        self.masks.iter().any(means) && !self.unmasks.iter().any(means)
    }
}

/// The packages that were renamed, old key to new, as the files of `profiles/updates/` say (`move`). A `slotmove` keeps
/// the name and is only checked. The files must come in the order of time.
pub fn moves<'t>(files: impl IntoIterator<Item = &'t str>) -> Result<BTreeMap<String, String>, ProfileError> {
    let mut moved: BTreeMap<String, String> = BTreeMap::new();
    for line in files.into_iter().flat_map(lines) {
        let words: Vec<&str> = line.split_ascii_whitespace().collect();
        match words[..] {
            ["move", old, new] if is_key(old) && is_key(new) && old != new => {
                for target in moved.values_mut().filter(|target| *target == old) {
                    new.clone_into(target);
                }
                moved.remove(new);
                moved.insert(old.to_owned(), new.to_owned());
            }
            ["slotmove", atom, _, _] if Atom::parse(atom).is_ok() => {}
            _ => return Err(ProfileError::Update(shown(line))),
        }
    }
    Ok(moved)
}

fn shown(text: &str) -> String {
    text.chars().take(200).collect::<String>().escape_debug().to_string()
}

/// The lines of a file without remarks and without empty ones.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines()
        .map(|line| line.split('#').next().unwrap_or_default().trim_ascii())
        .filter(|line| !line.is_empty())
}

fn file(place: &str, name: &str, files: &mut Files<'_>) -> Result<Option<String>, ProfileError> {
    let path = if place.is_empty() { name.to_owned() } else { format!("{place}/{name}") };
    let Some(bytes) = files(&path) else { return Ok(None) };
    if bytes.len() > MAX_FILE {
        return Err(ProfileError::TooLarge(shown(&path)));
    }
    String::from_utf8(bytes).map(Some).map_err(|_| ProfileError::NotText(shown(&path)))
}

/// Adds the lines of a file to a list; `-` before one takes it back.
fn stack(list: &mut Vec<String>, name: &str, text: &str) -> Result<(), ProfileError> {
    for line in lines(text) {
        let (removed, atom) = line.strip_prefix('-').map_or((false, line), |atom| (true, atom));
        change(list, name, atom, removed)?;
    }
    Ok(())
}

fn change(list: &mut Vec<String>, name: &str, atom: &str, removed: bool) -> Result<(), ProfileError> {
    let bad = |source| ProfileError::Line { file: shown(name), source };
    let parsed = Atom::parse(atom).map_err(bad)?;
    if parsed.blocker != Blocker::No {
        return Err(bad(RelationError::Form { reason: "a blocker has no place here" }));
    }
    list.retain(|other| other != atom);
    if !removed {
        list.push(atom.to_owned());
    }
    Ok(())
}

/// `path` as seen from the directory `place`, without `.` and `..`; `None` outside of the top directory.
fn below(place: &str, path: &str) -> Option<String> {
    if path.starts_with('/') || path.len() > 1024 {
        return None;
    }
    let mut parts: Vec<&str> = place.split('/').filter(|part| !part.is_empty()).collect();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => drop(parts.pop()?),
            part => parts.push(part),
        }
    }
    Some(parts.join("/"))
}

#[cfg(test)]
mod tests {
    use super::{Profile, ProfileError, below, moves};

    /// A few profiles: path to content.
    const TREE: &[(&str, &str)] = &[
        ("package.mask", "# A remark\n<dev-libs/old-2\napp-misc/broken\n"),
        ("base/packages", "*sys-apps/baselayout\n*app-shells/bash:0\napp-misc/extra # why\n"),
        ("base/package.mask", "dev-libs/risky\n"),
        ("default/linux/parent", "../../base\n"),
        ("default/linux/packages", "-*app-shells/bash:0\n*sys-apps/busybox\n"),
        ("default/linux/amd64/parent", "..\ngentoo:features/musl\n"),
        ("default/linux/amd64/package.unmask", "=dev-libs/risky-3\n"),
        ("features/musl/package.mask", "sys-libs/glibc\n-app-misc/broken\n"),
        ("loop/a/parent", "../b"),
        ("loop/b/parent", "../a"),
        ("self/parent", "."),
        ("up/parent", "../../.."),
        ("bad/packages", "*not an atom\n"),
        ("blocks/package.mask", "!a/b\n"),
        ("bare/eapi", "8\n"),
    ];

    fn read(name: &str) -> Result<Profile, ProfileError> {
        Profile::read(name, &mut |path| {
            TREE.iter().find(|(other, _)| *other == path).map(|(_, text)| text.as_bytes().to_vec())
        })
    }

    #[test]
    fn a_profile_stacks_on_its_parents() {
        let profile = read("default/linux/amd64").expect("a profile");
        assert_eq!(profile.system, ["sys-apps/baselayout", "sys-apps/busybox"]);
        assert_eq!(profile.packages, ["app-misc/extra"]);
        assert_eq!(profile.masks, ["<dev-libs/old-2", "dev-libs/risky", "sys-libs/glibc"]);
        assert_eq!(profile.directories, ["base", "default/linux", "features/musl", "default/linux/amd64"]);
        assert!(
            profile.masks("dev-libs/old", "1.9", "0", "0") && !profile.masks("dev-libs/old", "2", "0", "0")
        );
        assert!(
            profile.masks("dev-libs/risky", "2", "0", "0") && !profile.masks("dev-libs/risky", "3", "0", "0")
        );
        assert!(!profile.masks("app-misc/broken", "1", "0", "0"));
        assert!(read("bare").expect("a profile").system.is_empty());
    }

    #[test]
    fn bad_profiles_are_named() {
        assert!(matches!(read("none"), Err(ProfileError::Missing(name)) if name == "none"));
        assert!(matches!(read("../etc"), Err(ProfileError::Missing(_))));
        assert!(matches!(read(""), Err(ProfileError::Missing(_))));
        assert!(matches!(read("loop/a"), Err(ProfileError::TooLarge(_))));
        assert!(matches!(read("self"), Err(ProfileError::Parent { parent, .. }) if parent == "."));
        assert!(matches!(read("up"), Err(ProfileError::Parent { .. })));
        assert!(matches!(read("bad"), Err(ProfileError::Line { file, .. }) if file == "bad/packages"));
        assert!(matches!(read("blocks"), Err(ProfileError::Line { .. })));
        let wide = Profile::read("p0", &mut |path| {
            // Each has two parents, both the next: two to the power of the depth, were it not for the limit.
            let number: u32 = path.strip_prefix('p')?.strip_suffix("/parent")?.parse().ok()?;
            Some(format!("../p{0}\n../p{0}\n", number + 1).into_bytes())
        });
        assert!(matches!(wide, Err(ProfileError::TooLarge(_))));
        let huge = Profile::read("p", &mut |_| Some(vec![b'\n'; (16 << 20) + 1]));
        assert!(matches!(huge, Err(ProfileError::TooLarge(_))));
        assert!(matches!(Profile::read("p", &mut |_| Some(vec![0xff])), Err(ProfileError::NotText(_))));
    }

    #[test]
    fn names_that_changed() {
        let moved = moves(["move a/b c/d\n# x\n\nslotmove c/d 0 1\n", "move c/d e/f\nmove g/h a/b\n"])
            .expect("moves");
        let moved: Vec<(&str, &str)> = moved.iter().map(|(old, new)| (old.as_str(), new.as_str())).collect();
        assert_eq!(moved, [("c/d", "e/f"), ("g/h", "a/b")]);
        for bad in ["move a/b", "move a/b a/b", "move a b", "rename a/b c/d", "slotmove a 0 1"] {
            assert!(matches!(moves([bad]), Err(ProfileError::Update(line)) if line == bad));
        }
    }

    #[test]
    fn paths() {
        assert_eq!(below("a/b", "../c").as_deref(), Some("a/c"));
        assert_eq!(below("a", "../..").as_deref(), None);
        assert_eq!(below("a", "/c").as_deref(), None);
        assert_eq!(below("", "a//./b").as_deref(), Some("a/b"));
    }
}
