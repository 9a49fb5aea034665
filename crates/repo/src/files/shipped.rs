//! Commands and libraries with the packages that ship them: what people mean when they ask for a package by such a name.
//!
//! The form: a first line that names it, then one line per name in their order: the name, a tab, and packages between
//! blanks.

use std::collections::{BTreeMap, HashMap};

/// The first line; goes up when lines mean something else.
const FORM: &[u8] = b"lbuild commands 1\n";

/// Directories of commands.
const COMMANDS: [&str; 7] =
    ["usr/bin", "bin", "usr/sbin", "sbin", "usr/games", "usr/local/bin", "usr/libexec"];
/// Directories of libraries, besides those of one architecture below them.
const LIBRARIES: [&str; 4] = ["usr/lib", "lib", "usr/lib64", "lib64"];

/// More packages than this ship a name that says nothing about any of them.
const MOST_PACKAGES: usize = 16;
/// Names that are kept; Debian has about 100,000.
const MOST_NAMES: usize = 2_000_000;

/// Gathers names from a list of files.
#[derive(Debug, Default)]
pub struct Builder {
    names: BTreeMap<String, Vec<usize>>,
    packages: Vec<String>,
    numbers: HashMap<String, usize>,
}

impl Builder {
    /// Takes a path of a package; all but commands and libraries are passed over.
    pub fn add(&mut self, path: &str, package: &str) {
        let Some(name) = name(path) else { return };
        if self.names.len() >= MOST_NAMES && !self.names.contains_key(name) {
            return;
        }
        let known = self.numbers.get(package).copied();
        let number = known.unwrap_or_else(|| {
            let number = self.packages.len();
            self.packages.push(package.to_owned());
            self.numbers.insert(package.to_owned(), number);
            number
        });
        let owners = self.names.entry(name.to_owned()).or_default();
        if owners.len() < MOST_PACKAGES && !owners.contains(&number) {
            owners.push(number);
        }
    }

    /// The bytes of the index.
    pub fn finish(self) -> Vec<u8> {
        let mut out = FORM.to_vec();
        for (name, owners) in &self.names {
            let owners: Vec<&str> =
                owners.iter().filter_map(|number| self.packages.get(*number).map(String::as_str)).collect();
            out.extend_from_slice(format!("{name}\t{}\n", owners.join(" ")).as_bytes());
        }
        out
    }
}

/// The name of a command or library, if the path is one.
fn name(path: &str) -> Option<&str> {
    let (directory, name) = path.trim_start_matches('/').rsplit_once('/')?;
    let is_command = COMMANDS.contains(&directory);
    let is_library = || {
        let of_arch = directory.rsplit_once('/').filter(|(_, last)| last.contains("-linux-"));
        let directory = of_arch.map_or(directory, |(above, _)| above);
        LIBRARIES.contains(&directory) && name.contains(".so")
    };
    let plain = !name.is_empty() && !name.contains(|c: char| c.is_whitespace() || c.is_control());
    (plain && (is_command || is_library())).then_some(name)
}

/// The index, ready to be asked.
#[derive(Debug)]
pub struct Shipped {
    text: Vec<u8>,
}

impl Shipped {
    /// Opens the bytes of a [`Builder`]; `None` when they are in another form.
    pub fn open(text: Vec<u8>) -> Option<Self> {
        text.starts_with(FORM).then_some(Self { text })
    }

    /// The packages that ship a command or library of this name, in the order of the lists.
    pub fn packages(&self, name: &str) -> Vec<&str> {
        let lines = &self.text[FORM.len()..];
        let (mut low, mut high) = (0, lines.len());
        while low < high {
            let middle = usize::midpoint(low, high);
            let start = lines[..middle].iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let length = lines[start..].iter().position(|byte| *byte == b'\n').unwrap_or(lines.len() - start);
            let line = std::str::from_utf8(&lines[start..start + length]).unwrap_or_default();
            let (known, packages) = line.split_once('\t').unwrap_or((line, ""));
            match known.cmp(name) {
                std::cmp::Ordering::Equal => {
                    return packages.split(' ').filter(|one| !one.is_empty()).collect();
                }
                std::cmp::Ordering::Less => low = start + length + 1,
                std::cmp::Ordering::Greater => high = start,
            }
        }
        Vec::new()
    }
}

#[cfg(test)]
mod tests {
    use super::{Builder, MOST_PACKAGES, Shipped};

    #[test]
    fn commands_and_libraries_are_found_by_name() {
        let mut builder = Builder::default();
        for (path, package) in [
            ("usr/bin/rg", "ripgrep"),
            ("/usr/bin/vi", "nvi"),
            ("bin/vi", "busybox"),
            ("usr/bin/vi", "nvi"),
            ("usr/lib/x86_64-linux-gnu/libz.so.1", "zlib1g"),
            ("usr/lib64/libz.so.1", "zlib"),
            ("usr/share/doc/rg", "other"),
            ("usr/lib/python3/x.so.1/y", "other"),
            ("sbin/ifconfig", "net-tools"),
            ("rg", "rootless"),
        ] {
            builder.add(path, package);
        }
        let shipped = Shipped::open(builder.finish()).expect("its own form");
        let packages = |name| shipped.packages(name);
        assert_eq!(packages("rg"), ["ripgrep"]);
        assert_eq!(packages("vi"), ["nvi", "busybox"]);
        assert_eq!(packages("libz.so.1"), ["zlib1g", "zlib"]);
        assert_eq!(packages("ifconfig"), ["net-tools"]);
        for name in ["", "r", "rgg", "zzz", "aaa", "y"] {
            assert!(packages(name).is_empty(), "{name}");
        }
        assert!(Shipped::open(b"other".to_vec()).is_none());
    }

    #[test]
    fn names_of_very_many_packages_are_cut_short() {
        let mut builder = Builder::default();
        (0..100).for_each(|number| builder.add("bin/x", &format!("p{number}")));
        let shipped = Shipped::open(builder.finish()).expect("its own form");
        assert_eq!(shipped.packages("x").len(), MOST_PACKAGES);
    }

    #[test]
    fn a_damaged_index_finds_nothing_and_ends() {
        let mut builder = Builder::default();
        (0..50).for_each(|number| builder.add(&format!("bin/c{number:02}"), "p"));
        let good = builder.finish();
        for at in super::FORM.len()..good.len() {
            let mut damaged = good.clone();
            damaged[at] = b'\n';
            let shipped = Shipped::open(damaged).expect("its form");
            (0..50).for_each(|number| drop(shipped.packages(&format!("c{number:02}"))));
        }
    }
}
