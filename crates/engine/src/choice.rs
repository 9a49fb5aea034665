//! Chooses the packages of a system from the catalog of its base.

use lbuild_repo::resolve::{self, Request, Selected, Snapshot, Wanted};
use lbuild_spec::Blueprint;
use lbuild_spec::model::Output;

use crate::engine::Engine;
use crate::error::{Conflict, ResolveError};
use crate::event::Observer;
use crate::family::data::{Distribution, distribution};
use crate::family::{Cause, asked, kernel_flavor, plain};
use crate::files::Lists;
use crate::knowledge::Known;
use crate::repository::{BaseRequest, architecture};

impl BaseRequest {
    /// What a spec is resolved from.
    pub(crate) fn of(blueprint: &Blueprint) -> Self {
        Self {
            base: blueprint.base,
            release: blueprint.release.clone(),
            architecture: blueprint.architecture,
            components: blueprint.repositories.components.clone(),
            mirrors: blueprint.mirrors.build.clone(),
        }
    }
}

impl Engine {
    /// Chooses the packages of a system of any base that is not of Debian's family.
    pub(crate) fn choose(
        &self,
        blueprint: &Blueprint,
        observer: &Observer<'_>,
    ) -> Result<Vec<Selected>, ResolveError> {
        let asked = BaseRequest::of(blueprint);
        let base = self.load_base(&asked, observer)?;
        let (mut request, causes) = request(blueprint)?;
        request.force.clone_from(&self.force);
        let lists = Lists::Other(asked);
        let known = Known { base: blueprint.base, engine: self, index: &base.index, lists: &lists, observer };
        match resolve::resolve_with(base.family, &base.index, &request, &known) {
            Ok(selection) => Ok(selection.packages),
            Err(reason) => Err(ResolveError::Conflict(Box::new(Conflict { reason, causes }))),
        }
    }

    /// The problem of a spec as it can be solved again without any index, answered or not.
    pub(crate) fn problem_of(
        &self,
        blueprint: &Blueprint,
        observer: &Observer<'_>,
    ) -> Result<Snapshot, ResolveError> {
        let base = self.load_base(&BaseRequest::of(blueprint), observer)?;
        let (mut request, _) = request(blueprint)?;
        request.force.clone_from(&self.force);
        Ok(Snapshot::of(base.family, &base.index, &request))
    }
}

/// What the resolver is asked, and where each of its requests comes from.
pub(crate) fn request(blueprint: &Blueprint) -> Result<(Request, Vec<Cause>), ResolveError> {
    let mut wanted: Vec<(Cause, Wanted)> = Vec::new();
    let arch = architecture(blueprint.base, blueprint.architecture)?;
    if let Some(data) = distribution(blueprint.base) {
        let removed = |name: &&String| blueprint.remove.iter().any(|removal| removal.value == **name);
        let usual = data.base.iter().filter(|name| !removed(name));
        wanted.extend(usual.map(|name| (Cause::Field("/base"), plain(name))));
        wanted.extend(kernel(data, blueprint)?.map(|name| (Cause::Field("/kernel"), plain(&name))));
    }
    let asked_for = blueprint.packages.iter().enumerate();
    wanted.extend(asked_for.map(|(index, package)| (Cause::Spec(index), asked(&package.value))));
    let (causes, packages) = wanted.into_iter().unzip();
    let request = Request {
        packages,
        remove: blueprint.remove.iter().map(|name| name.value.clone()).collect(),
        recommends: blueprint.repositories.recommends,
        supplements: true,
        ..Request::new(&arch)
    };
    Ok((request, causes))
}

/// The kernel package; none when nothing has to boot and none was asked for.
fn kernel(data: &Distribution, blueprint: &Blueprint) -> Result<Option<String>, ResolveError> {
    let boots = blueprint.outputs.iter().any(|output| matches!(output, Output::Iso | Output::Disk));
    let Some(flavor) = kernel_flavor(blueprint, boots) else { return Ok(None) };
    let known = data.kernels.get(blueprint.architecture.key());
    let found = known.and_then(|flavors| flavors.get(flavor));
    found.cloned().map(Some).ok_or_else(|| ResolveError::Choice {
        what: flavor.to_owned(),
        kind: "kernel flavor",
        base: data.name.clone(),
        known: known.map(|flavors| flavors.keys().cloned().collect()).unwrap_or_default(),
    })
}
