//! Chooses the packages of a system from the catalog of its base.

use lbuild_repo::resolve::{self, Request, Selected, Snapshot, Unsatisfiable, Wanted};
use lbuild_spec::Blueprint;
use lbuild_spec::model::{Base, Output};

use crate::conflict::Conflict;
use crate::engine::Engine;
use crate::error::ResolveError;
use crate::event::Observer;
use crate::family::data::{Distribution, distribution};
use crate::family::{Cause, accepted, asked, kernel_flavor, plain};
use crate::files::Lists;
use crate::knowledge::{Known, Waiting};
use crate::repository::{BaseRequest, LoadedBase, architecture};

impl BaseRequest {
    /// What a spec is resolved from.
    pub(crate) fn of(blueprint: &Blueprint) -> Self {
        Self {
            base: blueprint.base,
            release: blueprint.release.clone(),
            architecture: blueprint.architecture,
            components: blueprint.repositories.components.clone(),
            others: false,
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
        match resolve::resolve_with(base.family, &base.index, &request, &Waiting(observer)) {
            Ok(selection) => Ok(selection.packages),
            Err(_) if observer.cancel.is_cancelled() => Err(ResolveError::Cancelled),
            Err(reason) => {
                let reason = self.explained_of(asked, base, &request, observer).unwrap_or(reason);
                Err(ResolveError::Conflict(Box::new(Conflict { reason, causes })))
            }
        }
    }

    /// Why a request cannot be met, told with what the base has besides: repositories that are off, and lists of files.
    fn explained_of(
        &self,
        asked: BaseRequest,
        base: LoadedBase,
        request: &Request,
        observer: &Observer<'_>,
    ) -> Option<Unsatisfiable> {
        // Where a mirror has no more, or what it has cannot be read, the usual has to do.
        let wider = BaseRequest { others: true, ..asked.clone() };
        let base = self.load_base(&wider, observer).unwrap_or(base);
        let (of, lists) = (asked.base, Lists::Other(asked));
        let known = Known { base: of, engine: self, index: &base.index, lists: &lists, observer };
        resolve::resolve_with(base.family, &base.index, request, &known).err()
    }

    /// The problem of a spec as it can be solved again without any index, answered or not.
    pub(crate) fn problem_of(
        &self,
        blueprint: &Blueprint,
        observer: &Observer<'_>,
    ) -> Result<Snapshot, ResolveError> {
        let asked = BaseRequest::of(blueprint);
        let wider = BaseRequest { others: true, ..asked.clone() };
        let base = self.load_base(&wider, observer).or_else(|_| self.load_base(&asked, observer))?;
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
        wanted.extend(usual.map(|name| (Cause::Base(name.clone()), plain(name))));
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
        enable: if blueprint.base == Base::Gentoo { accepted(blueprint, &arch)? } else { Vec::new() },
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
