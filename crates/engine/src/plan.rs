//! The plan of a build: a directed acyclic graph of steps, made and checked before anything runs.

use std::collections::BTreeSet;
use std::fmt::Write as _;

use lbuild_store::Digest;

use crate::step::Inputs;

/// A step of a build, in the order of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Step {
    /// The tree of programs that pack images.
    Tools,
    /// The tree of programs that boot images.
    BootTools,
    /// What starts the kernel of a bootable image.
    BootLoaders,
    /// The essential packages and the kernel, unpacked and configured.
    Core,
    /// What of the core the initramfs is made from.
    CoreInputs,
    /// The initramfs of the core, made while the rest is installed; mostly it is that of the whole system too.
    CoreInitramfs,
    /// The rest of the system's base set.
    Base,
    /// The packages on top of it.
    Packages,
    /// Users, network, locale and the other concerns of the spec.
    Configure,
    /// Overlay files and post-install scripts.
    Files,
    /// What of the tree the initramfs is made from.
    InitramfsInputs,
    /// The initramfs.
    Initramfs,
    /// The initramfs in its place.
    BootFiles,
    /// The gate that no artifact passes with host keys, caches or foreign owners.
    Hygiene,
    /// The compressed read-only file system of a live medium.
    Squashfs,
    /// The root filesystem as a compressed tar.
    Rootfs,
    /// The OCI image.
    Oci,
    /// The bootable image.
    Iso,
    /// The image boots.
    BootCheck,
}

impl Step {
    /// The name in events, records and explanations.
    pub fn name(self) -> &'static str {
        match self {
            Self::Tools => "tools",
            Self::BootTools => "boot-tools",
            Self::BootLoaders => "boot-loaders",
            Self::Core => "core",
            Self::CoreInputs => "core-inputs",
            Self::CoreInitramfs => "core-initramfs",
            Self::Base => "base",
            Self::Packages => "packages",
            Self::Configure => "configure",
            Self::Files => "files",
            Self::InitramfsInputs => "initramfs-inputs",
            Self::Initramfs => "initramfs",
            Self::BootFiles => "boot-files",
            Self::Hygiene => "hygiene",
            Self::Squashfs => "squashfs",
            Self::Rootfs => "rootfs",
            Self::Oci => "oci",
            Self::Iso => "iso",
            Self::BootCheck => "boot-check",
        }
    }

    /// The name that goes into its key: steps that make the same from the same inputs share what they make.
    pub fn record(self) -> &'static str {
        match self {
            Self::CoreInitramfs => Self::Initramfs.name(),
            other => other.name(),
        }
    }

    /// What its output is called among the inputs of other steps.
    pub fn output(self) -> &'static str {
        match self {
            Self::CoreInputs => Self::InitramfsInputs.name(),
            other => other.name(),
        }
    }

    /// What it does, for people.
    pub fn title(self) -> &'static str {
        match self {
            Self::Tools => "unpack the packing tools",
            Self::BootTools => "unpack the emulator",
            Self::BootLoaders => "make the boot loaders",
            Self::Core => "install the core and the kernel",
            Self::CoreInputs | Self::InitramfsInputs => "find what the initramfs is made from",
            Self::CoreInitramfs | Self::Initramfs => "generate the initramfs",
            Self::BootFiles => "put the initramfs in its place",
            Self::Base => "install the base system",
            Self::Packages => "install the added packages",
            Self::Configure => "configure the system",
            Self::Files => "place files and run scripts",
            Self::Hygiene => "check the image for leftovers",
            Self::Squashfs => "compress the live file system",
            Self::Rootfs => "pack the root filesystem",
            Self::Oci => "pack the OCI image",
            Self::Iso => "write the ISO",
            Self::BootCheck => "boot the image",
        }
    }
}

/// One step of a plan.
#[derive(Debug, Clone)]
pub struct PlannedStep {
    /// Which.
    pub step: Step,
    /// What it reads besides the outputs of other steps.
    pub inputs: Inputs,
    /// Steps whose outputs enter its key.
    pub reads: Vec<Step>,
    /// Steps that must have ended before, though their outputs do not enter the key.
    pub after: Vec<Step>,
}

