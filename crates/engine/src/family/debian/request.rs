//! From a blueprint to what the resolver is asked: the system's base set, the system, and the tools.

use lbuild_image::{iso, squashfs};
use lbuild_repo::resolve::{Priority, Request, Wanted};
use lbuild_spec::model::{Init, Output};
use lbuild_spec::{Blueprint, Tier};

use super::data::Distro;
use crate::error::ResolveError;
use crate::family::{Cause, asked, kernel_flavor, plain};

/// The requests of one image.
#[derive(Debug, Clone)]
pub(crate) struct Requests {
    /// The kernel and what its initramfs is made of; `None` without a kernel.
    pub(crate) core: Option<Request>,
    /// The base set alone.
    pub(crate) base: Request,
    /// The whole system.
    pub(crate) system: Request,
    /// Where each of `system.packages` comes from.
    pub(crate) causes: Vec<Cause>,
    /// The tools that pack it.
    pub(crate) tools: Request,
    /// The tools that boot it.
    pub(crate) boot: Request,
}

/// Asks for what a blueprint needs.
pub(crate) fn requests(distro: &Distro, blueprint: &Blueprint) -> Result<Requests, ResolveError> {
    let arch = architecture(distro, blueprint)?;
    let mut wanted: Vec<(Cause, Wanted)> = Vec::new();
    for name in needed(distro, blueprint, &arch)? {
        wanted.push((Cause::Field(name.1), plain(&name.0)));
    }
    for tier in [Tier::Base, Tier::Added] {
        let of_tier = blueprint.packages.iter().enumerate().filter(|(_, package)| package.value.tier == tier);
        wanted.extend(of_tier.map(|(index, package)| (Cause::Spec(index), asked(&package.value))));
    }
    let base_count = wanted.len() - blueprint.packages.iter().filter(|p| p.value.tier == Tier::Added).count();
    let (causes, packages): (Vec<_>, Vec<_>) = wanted.into_iter().unzip();
    let system = Request {
        packages,
        remove: blueprint.remove.iter().map(|name| name.value.clone()).collect(),
        recommends: blueprint.repositories.recommends,
        priority: threshold(blueprint.repositories.priority),
        essential: true,
        pins: super::pins(blueprint),
        ..Request::new(&arch)
    };
    let mut base = system.clone();
    base.packages.truncate(base_count);
    let boots = core(distro, blueprint, &arch)?;
    let core = Request {
        packages: boots.iter().map(|name| plain(name)).collect(),
        priority: None,
        ..system.clone()
    };
    let core = (!boots.is_empty()).then_some(core);
    Ok(Requests {
        tools: closure_of(&arch, &tools(blueprint, core.is_some())),
        core,
        base,
        system,
        causes,
        boot: if blueprint.outputs.contains(&Output::Iso) {
            boot_request(&arch)
        } else {
            closure_of(&arch, &[])
        },
    })
}

/// Debian's name of the architecture.
pub(crate) fn architecture(distro: &Distro, blueprint: &Blueprint) -> Result<String, ResolveError> {
    distro.architecture(blueprint.architecture)
}

/// The kernel and what brings the scripts of its initramfs.
fn core(distro: &Distro, blueprint: &Blueprint, arch: &str) -> Result<Vec<String>, ResolveError> {
    let live = blueprint.outputs.contains(&Output::Iso);
    let Some(kernel) = kernel(distro, blueprint, arch, live)? else { return Ok(Vec::new()) };
    let scripts = distro.live_packages(blueprint.release.as_deref()).filter(|_| live);
    Ok([kernel].into_iter().chain(scripts.cloned()).collect())
}

/// Packages of the tools that make the images, and the one that compresses an initramfs.
fn tools(blueprint: &Blueprint, kernel: bool) -> Vec<&'static str> {
    let live = blueprint.outputs.contains(&Output::Iso);
    let images = squashfs::TOOL_PACKAGES.iter().chain(iso::TOOL_PACKAGES);
    let images = images.copied().filter(|_| live);
    images.chain(kernel.then_some("zstd")).collect()
}

/// Asks for the tools that boot an image.
pub(crate) fn boot_request(arch: &str) -> Request {
    closure_of(arch, crate::boot::PACKAGES)
}

/// Packages and what they depend on, without a base set.
fn closure_of(arch: &str, names: &[&str]) -> Request {
    Request { packages: names.iter().map(|name| plain(name)).collect(), ..Request::new(arch) }
}

/// Packages that the image needs by its own fields, each with the field.
fn needed(
    distro: &Distro,
    blueprint: &Blueprint,
    arch: &str,
) -> Result<Vec<(String, &'static str)>, ResolveError> {
    let mut names = Vec::new();
    let live = blueprint.outputs.contains(&Output::Iso);
    if let Some(kernel) = kernel(distro, blueprint, arch, live)? {
        names.push((kernel, "/kernel"));
        let init = distro.init.get(init_key(blueprint.init)).into_iter().flatten();
        names.extend(init.map(|name| (name.clone(), "/init")));
    }
    if live {
        let packages = distro.live_packages(blueprint.release.as_deref());
        names.extend(packages.map(|name| (name.clone(), "/outputs")));
    }
    if blueprint.security_features.ssh.enable == Some(true) {
        names.push(("openssh-server".to_owned(), "/securityFeatures/ssh"));
    }
    if !blueprint.locale.starts_with("C.") && blueprint.locale != "C" && blueprint.locale != "POSIX" {
        names.push(("locales".to_owned(), "/locale"));
    }
    if blueprint.users.iter().any(|user| user.value.sudo) {
        names.push(("sudo".to_owned(), "/users"));
    }
    if blueprint.sets("/keyboard") {
        names.push(("console-setup".to_owned(), "/keyboard"));
    }
    let configured = crate::configure::packages(blueprint);
    names.extend(configured.into_iter().map(|(name, field)| (name.to_owned(), field)));
    Ok(names)
}

fn init_key(init: Init) -> &'static str {
    match init {
        Init::Systemd => "systemd",
        Init::Openrc => "openrc",
        Init::Runit => "runit",
        Init::S6 => "s6",
    }
}

/// The kernel package; none when nothing has to boot and none was asked for.
fn kernel(
    distro: &Distro,
    blueprint: &Blueprint,
    arch: &str,
    boots: bool,
) -> Result<Option<String>, ResolveError> {
    let Some(flavor) = kernel_flavor(blueprint, boots) else { return Ok(None) };
    let known = distro.kernels.get(arch);
    let found = known
        .and_then(|flavors| flavors.get(flavor).or_else(|| (flavor == arch).then(|| &flavors["default"])));
    found.cloned().map(Some).ok_or_else(|| ResolveError::Choice {
        what: flavor.to_owned(),
        kind: "kernel flavor",
        base: distro.name.clone(),
        known: known.map(|flavors| flavors.keys().cloned().collect()).unwrap_or_default(),
    })
}

fn threshold(priority: lbuild_spec::model::Priority) -> Option<Priority> {
    use lbuild_spec::model::Priority as Asked;
    match priority {
        Asked::Essential => None,
        Asked::Required => Some(Priority::Required),
        Asked::Important => Some(Priority::Important),
        Asked::Standard => Some(Priority::Standard),
    }
}
