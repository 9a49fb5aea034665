//! Requests, sources and pins.

use super::{System, error, warning};
use crate::model::Base;
use crate::report::{Finding, quote};
use crate::value::Node;

pub(super) fn rules(system: &System<'_>, found: &mut Vec<Finding>) {
    unpackaged(system, found);
    backports(system, found);
    for source in system.items(&["repositories", "sources"]) {
        signature(source, found);
    }
    for pin in system.items(&["repositories", "pins"]) {
        found.extend(pin_target(pin));
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

fn signature(source: &Node, found: &mut Vec<Finding>) {
    let unsigned = source.get("unsigned").and_then(Node::flag) == Some(true);
    match (source.get("signedBy"), unsigned) {
        (None, false) => {
            let message = "the source has no key that signs it";
            let reason = "without a signature everything it delivers can be forged on the way";
            let hint = "give the public key in `signedBy`, or accept the risk by name with `unsigned = true`";
            found.push(error("unsigned", source, message).reason(reason).hint(hint));
        }
        (Some(key), true) => {
            let message = "the source is `unsigned` and has a key";
            found.push(error("contradiction", key, message).hint("remove `unsigned`"));
        }
        (None, true) => {
            let message = "the source is not signed";
            let reason = "everything it delivers can be forged on the way";
            found.push(warning("unsigned", source, message).reason(reason));
        }
        (Some(_), false) => {}
    }
}

fn pin_target(pin: &Node) -> Option<Finding> {
    let message = match (pin.get("version").is_some(), pin.get("suite").is_some()) {
        (true, true) => "the pin names both a version and a suite",
        (false, false) => "the pin names neither a version nor a suite",
        _ => return None,
    };
    Some(error("missing", pin, message).hint("give exactly one of `version` and `suite`"))
}
