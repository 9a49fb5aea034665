//! File systems, partitions and backups.

use super::{System, error, warning};
use crate::model::Base;
use crate::report::Finding;
use crate::value::Node;

pub(super) fn rules(system: &System<'_>, found: &mut Vec<Finding>) {
    disk_only(system, found);
    found.extend(zfs(system));
    found.extend(snapshots(system));
    found.extend(squashfs(system));
    partitions(system, found);
    raid(system, found);
    found.extend(backup(system));
}

fn disk_only(system: &System<'_>, found: &mut Vec<Finding>) {
    if system.has_output(&["disk"]) {
        return;
    }
    for key in ["root", "encryption", "snapshots", "partitions", "lvm", "raid"] {
        if let Some(node) = system.at(&["filesystem", key]) {
            let message = format!("`filesystem.{key}` has no effect without a disk image");
            let reason = "the other outputs bring no file system of their own that it could apply to";
            found.push(
                warning("no-effect", node, message)
                    .reason(reason)
                    .hint("add `disk` to `outputs`, or remove it"),
            );
        }
    }
}

fn zfs(system: &System<'_>) -> Option<Finding> {
    let (node, root) = system.text(&["filesystem", "root"])?;
    (root == "zfs" && system.base() == Some(Base::Alpine)).then(|| {
        warning("fragile", node, "ZFS on Alpine follows its own kernel packages")
            .reason("an update of the kernel can arrive before the matching ZFS module")
            .hint("prefer `ext4` or `btrfs`, or pin the kernel")
    })
}

fn snapshots(system: &System<'_>) -> Option<Finding> {
    let (node, enabled) = system.flag(&["filesystem", "snapshots", "enable"])?;
    let root = system.text(&["filesystem", "root"]).map_or("ext4", |(_, root)| root);
    let lvm = system.flag(&["filesystem", "lvm", "enable"]).is_some_and(|(_, lvm)| lvm);
    (enabled && !lvm && !matches!(root, "btrfs" | "zfs")).then(|| {
        error("incompatible", node, format!("`{root}` cannot take snapshots"))
            .reason("snapshots need a file system that copies on write, or logical volumes")
            .hint("set `filesystem.root` to `btrfs`, or enable `filesystem.lvm`")
    })
}

fn squashfs(system: &System<'_>) -> Option<Finding> {
    let (node, text) = system.text(&["filesystem", "compression"])?;
    let unknown = text.starts_with("none");
    (unknown && system.has_output(&["iso"])).then(|| {
        warning("large", node, "the ISO will hold the system without compression")
            .hint("use `zstd` for speed or `xz` for size")
    })
}

fn partitions(system: &System<'_>, found: &mut Vec<Finding>) {
    let partitions = system.items(&["filesystem", "partitions"]);
    let mount = |node: &Node| node.get("mount").and_then(Node::text).map(str::to_owned);
    if !partitions.is_empty() && !partitions.iter().any(|node| mount(node).as_deref() == Some("/")) {
        let node = system.at(&["filesystem", "partitions"]).unwrap_or(&partitions[0]);
        found.push(
            error("missing", node, "no partition is mounted at `/`").hint("add one with `mount = \"/\"`"),
        );
    }
    let rest = partitions.iter().filter(|node| node.get("size").and_then(Node::text) == Some("rest"));
    for node in rest.skip(1) {
        found.push(error("duplicate", node, "only one partition can have the rest of the disk"));
    }
}

fn raid(system: &System<'_>, found: &mut Vec<Finding>) {
    let number = |key: &str| system.at(&["filesystem", "raid", key]).and_then(|node| node.to_json().as_u64());
    let (Some(level), Some(devices)) = (number("level"), number("devices")) else { return };
    let least = match level {
        5 => 3,
        6 | 10 => 4,
        _ => 2,
    };
    if let Some(node) = system.at(&["filesystem", "raid", "devices"]).filter(|_| devices < least) {
        let message = format!("RAID {level} needs at least {least} disks");
        found.push(error("incompatible", node, message));
    }
}

fn backup(system: &System<'_>) -> Option<Finding> {
    let node = system.at(&["backup", "tool"])?;
    system.items(&["backup", "destinations"]).is_empty().then(|| {
        error("missing", node, "a backup needs a destination").hint("add it to `backup.destinations`")
    })
}
