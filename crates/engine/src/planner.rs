//! From a lock and a blueprint to a plan.

use std::path::Path;

use lbuild_spec::Blueprint;
use lbuild_spec::blueprint::Content;
use lbuild_spec::model::Output;
use lbuild_store::{Cancel, Digest, Store};

use crate::beside;
use crate::configure::{Action, Owner};
use crate::error::BuildError;
use crate::lock::{Lock, LockedPackage, Tier};
use crate::plan::{Plan, PlannedStep, Step};
use crate::step::Inputs;

/// A plan and the actions that its steps carry out.
#[derive(Debug, Clone)]
pub(crate) struct Planned {
    pub(crate) plan: Plan,
    pub(crate) configure: Vec<(String, Vec<Action>)>,
    pub(crate) files: Vec<(String, Vec<Action>)>,
}

/// Plans a build; `store` takes the overlay files that lie beside the spec.
pub(crate) fn plan(
    blueprint: &Blueprint,
    lock: &Lock,
    spec_dir: &Path,
    boot_check: bool,
    store: &Store,
    cancel: &Cancel,
) -> Result<Planned, BuildError> {
    let configure = crate::configure::system(blueprint, lock);
    let files = files(blueprint, spec_dir, store, cancel)?;
    let mut draft = Draft { lock, steps: Vec::new() };
    let in_tree = blueprint.outputs.iter().any(|output| matches!(output, Output::Rootfs | Output::Oci));
    draft.trees(&configure, &files, in_tree);
    draft.images(blueprint);
    if boot_check && blueprint.outputs.contains(&Output::Iso) {
        draft.packages(Step::BootTools, lock.boot.iter(), &[]);
        draft.step(Step::BootCheck, 1, |inputs| inputs, &[Step::Iso, Step::BootTools], &[]);
    }
    Ok(Planned { plan: Plan { steps: draft.steps }, configure, files })
}

/// Plans the trees that are made of packages alone, and nothing else.
pub(crate) fn package_trees(lock: &Lock) -> Plan {
    let mut draft = Draft { lock, steps: Vec::new() };
    draft.trees(&[], &[], false);
    let of_packages = |step| matches!(step, Step::Tools | Step::Core | Step::Base | Step::Packages);
    draft.steps.retain(|planned| of_packages(planned.step));
    Plan { steps: draft.steps }
}

/// Plans the tools that boot an image, and nothing else.
pub(crate) fn boot_tools(lock: &Lock) -> Plan {
    let mut draft = Draft { lock, steps: Vec::new() };
    draft.packages(Step::BootTools, lock.boot.iter(), &[]);
    Plan { steps: draft.steps }
}

struct Draft<'a> {
    lock: &'a Lock,
    steps: Vec<PlannedStep>,
}

