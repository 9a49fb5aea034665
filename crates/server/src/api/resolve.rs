//! What a spec resolves to, before anything is built.

use axum::Json;
use axum::extract::State;
use axum::http::StatusCode;
use lbuild_engine::conflict::{ConflictReport, FixReport, RootReport, fixed};
use lbuild_engine::preview::{BuildPreview, Preview, TreePreview, Unbuilt};
use lbuild_engine::{Blame, Conflict, Engine, Observer, ResolveError, answer};
use lbuild_repo::resolve::{Effect, Link};
use lbuild_spec::{Blueprint, Source};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::body::SpecBody;
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::problem::{FieldError, Problem, chain};
use crate::state::Service;
use crate::worker::task;

/// Largest spec of which whole texts with fixes are sent, in bytes.
const LARGEST_TEXT: usize = 256 << 10;

/// Seconds after which mirrors may answer again.
const MIRROR_SECONDS: u64 = 30;

/// What a build would do; sizes are bytes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Resolution {
    /// Always true; a conflict is answered with 422.
    satisfiable: bool,
    /// The packages of the system, by name.
    packages: Vec<Package>,
    /// Of all their archives.
    download_size: u64,
    /// Of all their unpacked files, as the index says.
    installed_size: u64,
    /// What a build takes; absent where the spec resolves and is not built.
    #[serde(skip_serializing_if = "Option::is_none")]
    build: Option<BuildSummary>,
    /// Why the spec is not built, where it is not.
    #[serde(skip_serializing_if = "Option::is_none")]
    not_built: Option<NotBuilt>,
    /// Advice about the spec.
    warnings: Vec<FieldError>,
}

/// One package of a system.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Package {
    name: String,
    version: String,
    arch: String,
    download_size: u64,
    installed_size: u64,
    /// What asked for it first: a request of the spec, a rule, or the package that depends on it.
    requested_by: String,
}

/// What a build takes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct BuildSummary {
    /// Codename of the release.
    release: String,
    /// Architecture in the base's own words.
    architecture: String,
    /// How many packages the tools that make the images have.
    tools: usize,
    /// Bytes of all archives, those of the tools included.
    download_size: u64,
    /// Bytes of those archives that the service does not have yet.
    missing_size: u64,
    /// The trees that packages are installed into, lowest first.
    layers: Vec<Tree>,
}

/// One tree of packages.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Tree {
    /// `core`, `base` or `packages`: the step that makes it.
    name: String,
    /// What the step does.
    title: String,
    /// How many packages it adds.
    packages: usize,
    download_size: u64,
    installed_size: u64,
    /// The service has it, so that a build does not make it again; absent where the spec has package sources of its own.
    #[serde(skip_serializing_if = "Option::is_none")]
    cached: Option<bool>,
}

/// Why a spec is not built.
#[derive(Debug, Serialize, ToSchema)]
pub struct NotBuilt {
    reason: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
}

/// Why there is no set of packages, and what was tried and works: members of a problem that is about this.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct Explanation {
    /// Always false.
    #[schema(required = false)]
    satisfiable: bool,
    /// One sentence.
    #[schema(required = false)]
    summary: String,
    /// The requests that clash: leaving out any one of them helps.
    #[schema(required = false)]
    roots: Vec<ConflictRoot>,
    /// The facts between them.
    #[schema(required = false)]
    chain: Vec<ConflictLink>,
    /// Changes that were tried and work, best first.
    #[schema(required = false)]
    fixes: Vec<ConflictFix>,
}

/// A request that is part of the reason; one that no line makes has no place.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConflictRoot {
    request: String,
    /// The layer of the spec that makes it.
    layer: Option<String>,
    file: Option<String>,
    /// From 1.
    line: Option<u32>,
}

/// One step of the reason.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConflictLink {
    from: String,
    /// `requests`, `depends on`, `conflicts with` and the like.
    relation: String,
    to: String,
}

/// A change of the spec that was tried and works.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub struct ConflictFix {
    /// What to do, in words.
    label: String,
    /// A JSON Patch (RFC 6902) of the effective spec.
    #[schema(value_type = Vec<Object>)]
    patch: Vec<Value>,
    /// What a field that asks for a package means for the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    note: Option<String>,
    effect: ConflictEffect,
    /// The spec as it was sent, with the fix in it; absent where only a person can make the change.
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
}

/// What a fix changes in the result.
#[derive(Debug, Clone, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct ConflictEffect {
    /// Packages that come in.
    added: Vec<String>,
    /// Packages that go.
    removed: Vec<String>,
    /// Difference of the installed size in bytes.
    size_delta: i64,
}

/// Say what a build of a spec would install, or why its packages do not fit together.
#[utoipa::path(post, path = "/api/v1/resolve", tag = "specs",
    request_body(content((Object = "application/json"), (String = "application/toml"), (String = "application/yaml"))),
    responses((status = 200, body = Resolution), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem), (status = 413, body = Problem), (status = 415, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem), (status = 502, body = Problem),
        (status = 503, body = Problem)))]
pub async fn resolve(
    State(service): State<Service>,
    caller: Caller,
    body: SpecBody,
) -> Result<Json<Resolution>, Problem> {
    caller.require_one(&[Scope::BuildCreate, Scope::ConfigWrite, Scope::TemplateWrite])?;
    let source = body.source;
    let blueprint = task::check(&source).map_err(|diagnostics| Problem::spec(&diagnostics))?;
    let warnings = blueprint.warnings.iter().map(FieldError::from).collect();
    let question = move |engine: &Engine, observer: &Observer<'_>| {
        let preview = engine.preview(&blueprint, observer);
        preview.map_err(|error| match &error {
            ResolveError::Conflict(conflict) => explain(conflict, &blueprint, &source, (engine, observer)),
            _ => unresolved(&error),
        })
    };
    let preview = service.inquiries.ask(caller.tenant, question).await??;
    Ok(Json(Resolution { warnings, ..Resolution::from(preview) }))
}

