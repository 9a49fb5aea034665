//! What a build of a spec would install, fetch and reuse, found without building.

use lbuild_spec::Blueprint;

use crate::answer::{Answer, Package};
use crate::engine::Engine;
use crate::error::ResolveError;
use crate::event::Observer;
use crate::lock::{Lock, LockedPackage, Tier};
use crate::plan::Step;
use crate::planner;
use crate::run;
use crate::suite;
use crate::support;

/// What a build would do; sizes are bytes.
#[derive(Debug, Clone)]
pub struct Preview {
    /// The packages of the system.
    pub answer: Answer,
    /// What a build takes besides, or why this spec is not built though its packages fit together.
    pub build: Result<BuildPreview, Unbuilt>,
}

/// What a build takes.
#[derive(Debug, Clone)]
pub struct BuildPreview {
    /// Codename of the release.
    pub release: String,
    /// Architecture in the base's own words.
    pub architecture: String,
    /// Packages of the tools that make the images.
    pub tools: usize,
    /// Bytes of all archives, those of the tools included.
    pub download_size: u64,
    /// Bytes of those archives that the store lacks.
    pub missing_size: u64,
    /// The trees that packages are installed into, lowest first.
    pub trees: Vec<TreePreview>,
}

/// One tree of packages.
#[derive(Debug, Clone)]
pub struct TreePreview {
    /// The step that makes it.
    pub step: Step,
    /// How many packages it adds.
    pub packages: usize,
    /// Bytes of their archives.
    pub download_size: u64,
    /// Bytes of their files, as the index says.
    pub installed_size: u64,
    /// The store has it; `None` where packages come from sources of the spec, of which nothing is told.
    pub stored: Option<bool>,
}

/// Why a spec is not built.
#[derive(Debug, Clone)]
pub struct Unbuilt {
    /// Why.
    pub reason: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl Engine {
    /// Says what a build would do. It works in the thread that calls, which sees a request to stop between two parts
    /// of the work.
    pub fn preview(&self, blueprint: &Blueprint, observer: &Observer<'_>) -> Result<Preview, ResolveError> {
        if let Err(error) = support::check(blueprint) {
            let answer = self.resolve_here(blueprint, observer)?;
            return Ok(Preview {
                answer,
                build: Err(Unbuilt { reason: error.to_string(), hint: error.hint() }),
            });
        }
        let lock = self.find_lock(blueprint, observer)?;
        let answer = Answer::of(lock.system.iter().map(Package::from).collect());
        Ok(Preview { answer, build: Ok(self.build_preview(blueprint, &lock)) })
    }

    /// The packages of a system; like [`Engine::preview`], in the thread that calls.
    pub fn resolve_here(
        &self,
        blueprint: &Blueprint,
        observer: &Observer<'_>,
    ) -> Result<Answer, ResolveError> {
        let resolution = self.resolve_system(blueprint, observer)?;
        Ok(Answer::of(resolution.packages.iter().map(Package::from).collect()))
    }

    fn build_preview(&self, blueprint: &Blueprint, lock: &Lock) -> BuildPreview {
        let packages = || lock.system.iter().chain(&lock.tools);
        let blobs = self.store.blobs();
        let private = |package: &LockedPackage| package.repository.starts_with(suite::SOURCE);
        let missing = packages().filter(|package| private(package) || !blobs.contains(package.sha256));
        let own_sources = !blueprint.repositories.sources.is_empty();
        let stored = (!own_sources).then(|| run::stored(&planner::package_trees(lock), &self.store));
        let tiers = [(Step::Core, Tier::Core), (Step::Base, Tier::Base), (Step::Packages, Tier::Added)];
        let tree = |(step, tier)| {
            let of_tier = || lock.system.iter().filter(move |package| package.tier == tier);
            TreePreview {
                step,
                packages: of_tier().count(),
                download_size: of_tier().map(|package| package.size).sum(),
                installed_size: of_tier().map(|package| package.installed_size).sum(),
                stored: stored.as_ref().map(|steps| steps.contains(&step)),
            }
        };
        BuildPreview {
            release: lock.release.clone(),
            architecture: lock.architecture.clone(),
            tools: lock.tools.len(),
            download_size: packages().map(|package| package.size).sum(),
            missing_size: missing.map(|package| package.size).sum(),
            trees: tiers.into_iter().map(tree).filter(|tree| tree.packages > 0).collect(),
        }
    }
}