impl Draft<'_> {
    fn step(
        &mut self,
        step: Step,
        revision: u32,
        inputs: impl FnOnce(Inputs) -> Inputs,
        reads: &[Step],
        after: &[Step],
    ) {
        let planned = |steps: &[Step]| {
            let has = |step: &&Step| self.steps.iter().any(|planned| planned.step == **step);
            steps.iter().filter(has).copied().collect()
        };
        let (reads, after) = (planned(reads), planned(after));
        let inputs = inputs(Inputs::of(step.record(), revision));
        self.steps.push(PlannedStep { step, inputs, reads, after });
    }

    fn packages<'p>(
        &mut self,
        step: Step,
        packages: impl Iterator<Item = &'p LockedPackage>,
        reads: &[Step],
    ) {
        let epoch = self.lock.epoch;
        let add = |inputs: Inputs| {
            packages.fold(inputs, |inputs, package| {
                let label = format!("package {}:{}", package.name, package.arch);
                inputs.described(label, package.sha256, &package.version)
            })
        };
        // Tools keep the times of their archives, and nothing runs in them while they are unpacked.
        let dated = !matches!(step, Step::Tools | Step::BootTools);
        let stamp = |inputs: Inputs| if dated { inputs.text("epoch", epoch.to_string()) } else { inputs };
        // Revision 2 of a system's layer tells which programs have more rights than their caller.
        let revision = if dated { 2 } else { 1 };
        self.step(step, revision, |inputs| add(stamp(inputs)), reads, &[]);
    }

    /// With `in_tree`, the initramfs becomes part of the tree.
    fn trees(&mut self, configure: &[(String, Vec<Action>)], files: &[(String, Vec<Action>)], in_tree: bool) {
        let lock = self.lock;
        let of = |tier| lock.system.iter().filter(move |package| package.tier == tier);
        if !lock.tools.is_empty() {
            self.packages(Step::Tools, lock.tools.iter(), &[]);
        }
        let tiers = [(Step::Core, Tier::Core), (Step::Base, Tier::Base), (Step::Packages, Tier::Added)];
        for (step, tier) in tiers.into_iter().filter(|(_, tier)| of(*tier).next().is_some()) {
            self.packages(step, of(tier), &[Step::Core, Step::Base]);
            if step == Step::Core && lock.has_kernel() {
                self.initramfs(Step::CoreInputs, &[Step::Core], Step::CoreInitramfs);
            }
        }
        let packages = [Step::Core, Step::Base, Step::Packages];
        self.step(Step::Configure, 1, |inputs| actions(inputs, configure), &packages, &[]);
        if !files.is_empty() {
            self.step(Step::Files, 1, |inputs| actions(inputs, files), &[Step::Configure], &[]);
        }
        if lock.has_kernel() {
            self.initramfs(Step::InitramfsInputs, &[Step::Files, Step::Configure], Step::Initramfs);
            let below = [Step::Initramfs, Step::Files, Step::Configure];
            // A live medium has the initramfs beside its file system.
            if in_tree {
                self.step(Step::BootFiles, 1, |inputs| inputs, &below, &[]);
            }
        }
    }

    /// The initramfs is keyed by its inputs, whichever layers they were found in.
    fn initramfs(&mut self, inputs: Step, layers: &[Step], generate: Step) {
        self.step(inputs, 1, |inputs| inputs, layers, &[]);
        let lock = self.lock;
        let tool = lock.tools.iter().find(|tool| tool.name == "zstd");
        let tool = tool.map_or_else(|| "of the system".to_owned(), |tool| tool.version.clone());
        let epoch = lock.epoch.to_string();
        let named = |inputs: Inputs| inputs.text("compressor", tool).text("epoch", epoch);
        self.step(generate, 2, named, &[inputs], &[Step::Tools, Step::CoreInitramfs]);
    }

    fn images(&mut self, blueprint: &Blueprint) {
        let tree = [Step::Files, Step::Configure, Step::BootFiles];
        let iso = blueprint.outputs.contains(&Output::Iso);
        if iso {
            let compression = format!("{:?}", blueprint.filesystem.compression);
            let named = |inputs: Inputs| inputs.text("compression", compression);
            self.dated(Step::Squashfs, named, &[Step::Files, Step::Configure, Step::Tools]);
        }
        // Writing the ISO leaves a processor free; compressing does not, and the ISO waits for it.
        self.step(Step::Hygiene, 2, |inputs| inputs, &tree, &[Step::Squashfs]);
        if iso {
            self.iso(blueprint);
        }
        let rootfs = blueprint.outputs.contains(&Output::Rootfs);
        let oci = blueprint.outputs.contains(&Output::Oci);
        if rootfs || oci {
            self.step(Step::Rootfs, 1, |inputs| inputs, &tree, &[]);
        }
        if oci {
            let name = self.lock.name.clone();
            self.dated(Step::Oci, |inputs| inputs.text("name", name), &[Step::Rootfs]);
        }
    }

    fn iso(&mut self, blueprint: &Blueprint) {
        let identity = self.lock.seed();
        self.dated(Step::BootLoaders, |inputs| inputs.digest("identity", identity), &[Step::Tools]);
        let (parameters, name) = (blueprint.kernel.parameters.join(" "), self.lock.name.clone());
        let named = |inputs: Inputs| inputs.text("kernel parameters", parameters).text("name", name);
        let reads = [Step::Squashfs, Step::Initramfs, Step::BootLoaders, Step::Tools, Step::Core];
        self.dated(Step::Iso, |inputs| named(inputs).digest("identity", identity), &reads);
    }

    /// A step that writes the time of the system into what it makes.
    fn dated(&mut self, step: Step, inputs: impl FnOnce(Inputs) -> Inputs, reads: &[Step]) {
        let epoch = self.lock.epoch.to_string();
        self.step(step, 1, |own| inputs(own.text("epoch", epoch)), reads, &[]);
    }
}

/// Each group of actions as one input, so that an explanation names the concern that changed.
fn actions(inputs: Inputs, groups: &[(String, Vec<Action>)]) -> Inputs {
    groups.iter().fold(inputs, |inputs, (name, actions)| {
        let bytes = serde_json::to_vec(actions).unwrap_or_else(|error| unreachable!("plain data: {error}"));
        inputs.content(name.clone(), bytes)
    })
}

/// Overlay files, then post-install scripts.
fn files(
    blueprint: &Blueprint,
    spec_dir: &Path,
    store: &Store,
    cancel: &Cancel,
) -> Result<Vec<(String, Vec<Action>)>, BuildError> {
    let mut groups = Vec::new();
    for (index, file) in blueprint.files.iter().enumerate() {
        let (path, mode) = (file.value.path.clone(), file.value.mode);
        let owner = Owner { user: file.value.owner.clone(), group: file.value.group.clone() };
        let name = format!("file {path}");
        let action = match &file.value.content {
            Content::Bytes(bytes) => Action::WriteFile { path, contents: bytes.clone(), mode, owner },
            Content::Source(source) => {
                let pointer = format!("/files/{index}/source");
                let digest = beside(spec_dir, source, pointer, store, cancel)?;
                Action::WriteBlob { path, digest, mode, owner }
            }
        };
        groups.push((name, vec![action]));
    }
    groups.extend(crate::configure::scripts(blueprint));
    Ok(groups)
}

/// Takes a file beside the spec into the store.
fn beside(
    spec_dir: &Path,
    path: &str,
    pointer: String,
    store: &Store,
    cancel: &Cancel,
) -> Result<Digest, BuildError> {
    let failed = |source| BuildError::SpecFile { path: spec_dir.join(path), pointer, source };
    match beside::open(spec_dir, path) {
        Ok(file) => {
            let stored = store.blobs().put(&mut cancel.reading(file), None);
            stored.map(|blob| blob.digest).map_err(BuildError::Store)
        }
        Err(source) => Err(failed(source)),
    }
}

impl Lock {
    /// Whether the system has a kernel.
    pub(crate) fn has_kernel(&self) -> bool {
        self.system.iter().any(|package| package.name.starts_with("linux-image-"))
    }

    /// Origin of the identifiers in images: the name and the packages, so that no clock or random number is needed.
    pub(crate) fn seed(&self) -> Digest {
        let mut hasher = lbuild_store::Hasher::new();
        hasher.field("name", self.name.as_bytes());
        for package in &self.system {
            hasher.field(&package.name, &package.sha256.0);
        }
        hasher.finish()
    }
}

#[cfg(test)]
mod tests;
