//! Base, init, kernel, services and settings.

use super::{System, error, warning};
use crate::model::{Base, Init};
use crate::report::{Finding, quote};
use crate::source::Span;
use crate::value::Node;

pub(super) fn rules(system: &System<'_>, found: &mut Vec<Finding>) {
    found.extend(base(system));
    found.extend(init(system));
    found.extend(kernel(system));
    found.extend(services(system));
    found.extend(locale(system));
    found.extend(swappiness(system));
}

fn base(system: &System<'_>) -> Option<Finding> {
    let Some(node) = system.at(&["base"]) else {
        let start = Span::new(system.tree.span.start, system.tree.span.start);
        return Some(
            Finding::error("missing", start, "", "the key `base` is missing")
                .reason("every layer of the system comes from one distribution")
                .hint("add it, for example `base = \"debian\"`"),
        );
    };
    (system.base() == Some(Base::Gentoo)).then(|| {
        warning("slow-base", node, "Gentoo compiles packages, so this build takes hours")
            .hint("prefer binary packages, and keep the list of packages short")
    })
}

fn init(system: &System<'_>) -> Option<Finding> {
    let (node, text) = system.text(&["init"])?;
    let init: Init = serde_json::from_value(node.to_json()).ok()?;
    let base = system.base()?;
    if base.inits().contains(&init) {
        return None;
    }
    let offered =
        base.inits().iter().map(|init| format!("`{}`", word(*init))).collect::<Vec<_>>().join(" and ");
    Some(
        error("incompatible", node, format!("`init` cannot be `{text}` on `{}`", base.key()))
            .reason(format!("the packages of `{}` are made for {offered}", base.key()))
            .hint(format!("set `init` to {offered}, or remove it")),
    )
}

const fn word(init: Init) -> &'static str {
    match init {
        Init::Systemd => "systemd",
        Init::Openrc => "openrc",
        Init::Runit => "runit",
        Init::S6 => "s6",
    }
}

fn kernel(system: &System<'_>) -> Option<Finding> {
    let (node, flavor) = system.text(&["kernel", "flavor"])?;
    let boots = system.has_output(&["iso", "disk"]);
    (flavor == "none" && boots).then(|| {
        error("incompatible", node, "`kernel.flavor` is `none`, but `outputs` has an image that boots")
            .reason("an `iso` or `disk` image needs a kernel")
            .hint("remove `flavor`, or make only `oci` and `rootfs`")
    })
}

/// The unit that a service name means.
fn unit(text: &str) -> &str {
    text.strip_suffix(".service").unwrap_or(text)
}

fn services(system: &System<'_>) -> Vec<Finding> {
    let disabled = system.items(&["services", "disable"]);
    let enabled = [["services", "enable"], ["postInstall", "services"]];
    let clash = |item: &Node| {
        let name = item.text()?;
        let other = disabled.iter().find(|other| other.text().map(unit) == Some(unit(name)))?;
        // A higher layer decides; only one layer saying both is a contradiction.
        (other.layer == item.layer).then(|| {
            error("contradiction", item, format!("{} is both enabled and disabled", quote(name)))
                .hint("remove it from one of the two lists")
        })
    };
    enabled.iter().flat_map(|path| system.items(path)).filter_map(clash).collect()
}

fn locale(system: &System<'_>) -> Option<Finding> {
    let (node, text) = system.text(&["locale"])?;
    let charset = crate::rules::locale_charset(text)?;
    let utf8 = charset == "UTF-8" || matches!(text, "C" | "POSIX");
    (!utf8).then(|| {
        warning("legacy-locale", node, format!("{} is not a UTF-8 locale", quote(text)))
            .reason("many programs of today expect UTF-8")
            .hint(format!(
                "use `{}.UTF-8` unless you need the old character set",
                text.split(['.', '@']).next().unwrap_or(text)
            ))
    })
}

fn swappiness(system: &System<'_>) -> Option<Finding> {
    let node = system.at(&["defaults", "swappiness"])?;
    let tuned = system.at(&["postInstall", "systemTuning", "vm.swappiness"])?;
    (tuned.text() != Some(node.to_json().to_string().as_str())).then(|| {
        error("contradiction", tuned, "`vm.swappiness` is set here and by `defaults.swappiness`")
            .hint("keep one of the two")
    })
}
