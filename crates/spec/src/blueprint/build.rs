//! From checked text to a [`Blueprint`].

use serde::de::DeserializeOwned;

use super::files;
use super::packages;
use super::{
    Algorithm, Blueprint, Compression, Filesystem, Kernel, PostInstall, Repositories, SecurityFeatures,
    Services, Suites, digest,
};
use crate::compat;
use crate::layers::{blocks, merge};
use crate::model::{Base, Defaults, Init, Keyboard, KeyboardChoice, Mac, MacChoice, Output, RootFilesystem};
use crate::origin::{Layer, Origin, SetField, Sourced};
use crate::report::{Finding, Report};
use crate::rules::parse_compression;
use crate::spec::{base, convert};
use crate::value::{Node, Value, join};

/// Merges, checks and completes a spec. `None` when there were errors; the report has them.
///
/// The tree may contain errors that were already reported, so nothing here relies on its shape.
pub(crate) fn build(tree: &Node, report: &mut Report<'_>) -> Option<Blueprint> {
    let blocks = blocks(tree, report);
    let effective = merge(&blocks, tree);
    let packages = packages::collect(&blocks, base(tree), report);
    let files = files::collect(&blocks, report);
    compat::check(
        &compat::System { tree, effective: &effective, packages: &packages, files: &files },
        report,
    );
    if report.has_errors() {
        return None;
    }
    let builder = Builder { tree, effective: &effective, report: &*report };
    match builder.blueprint(packages, files) {
        Ok(blueprint) => Some(blueprint),
        Err(finding) => {
            report.add(finding);
            None
        }
    }
}

struct Builder<'b, 's> {
    tree: &'b Node,
    effective: &'b Node,
    report: &'b Report<'s>,
}

impl Builder<'_, '_> {
    fn blueprint(
        &self,
        packages: packages::Collected,
        files: Vec<Sourced<super::File>>,
    ) -> Result<Blueprint, Finding> {
        let name = self.tree.get("name").and_then(Node::text).unwrap_or_default().to_owned();
        let base: Base = self.required(&["base"])?;
        let defaults: Defaults = self.value(&["defaults"])?.unwrap_or_default();
        let mut outputs: Vec<Output> = self.value(&["outputs"])?.unwrap_or_else(|| vec![Output::Rootfs]);
        outputs.sort_unstable();
        outputs.dedup();
        let mut set = self.set();
        packages.set(&mut set);
        files::set(&files, &mut set);
        set.sort_by(|a, b| a.pointer.cmp(&b.pointer));
        let mut blueprint = Blueprint {
            hostname: self.value(&["hostname"])?.unwrap_or_else(|| hostname(&name)),
            name,
            base,
            release: self.value(&["release"])?,
            architecture: self.value(&["architecture"])?.unwrap_or_default(),
            outputs,
            locale: self.value(&["locale"])?.unwrap_or_else(|| "C.UTF-8".to_owned()),
            timezone: self.value(&["timezone"])?.unwrap_or_else(|| "Etc/UTC".to_owned()),
            keyboard: self.keyboard()?,
            users: self.list(&["users"])?,
            network: self.value(&["network"])?.unwrap_or_default(),
            kernel: self.kernel(&defaults)?,
            init: self.value(&["init"])?.unwrap_or_else(|| default_init(base)),
            filesystem: self.filesystem()?,
            display: self.value(&["display"])?.unwrap_or_default(),
            packages: packages.requests,
            remove: packages.removals,
            security_features: self.security()?,
            services: self.services()?,
            backup: self.value(&["backup"])?.unwrap_or_default(),
            customization: self.value(&["customization"])?.unwrap_or_default(),
            post_install: self.post_install()?,
            defaults,
            files,
            mirrors: self.value(&["mirrors"])?.unwrap_or_default(),
            repositories: self.repositories()?,
            digest: [0; 32],
            set,
            warnings: Vec::new(),
        };
        blueprint.digest = digest::digest(&blueprint).map_err(|error| {
            Finding::error(
                "value",
                self.tree.span,
                "",
                format!("the effective spec has no canonical form: {error}"),
            )
        })?;
        Ok(blueprint)
    }

    fn value<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Option<T>, Finding> {
        self.effective.at(path).map(convert).transpose()
    }

    fn required<T: DeserializeOwned>(&self, path: &[&str]) -> Result<T, Finding> {
        let missing =
            || Finding::error("missing", self.tree.span, "", format!("`{}` is missing", path.join(".")));
        self.value(path)?.ok_or_else(missing)
    }

    fn list<T: DeserializeOwned>(&self, path: &[&str]) -> Result<Vec<Sourced<T>>, Finding> {
        let items = self.effective.at(path).map(Node::items).unwrap_or_default();
        items
            .iter()
            .map(|item| Ok(Sourced { value: convert(item)?, origin: origin(item, self.report) }))
            .collect()
    }

    fn keyboard(&self) -> Result<Keyboard, Finding> {
        let layout = |layout: String| Keyboard { layout, variant: None, model: None, options: Vec::new() };
        Ok(match self.value(&["keyboard"])? {
            None => layout("us".to_owned()),
            Some(KeyboardChoice::Layout(name)) => layout(name),
            Some(KeyboardChoice::Table(keyboard)) => keyboard,
        })
    }