/// Everything that a build will do.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The steps; each stands behind the ones that it waits for.
    pub steps: Vec<PlannedStep>,
}

/// What is wrong with a plan.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum PlanError {
    /// The same step twice.
    #[error("step `{0}` is planned twice")]
    Twice(&'static str),
    /// A step waits for one that is not planned before it, so the graph may have a cycle.
    #[error("step `{step}` waits for `{dependency}`, which is not planned before it")]
    Order {
        /// The step.
        step: &'static str,
        /// What it waits for.
        dependency: &'static str,
    },
    /// An input label twice, so that an explanation could name the wrong one.
    #[error("step `{step}` has two inputs labelled `{label}`")]
    Label {
        /// The step.
        step: &'static str,
        /// The label.
        label: String,
    },
}

impl Plan {
    /// Checks the invariants that the runner relies on.
    pub fn check(&self) -> Result<(), PlanError> {
        let mut known = BTreeSet::new();
        for planned in &self.steps {
            let name = planned.step.name();
            for dependency in planned.reads.iter().chain(&planned.after) {
                if !known.contains(dependency) {
                    return Err(PlanError::Order { step: name, dependency: dependency.name() });
                }
            }
            let mut labels = BTreeSet::new();
            let twice = planned.inputs.entries().iter().find(|input| !labels.insert(&input.label));
            if let Some(input) = twice {
                return Err(PlanError::Label { step: name, label: input.label.clone() });
            }
            if !known.insert(planned.step) {
                return Err(PlanError::Twice(name));
            }
        }
        Ok(())
    }

    /// Whether a step is part of the plan.
    pub fn has(&self, step: Step) -> bool {
        self.steps.iter().any(|planned| planned.step == step)
    }

    /// The plan as text, one line per step and per input: what goldens keep.
    pub fn to_text(&self) -> String {
        let mut out = String::new();
        for planned in &self.steps {
            let names = |steps: &[Step]| steps.iter().map(|step| step.name()).collect::<Vec<_>>().join(" ");
            let _ = write!(out, "{} {}", planned.step.name(), planned.inputs.key());
            if !planned.reads.is_empty() {
                let _ = write!(out, " reads {}", names(&planned.reads));
            }
            if !planned.after.is_empty() {
                let _ = write!(out, " after {}", names(&planned.after));
            }
            out.push('\n');
            for input in planned.inputs.entries() {
                let _ = writeln!(out, "    {} {}", input.label, input.digest);
            }
        }
        out
    }

    /// Digest of the whole plan.
    pub fn digest(&self) -> Digest {
        Digest::of(self.to_text().as_bytes())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn step(step: Step, reads: &[Step]) -> PlannedStep {
        PlannedStep { step, inputs: Inputs::of(step.name(), 1), reads: reads.to_vec(), after: vec![] }
    }

    #[test]
    fn a_plan_in_order_is_accepted() {
        let plan = Plan { steps: vec![step(Step::Base, &[]), step(Step::Rootfs, &[Step::Base])] };
        assert_eq!(plan.check(), Ok(()));
        assert!(plan.to_text().contains("rootfs") && plan.has(Step::Rootfs));
    }

    #[test]
    fn what_the_runner_could_not_run_is_refused() {
        let late = Plan { steps: vec![step(Step::Rootfs, &[Step::Base]), step(Step::Base, &[])] };
        assert_eq!(late.check(), Err(PlanError::Order { step: "rootfs", dependency: "base" }));
        let twice = Plan { steps: vec![step(Step::Base, &[]), step(Step::Base, &[])] };
        assert_eq!(twice.check(), Err(PlanError::Twice("base")));
        let mut label = step(Step::Base, &[]);
        label.inputs = label.inputs.content("a", "1").content("a", "2");
        assert!(matches!(Plan { steps: vec![label] }.check(), Err(PlanError::Label { .. })));
    }
}
