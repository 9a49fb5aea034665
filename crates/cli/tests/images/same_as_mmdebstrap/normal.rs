//! Takes out of a tree what depends on nothing but the order in which packages were configured, and on compression.
//!
//! Debian defines that order only as far as dependencies go, and numbers of system accounts are given in that order. A
//! system in layers configures the lower layer first; apt has an order of its own. So accounts are compared by name:
//! every owner must be the account of the same name, with the same properties, whatever its number.

use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::{MetadataExt as _, lchown};
use std::path::{Path, PathBuf};

use super::cpio;

/// Numbers that are given on demand (Debian policy, 9.2.2); all others are fixed.
const DYNAMIC: std::ops::RangeInclusive<u32> = 100..=999;

/// First of the numbers that stand for those.
const FIRST: u32 = 10_000;

/// Databases of accounts: their lines are in the order of creation.
const ACCOUNTS: [&str; 4] = ["etc/passwd", "etc/group", "etc/shadow", "etc/gshadow"];

/// Lists to which each package adds its lines as its turn comes; nobody reads an order into them.
const UNORDERED: [&str; 4] = [
    "var/lib/dpkg/triggers/File",
    "var/lib/dpkg/statoverride",
    "var/lib/ucf/registry",
    "var/lib/ucf/hashfile",
];

/// Old numbers and the ones that stand for them.
type Numbers = BTreeMap<u32, u32>;

/// Makes two trees comparable; each is changed in the same way.
pub fn normalize(root: &Path) {
    let (users, groups) = (numbers(&root.join("etc/passwd")), numbers(&root.join("etc/group")));
    own(root, &users, &groups);
    for name in ACCOUNTS {
        let columns: &[(usize, &Numbers)] = match name {
            "etc/passwd" => &[(2, &users), (3, &groups)],
            "etc/group" => &[(2, &groups)],
            _ => &[],
        };
        rewrite(&root.join(name), |line| renumber(line, columns));
    }
    for name in UNORDERED {
        rewrite(&root.join(name), str::to_owned);
    }
    for image in initramfs(root) {
        let contents = cpio::read(&image);
        fs::remove_file(&image).expect("an initramfs to replace");
        contents.write(&image);
    }
}

/// The number of each account that has one on demand, by the order of their names.
fn numbers(path: &Path) -> Numbers {
    let text = fs::read_to_string(path).expect("a database of accounts");
    let accounts = text.lines().filter_map(|line| {
        let mut fields = line.split(':');
        let name = fields.next()?.to_owned();
        let number: u32 = fields.nth(1)?.parse().ok()?;
        DYNAMIC.contains(&number).then_some((name, number))
    });
    let accounts: BTreeMap<String, u32> = accounts.collect();
    accounts.values().copied().zip(FIRST..).collect()
}

fn own(path: &Path, users: &Numbers, groups: &Numbers) {
    let metadata = fs::symlink_metadata(path).expect("an entry");
    let (user, group) = (metadata.uid(), metadata.gid());
    let owner = (users.get(&user).copied().unwrap_or(user), groups.get(&group).copied().unwrap_or(group));
    if owner != (user, group) {
        // A change of owner takes the special bits and the capabilities away; both are compared.
        let capability = xattr(path);
        lchown(path, Some(owner.0), Some(owner.1)).expect("the owner");
        if !metadata.is_symlink() {
            fs::set_permissions(path, metadata.permissions()).expect("the mode");
        }
        if let Some(value) = capability {
            rustix::fs::lsetxattr(path, CAPABILITY, &value, rustix::fs::XattrFlags::empty())
                .expect("the capability");
        }
    }
    if metadata.is_dir() {
        for entry in fs::read_dir(path).expect("a directory") {
            own(&entry.expect("an entry").path(), users, groups);
        }
    }
}

const CAPABILITY: &str = "security.capability";

fn xattr(path: &Path) -> Option<Vec<u8>> {
    let mut value = vec![0; 256];
    let length = rustix::fs::lgetxattr(path, CAPABILITY, &mut value).ok()?;
    value.truncate(length);
    Some(value)
}

fn renumber(line: &str, columns: &[(usize, &Numbers)]) -> String {
    let mut fields: Vec<String> = line.split(':').map(str::to_owned).collect();
    for (column, numbers) in columns {
        let field = &mut fields[*column];
        let number = field.parse().ok().and_then(|number: u32| numbers.get(&number));
        if let Some(number) = number {
            *field = number.to_string();
        }
    }
    fields.join(":")
}

/// Sorts the lines of a file after changing each; its owner and mode stay.
fn rewrite(path: &Path, change: impl Fn(&str) -> String) {
    let Ok(text) = fs::read_to_string(path) else { return };
    let mut lines: Vec<String> = text.lines().map(change).collect();
    lines.sort();
    fs::write(path, lines.join("\n") + "\n").expect("a file to sort");
}

fn initramfs(root: &Path) -> Vec<PathBuf> {
    let entries =
        fs::read_dir(root.join("boot")).expect("`/boot`").map(|entry| entry.expect("an entry").path());
    let image = |path: &PathBuf| {
        path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("initrd.img-"))
    };
    entries.filter(image).collect()
}