    fn kernel(&self, defaults: &Defaults) -> Result<Kernel, Finding> {
        let written: crate::model::Kernel = self.value(&["kernel"])?.unwrap_or_default();
        let mut parameters = defaults.kernel_params.clone();
        parameters.extend(written.parameters);
        Ok(Kernel {
            version: written.version,
            flavor: written.flavor,
            parameters,
            modules: written.modules,
            custom_flags: written.custom_flags,
        })
    }

    fn filesystem(&self) -> Result<Filesystem, Finding> {
        let written: crate::model::Filesystem = self.value(&["filesystem"])?.unwrap_or_default();
        let compression = written.compression.as_deref().map(parse_compression).transpose();
        let compression = compression.map_err(|fault| {
            Finding::error("value", self.tree.span, "/filesystem/compression", fault.message)
        })?;
        Ok(Filesystem {
            root: written.root.unwrap_or(RootFilesystem::Ext4),
            encryption: written.encryption.unwrap_or_default(),
            compression: compression.unwrap_or(Compression { algorithm: Algorithm::Zstd, level: Some(3) }),
            snapshots: written.snapshots.unwrap_or_default(),
            partitions: written.partitions,
            lvm: written.lvm.unwrap_or_default(),
            raid: written.raid,
        })
    }

    fn security(&self) -> Result<SecurityFeatures, Finding> {
        let written: crate::model::SecurityFeatures = self.value(&["securityFeatures"])?.unwrap_or_default();
        let mac: Option<Mac> = match written.mac {
            Some(MacChoice::One(mac)) => Some(mac),
            Some(MacChoice::Many(many)) => many.first().copied(),
            None => None,
        };
        Ok(SecurityFeatures {
            mac,
            firewall: written.firewall.unwrap_or_default(),
            fail2ban: written.fail2ban.unwrap_or_default(),
            ssh: written.ssh.unwrap_or_default(),
            updates: written.updates.unwrap_or_default(),
            kernel_hardening: written.kernel_hardening.unwrap_or_default(),
        })
    }

    fn services(&self) -> Result<Services, Finding> {
        Ok(Services {
            databases: self.list(&["services", "databases"])?,
            monitoring: self.list(&["services", "monitoring"])?,
            ai: self.list(&["services", "ai"])?,
            enable: self.list(&["services", "enable"])?,
            disable: self.list(&["services", "disable"])?,
        })
    }

    fn post_install(&self) -> Result<PostInstall, Finding> {
        Ok(PostInstall {
            scripts: self.list(&["postInstall", "scripts"])?,
            system_tuning: self.value(&["postInstall", "systemTuning"])?.unwrap_or_default(),
            services: self.list(&["postInstall", "services"])?,
        })
    }

    fn repositories(&self) -> Result<Repositories, Finding> {
        let written: crate::model::Repositories = self.value(&["repositories"])?.unwrap_or_default();
        let suites = written.suites.unwrap_or_default();
        Ok(Repositories {
            components: written.components,
            suites: Suites {
                updates: suites.updates.unwrap_or(true),
                security: suites.security.unwrap_or(true),
                backports: suites.backports.unwrap_or(false),
            },
            sources: self.list(&["repositories", "sources"])?,
            pins: self.list(&["repositories", "pins"])?,
            keywords: written.keywords,
            licenses: written.licenses,
            recommends: written.recommends.unwrap_or(false),
            priority: written.priority.unwrap_or_default(),
        })
    }

    fn set(&self) -> Vec<SetField> {
        let mut set = Vec::new();
        for entry in self.effective.entries() {
            leaves(&entry.node, &join("", &entry.key), self.report, &mut set);
        }
        set
    }
}

/// Who set a node.
pub(super) fn origin(node: &Node, report: &Report<'_>) -> Origin {
    let layer = node.layer.unwrap_or(Layer::TalkingPoints);
    let written = report.written(layer, node.span);
    let overrode = node.overrode.iter().map(|&(layer, span)| report.written(layer, span)).collect();
    Origin { layer, file: written.file, line: written.line, column: written.column, overrode }
}

/// Every value without parts of its own, and every empty list and table.
fn leaves(node: &Node, pointer: &str, report: &Report<'_>, set: &mut Vec<SetField>) {
    match &node.value {
        Value::Array(items) if !items.is_empty() => {
            for (index, item) in items.iter().enumerate() {
                leaves(item, &join(pointer, &index.to_string()), report, set);
            }
        }
        Value::Table(entries) if !entries.is_empty() => {
            for entry in entries {
                leaves(&entry.node, &join(pointer, &entry.key), report, set);
            }
        }
        _ => set.push(SetField { pointer: pointer.to_owned(), origin: origin(node, report) }),
    }
}

fn default_init(base: Base) -> Init {
    base.inits().first().copied().unwrap_or(Init::Systemd)
}

/// A host name made of the name of the spec.
fn hostname(name: &str) -> String {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() { c } else { '-' }).take(63).collect();
    let plain = plain.trim_matches('-');
    let numeric = plain.bytes().all(|byte| byte.is_ascii_digit());
    if numeric { format!("host-{plain}") } else { plain.to_owned() }
}