/// What is answered when a spec or a base cannot be resolved.
pub fn unresolved(error: &ResolveError) -> Problem {
    let problem = match error.blame() {
        Blame::Spec => {
            Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "unresolvable", "The spec does not resolve")
        }
        Blame::Network => Problem::new(StatusCode::BAD_GATEWAY, "mirror", "No mirror has what is needed")
            .retry_after(MIRROR_SECONDS),
        Blame::Build | Blame::Cancelled => return Problem::internal(error),
    };
    let hint = error.hint().filter(|_| error.blame() == Blame::Spec);
    let hint = hint.map_or(String::new(), |hint| format!("; {hint}"));
    problem.detail(format!("{}{hint}", chain(error)))
}

/// The conflict with its fixes, each written into the text that was sent.
fn explain(
    conflict: &Conflict,
    blueprint: &Blueprint,
    source: &Source,
    (engine, observer): (&Engine, &Observer<'_>),
) -> Problem {
    let report = conflict.report(Some(blueprint));
    let mut explanation = Explanation::from(&report);
    let texts = conflict.reason.fixes.iter().map(|fix| {
        let fixed = fixed(fix, conflict, blueprint, source).ok()?;
        let changed = task::check(&fixed.source).ok()?;
        let solves = !fixed.of_field || engine.resolve_here(&changed, observer).is_ok();
        solves.then_some(fixed.source.text)
    });
    if source.text.len() <= LARGEST_TEXT {
        for (fix, text) in explanation.fixes.iter_mut().zip(texts) {
            fix.text = text;
        }
    }
    Problem {
        explanation: Some(Box::new(explanation)),
        ..Problem::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "package-conflict",
            "The packages do not fit together",
        )
        .detail(report.summary)
    }
}

impl From<Preview> for Resolution {
    fn from(preview: Preview) -> Self {
        let answer::Answer { satisfiable, packages, download_size, installed_size } = preview.answer;
        let (build, not_built) = match preview.build {
            Ok(build) => (Some(build.into()), None),
            Err(Unbuilt { reason, hint }) => (None, Some(NotBuilt { reason, hint })),
        };
        let packages = packages.into_iter().map(Package::from).collect();
        Self { satisfiable, packages, download_size, installed_size, build, not_built, warnings: Vec::new() }
    }
}

impl From<answer::Package> for Package {
    fn from(package: answer::Package) -> Self {
        Self {
            name: package.name,
            version: package.version,
            arch: package.arch,
            download_size: package.download_size,
            installed_size: package.installed_size,
            requested_by: package.requested_by,
        }
    }
}

impl From<BuildPreview> for BuildSummary {
    fn from(preview: BuildPreview) -> Self {
        let tree = |tree: TreePreview| Tree {
            name: tree.step.name().to_owned(),
            title: tree.step.title().to_owned(),
            packages: tree.packages,
            download_size: tree.download_size,
            installed_size: tree.installed_size,
            cached: tree.stored,
        };
        Self {
            release: preview.release,
            architecture: preview.architecture,
            tools: preview.tools,
            download_size: preview.download_size,
            missing_size: preview.missing_size,
            layers: preview.trees.into_iter().map(tree).collect(),
        }
    }
}

impl From<&ConflictReport<'_>> for Explanation {
    fn from(report: &ConflictReport<'_>) -> Self {
        let root = |root: &RootReport<'_>| ConflictRoot {
            request: root.request.to_owned(),
            layer: root.layer.map(str::to_owned),
            file: root.file.map(str::to_owned),
            line: root.line,
        };
        let link = |link: &Link| ConflictLink {
            from: link.from.clone(),
            relation: link.relation.clone(),
            to: link.to.clone(),
        };
        let fix = |fix: &FixReport<'_>| ConflictFix {
            label: fix.label.to_owned(),
            patch: fix.patch.clone(),
            note: fix.note.clone(),
            effect: fix.effect.into(),
            text: None,
        };
        Self {
            satisfiable: report.satisfiable,
            summary: report.summary.to_owned(),
            roots: report.roots.iter().map(root).collect(),
            chain: report.chain.iter().map(link).collect(),
            fixes: report.fixes.iter().map(fix).collect(),
        }
    }
}

impl From<&Effect> for ConflictEffect {
    fn from(effect: &Effect) -> Self {
        let Effect { added, removed, size_delta } = effect.clone();
        Self { added, removed, size_delta }
    }
}

#[cfg(test)]
mod tests {
    use lbuild_repo::resolve::{Change, Fix, Root, Unsatisfiable};

    use super::*;

    #[test]
    fn the_explanation_has_the_shape_that_the_command_line_prints() {
        let reason = Unsatisfiable {
            summary: "a and b cannot be there together".to_owned(),
            roots: vec![Root { request: "a".to_owned(), index: Some(0), removal: false }],
            chain: vec![Link { from: "a 1".into(), relation: "conflicts with".into(), to: "b".into() }],
            fixes: vec![Fix {
                label: "drop b".to_owned(),
                changes: vec![Change::LeaveOut { name: "b".to_owned() }],
                effect: Effect { added: vec!["c".into()], removed: vec!["b".into()], size_delta: -5 },
            }],
            unknown: Vec::new(),
        };
        let conflict = Conflict { reason, causes: Vec::new() };
        let report = conflict.report(None);
        let printed = serde_json::to_value(&report).expect("JSON");
        let sent = serde_json::to_value(Explanation::from(&report)).expect("JSON");
        assert_eq!(sent, printed);
    }
}
