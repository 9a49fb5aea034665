//! Where this process's control groups are, on hosts with version 1, version 2 or both.

use std::path::{Path, PathBuf};

/// One hierarchy of control groups.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Hierarchy {
    /// Controllers of version 1; empty for version 2.
    pub(crate) controllers: Vec<String>,
    /// The directory of this process's own group.
    pub(crate) own: PathBuf,
    /// Where the hierarchy is mounted.
    pub(crate) mount: PathBuf,
}

impl Hierarchy {
    pub(crate) fn is_v2(&self) -> bool {
        self.controllers.is_empty()
    }
}

/// The hierarchies that `/proc/self/cgroup` and `/proc/self/mountinfo` name. Named hierarchies without a controller
/// are left out.
pub(crate) fn hierarchies(cgroup: &str, mountinfo: &str) -> Vec<Hierarchy> {
    let mounts: Vec<Mounted<'_>> = mountinfo.lines().filter_map(Mounted::parse).collect();
    cgroup.lines().filter_map(|line| hierarchy(line, &mounts)).collect()
}

fn hierarchy(line: &str, mounts: &[Mounted<'_>]) -> Option<Hierarchy> {
    let mut fields = line.splitn(3, ':').skip(1);
    let (controllers, path) = (fields.next()?, fields.next()?);
    if controllers.starts_with("name=") {
        return None;
    }
    let mount = mounts.iter().find(|mount| mount.holds(controllers))?;
    let below = Path::new(path).strip_prefix(mount.root).ok()?;
    let controllers = controllers.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect();
    Some(Hierarchy { controllers, own: Path::new(mount.point).join(below), mount: mount.point.into() })
}

/// A line of `mountinfo` about a hierarchy.
struct Mounted<'a> {
    root: &'a str,
    point: &'a str,
    v2: bool,
    options: &'a str,
}

impl<'a> Mounted<'a> {
    fn parse(line: &'a str) -> Option<Self> {
        let (before, after) = line.split_once(" - ")?;
        let mut before = before.split(' ').skip(3);
        let mut after = after.split(' ');
        let (root, point) = (before.next()?, before.next()?);
        let kind = after.next()?;
        let options = after.nth(1)?;
        matches!(kind, "cgroup" | "cgroup2").then_some(Self { root, point, v2: kind == "cgroup2", options })
    }

    /// Whether this is the hierarchy with these controllers, as `/proc/self/cgroup` writes them.
    fn holds(&self, controllers: &str) -> bool {
        if controllers.is_empty() {
            return self.v2;
        }
        !self.v2 && controllers.split(',').all(|name| self.options.split(',').any(|option| option == name))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_hybrid_host_has_both_versions() {
        let cgroup = "9:name=systemd:/\n8:pids:/\n4:memory:/jobs/one\n2:cpu,cpuacct:/\n0::/session\n";
        let mountinfo = "\
            30 29 0:25 / /sys/fs/cgroup rw - tmpfs tmpfs rw,mode=755\n\
            31 30 0:26 / /sys/fs/cgroup/cpu,cpuacct rw,relatime - cgroup cgroup rw,cpu,cpuacct\n\
            32 30 0:27 / /sys/fs/cgroup/memory rw,relatime - cgroup cgroup rw,memory\n\
            33 30 0:28 / /sys/fs/cgroup/pids rw,relatime - cgroup cgroup rw,pids\n\
            34 30 0:29 / /sys/fs/cgroup/unified rw,relatime - cgroup2 cgroup2 rw\n";
        let found: Vec<_> = hierarchies(cgroup, mountinfo)
            .into_iter()
            .map(|found| (found.controllers.join(","), found.own))
            .collect();
        let expected = [
            ("pids", "/sys/fs/cgroup/pids"),
            ("memory", "/sys/fs/cgroup/memory/jobs/one"),
            ("cpu,cpuacct", "/sys/fs/cgroup/cpu,cpuacct"),
            ("", "/sys/fs/cgroup/unified/session"),
        ];
        assert_eq!(found, expected.map(|(name, path)| (name.to_owned(), PathBuf::from(path))));
    }

    #[test]
    fn a_group_seen_from_a_container_is_relative_to_what_is_mounted() {
        let mountinfo = "34 30 0:29 /docker/abc /sys/fs/cgroup rw,relatime - cgroup2 cgroup rw\n";
        let found = hierarchies("0::/docker/abc/inner\n", mountinfo);
        assert_eq!(found[0].own, Path::new("/sys/fs/cgroup/inner"));
        assert!(found[0].is_v2());
        assert_eq!(hierarchies("0::/elsewhere\n", mountinfo), []);
    }
}
