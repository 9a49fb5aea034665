//! What each base offers: its releases, architectures, kernels and init systems, and which outputs are built.

use lbuild_spec::model::{Architecture, Base, Init, Output};

use crate::family::data::{Distribution, distribution};
use crate::family::debian::{self, Distro};
use crate::support;

/// What a base offers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseOffer {
    /// The base.
    pub base: Base,
    /// The releases that can be resolved; a spec that names none gets the usual one.
    pub releases: Vec<ReleaseOffer>,
    /// The architectures that can be resolved.
    pub architectures: Vec<ArchitectureOffer>,
    /// The init systems that a spec may name, the usual one first.
    pub inits: &'static [Init],
    /// Components or repositories of its archive; those in use unless a spec lists others, and the rest.
    pub components: Vec<ComponentOffer>,
}

/// A release.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReleaseOffer {
    /// Its name in specs and locks.
    pub name: String,
    /// Other names of it.
    pub aliases: Vec<String>,
    /// A spec that names none gets this one.
    pub usual: bool,
}

/// An architecture.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArchitectureOffer {
    /// In specs.
    pub architecture: Architecture,
    /// What the base calls it.
    pub native: String,
    /// Kernel flavors.
    pub kernels: Vec<String>,
    /// Each output, and why it is not built where it is not.
    pub outputs: Vec<(Output, Option<String>)>,
}

/// A component or repository of a base's archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ComponentOffer {
    /// Its name in specs.
    pub name: String,
    /// In use unless a spec lists others.
    pub usual: bool,
}

/// What every base offers, on this machine.
pub fn bases() -> Vec<BaseOffer> {
    let offer = |base| match (debian::distro_of(base), distribution(base)) {
        (Some(distro), _) => Some(of_debian(base, distro)),
        (None, Some(data)) => Some(of_other(base, data)),
        (None, None) => None,
    };
    Base::ALL.into_iter().filter_map(offer).collect()
}

fn of_debian(base: Base, distro: &Distro) -> BaseOffer {
    let release = |release: &debian::Release| ReleaseOffer {
        name: release.codename.clone(),
        aliases: vec![release.version.clone()],
        usual: release.codename == distro.stable,
    };
    let architecture = |architecture: Architecture| {
        let native = distro.architectures.get(architecture.key())?;
        let kernels = distro.kernels.get(native).into_iter().flat_map(|flavors| flavors.keys()).cloned();
        Some(ArchitectureOffer {
            architecture,
            native: native.clone(),
            kernels: kernels.collect(),
            outputs: outputs(base, architecture),
        })
    };
    BaseOffer {
        base,
        releases: distro.releases.iter().map(release).collect(),
        architectures: Architecture::ALL.into_iter().filter_map(architecture).collect(),
        inits: base.inits(),
        components: distro
            .components
            .iter()
            .map(|name| ComponentOffer { name: name.clone(), usual: true })
            .collect(),
    }
}

fn of_other(base: Base, data: &Distribution) -> BaseOffer {
    let usual = data.release("stable").map(|release| &release.name);
    let release = |release: &crate::family::data::Release| ReleaseOffer {
        name: release.name.clone(),
        aliases: release.aliases.clone(),
        usual: Some(&release.name) == usual,
    };
    let architecture = |architecture: Architecture| {
        let kernels = data.kernels.get(architecture.key()).into_iter().flat_map(|flavors| flavors.keys());
        Some(ArchitectureOffer {
            architecture,
            native: data.architectures.get(architecture.key())?.clone(),
            kernels: kernels.cloned().collect(),
            outputs: outputs(base, architecture),
        })
    };
    BaseOffer {
        base,
        releases: data.releases.iter().map(release).collect(),
        architectures: Architecture::ALL.into_iter().filter_map(architecture).collect(),
        inits: base.inits(),
        components: data
            .repositories
            .iter()
            .map(|repository| ComponentOffer { name: repository.id.clone(), usual: repository.default })
            .collect(),
    }
}

fn outputs(base: Base, architecture: Architecture) -> Vec<(Output, Option<String>)> {
    let why_not = |output| support::unbuilt(base, architecture, output);
    Output::ALL.into_iter().map(|output| (output, why_not(output))).collect()
}

#[cfg(test)]
mod tests {
    use lbuild_spec::{Format, Source};

    use super::*;

    #[test]
    fn what_is_offered_is_what_the_builder_takes() {
        for offer in bases() {
            assert_eq!(offer.releases.iter().filter(|release| release.usual).count(), 1, "{:?}", offer.base);
            for architecture in &offer.architectures {
                for (output, why_not) in &architecture.outputs {
                    let text = format!(
                        "spec = 1\nname = \"a\"\nbase = \"{}\"\narchitecture = \"{}\"\noutputs = [\"{}\"]\n",
                        offer.base.key(),
                        architecture.architecture.key(),
                        output.key()
                    );
                    let source = Source { file: "a.toml".to_owned(), format: Format::Toml, text };
                    let blueprint = lbuild_spec::validate(&source).expect("a spec");
                    let machine = architecture.architecture.key();
                    let runs = machine == std::env::consts::ARCH;
                    let boots = *output != Output::Iso || machine == "x86_64";
                    let taken = support::check(&blueprint).is_ok() && runs && boots;
                    assert_eq!(why_not.is_none(), taken, "{:?} {output:?} {why_not:?}", offer.base);
                }
            }
        }
        let debian = bases().into_iter().find(|offer| offer.base == Base::Debian).expect("Debian");
        let built = debian.architectures.iter().flat_map(|one| &one.outputs).filter(|(_, not)| not.is_none());
        assert_eq!(built.count(), if std::env::consts::ARCH == "x86_64" { 3 } else { 2 });
    }
}
