//! Requests, sources and pins.

use super::{System, error, warning};
use crate::model::Base;
use crate::report::{Finding, quote};
use crate::value::Node;

pub(super) fn rules(system: &System<'_>, found: &mut Vec<Finding>) {
    unpackaged(system, found);
    backports(system, found);
    acceptance(system, found);
    for source in system.items(&["repositories", "sources"]) {
        signature(source, found);
        local(source, found);
    }
    for node in system.items(&["repositories", "pins"]) {
        pin(node, found);
    }
}

fn unpackaged(system: &System<'_>, found: &mut Vec<Finding>) {
    let base = system.base().map_or("the base", Base::title);
    for (name, span) in &system.packages.unpackaged {
        let message = format!("{base} has no package for {}", quote(name));
        let hint = format!(
            "leave it out on this base; if a source of yours has a package of this name, write `{{ name = \"{name}\", native = true }}`"
        );
        let finding = Finding::error("not-packaged", *span, "", message);
        found.push(finding.reason("the table of package names says so").hint(hint));
    }
}

fn backports(system: &System<'_>, found: &mut Vec<Finding>) {
    if let Some((_, true)) = system.flag(&["repositories", "suites", "backports"]) {
        return;
    }
    for (request, span) in system.packages.requests.iter().zip(&system.packages.spans) {
        let Some(suite) = request.value.suite.as_deref().filter(|suite| suite.ends_with("-backports")) else {
            continue;
        };
        let message =
            format!("{} is asked for from `{suite}`, which is not used", quote(&request.value.name));
        let finding = Finding::error("incompatible", *span, "", message);
        found.push(finding.hint("set `repositories.suites.backports` to `true`"));
    }
}

/// Only Gentoo masks packages by keywords and licenses.
fn acceptance(system: &System<'_>, found: &mut Vec<Finding>) {
    let Some(base) = system.base().filter(|base| *base != Base::Gentoo) else { return };
    for field in ["keywords", "licenses"] {
        let Some(node) = system.at(&["repositories", field]).filter(|node| !node.items().is_empty()) else {
            continue;
        };
        let message = format!("`repositories.{field}` means nothing on `{}`", base.key());
        let reason = "only Gentoo masks packages by their keywords and licenses";
        found.push(error("incompatible", node, message).reason(reason).hint("remove it"));
    }
}

fn signature(source: &Node, found: &mut Vec<Finding>) {
    let unsigned = source.get("unsigned").and_then(Node::flag) == Some(true);
    let keys: Vec<&Node> = ["signedBy", "signedByFile"].iter().filter_map(|key| source.get(key)).collect();
    match (&keys[..], unsigned) {
        ([], false) => {
            let message = "the source has no key that signs it";
            let reason = "without a signature everything it delivers can be forged on the way";
            let hint = "give the public key in `signedBy`, or accept the risk by name with `unsigned = true`";
            found.push(error("unsigned", source, message).reason(reason).hint(hint));
        }
        ([key, ..], true) => {
            let message = "the source is `unsigned` and has a key";
            found.push(error("contradiction", key, message).hint("remove `unsigned`"));
        }
        ([], true) => {
            let message = "the source is not signed";
            let reason = "everything it delivers can be forged on the way";
            found.push(warning("unsigned", source, message).reason(reason));
            if source.get("system").and_then(Node::flag) != Some(false) {
                let message = "no finished system may trust a source that nobody signs";
                let hint = "set `system` of the source to `false`, so that only the build uses it";
                found.push(error("incompatible", source, message).reason(reason).hint(hint));
            }
        }
        ([_, second, ..], false) => {
            let message = "the source has two keys";
            found.push(error("contradiction", second, message).hint("give `signedBy` or `signedByFile`"));
        }
        ([_], false) => {}
    }
    if let Some(fingerprint) = source.get("fingerprint").filter(|_| keys.is_empty()) {
        let message = "there is no key that could have this fingerprint";
        found.push(error("missing", fingerprint, message).hint("give the key in `signedBy`"));
    }
}

/// A directory of the machine that builds is not there in the finished system.
fn local(source: &Node, found: &mut Vec<Finding>) {
    let Some(url) = source.get("url").filter(|url| url.text().is_some_and(|url| url.starts_with("file:")))
    else {
        return;
    };
    if source.get("system").and_then(Node::flag) != Some(false) {
        let message = "the finished system cannot reach a directory of the machine that builds";
        found.push(error("incompatible", url, message).hint("set `system` of the source to `false`"));
    }
}

fn pin(pin: &Node, found: &mut Vec<Finding>) {
    let all = pin.get("package").and_then(Node::text) == Some("*");
    let targets: Vec<&Node> = ["version", "suite", "host"].iter().filter_map(|key| pin.get(key)).collect();
    let hint = "give exactly one of `version`, `suite` and `host`";
    match &targets[..] {
        [] => found.push(error("missing", pin, "the pin names no version, suite or host").hint(hint)),
        [_] => {}
        _ => found.push(error("contradiction", pin, "the pin names more than one thing").hint(hint)),
    }
    if let (true, Some(version)) = (all, pin.get("version")) {
        let message = "a version cannot be pinned for all packages";
        found.push(
            error("incompatible", version, message).hint("name the packages, or pin a suite or a host"),
        );
    }
    if let Some(zero) = pin.get("priority").filter(|priority| priority.to_json() == 0) {
        let message = "0 is not a priority";
        let hint = "below 0 never, 100 only by name or for upgrades, 500 as usual, 990 preferred";
        found.push(error("invalid", zero, message).reason("apt refuses it").hint(hint));
    }
}
