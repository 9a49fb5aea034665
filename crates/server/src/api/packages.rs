//! The packages of a base: search, and one in full.

use axum::Json;
use axum::extract::State;
use lbuild_engine::{Catalog, Engine, Observer};
use lbuild_repo::catalog;
use lbuild_repo::index::Kind;
use lbuild_repo::index::Package as Indexed;
use lbuild_spec::model::{Architecture, Base};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::given::{Path, Query};
use super::resolve::unresolved;
use crate::auth::caller::Caller;
use crate::problem::Problem;
use crate::state::Service;

/// Most packages in one answer.
const PAGE: usize = 100;

/// Packages in an answer unless the caller says otherwise.
const USUAL_PAGE: usize = 30;

/// Longest search, in bytes.
const LONGEST: usize = 200;

/// Most words of a search.
const MOST_WORDS: usize = 8;

/// What to look for, and where.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct SearchQuery {
    /// `debian`, `ubuntu`, `arch`, `alpine`, `fedora`, `opensuse`, `void` or `gentoo`.
    base: String,
    /// Release; the base's usual one, when absent.
    release: Option<String>,
    /// `x86_64`, which is the default, or `aarch64`.
    architecture: Option<String>,
    /// Words that must all be in the name, the summary or what the package provides.
    q: String,
    /// Where the page before ended.
    cursor: Option<String>,
    /// How many at most: 1 to 100.
    page_size: Option<usize>,
}

/// Where to look.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub struct PlaceQuery {
    /// Release; the base's usual one, when absent.
    release: Option<String>,
    /// `x86_64`, which is the default, or `aarch64`.
    architecture: Option<String>,
}

/// Packages that were found.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackagePage {
    /// The release that was searched.
    release: String,
    /// The best answers first.
    packages: Vec<PackageRow>,
    /// How many there are in all.
    total: usize,
    /// Where the next page begins, when there is one.
    next_cursor: Option<String>,
}

/// A package in a list.
#[derive(Debug, Serialize, ToSchema)]
pub struct PackageRow {
    name: String,
    version: String,
    summary: String,
    /// Suite or repository, and component.
    source: String,
    /// What a spec would have to switch on for it.
    #[serde(skip_serializing_if = "String::is_empty")]
    switch: String,
}

/// A package in full; sizes are bytes.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct PackageDetails {
    /// The release that it is of.
    release: String,
    #[serde(flatten)]
    row: PackageRow,
    arch: String,
    source_package: String,
    download_size: u64,
    installed_size: u64,
    /// Relations by kind, in the base's own syntax.
    relations: Vec<PackageRelation>,
    /// Every version of every source.
    versions: Vec<PackageRow>,
}

/// What a package says about others.
#[derive(Debug, Serialize, ToSchema)]
pub struct PackageRelation {
    /// `requires`, `recommends`, `conflicts` and the like.
    #[schema(value_type = String)]
    kind: Kind,
    text: String,
}

/// Which packages to read.
struct Place {
    base: Base,
    release: Option<String>,
    architecture: Architecture,
}

impl Place {
    fn of(base: Base, release: Option<String>, architecture: Option<&str>) -> Result<Self, Problem> {
        let known = |name: &str| Architecture::ALL.into_iter().find(|known| known.key() == name);
        let architecture = architecture.map_or(Some(Architecture::default()), known);
        let unknown = || Problem::malformed("`architecture` is `x86_64` or `aarch64`");
        Ok(Self { base, release, architecture: architecture.ok_or_else(unknown)? })
    }

    /// Reads the packages, and more with them in hand.
    async fn look<T: Send + 'static>(
        self,
        service: &Service,
        caller: &Caller,
        more: impl FnOnce(&Catalog) -> Result<T, Problem> + Send + 'static,
    ) -> Result<T, Problem> {
        let question = move |engine: &Engine, observer: &Observer<'_>| {
            let catalog = engine.catalog_here(self.base, self.release, self.architecture, observer);
            more(&catalog.map_err(|error| unresolved(&error))?)
        };
        service.inquiries.ask(caller.tenant, question).await?
    }
}

fn base(name: &str) -> Option<Base> {
    Base::ALL.into_iter().find(|known| known.key() == name)
}

fn row(package: Indexed<'_>) -> PackageRow {
    let source = package.source();
    PackageRow {
        name: package.name().to_owned(),
        version: package.version().to_owned(),
        summary: package.summary().to_owned(),
        source: format!("{}/{}", source.suite, source.component),
        switch: source.switch.clone(),
    }
}

/// Find packages by name, by what they provide, and by what they say about themselves.
#[utoipa::path(get, path = "/api/v1/packages", tag = "packages", params(SearchQuery),
    responses((status = 200, body = PackagePage), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 422, body = Problem), (status = 429, body = Problem), (status = 502, body = Problem),
        (status = 503, body = Problem)))]
pub async fn search(
    State(service): State<Service>,
    caller: Caller,
    Query(query): Query<SearchQuery>,
) -> Result<Json<PackagePage>, Problem> {
    let bases = || Base::ALL.map(Base::key).join(", ");
    let base =
        base(&query.base).ok_or_else(|| Problem::malformed(format!("`base` is one of {}", bases())))?;
    let place = Place::of(base, query.release, query.architecture.as_deref())?;
    let words: Vec<String> = query.q.split_whitespace().map(str::to_owned).collect();
    if words.is_empty() || words.len() > MOST_WORDS || query.q.len() > LONGEST {
        return Err(Problem::malformed(format!(
            "`q` has 1 to {MOST_WORDS} words, in at most {LONGEST} bytes"
        )));
    }
    let limit = query.page_size.unwrap_or(USUAL_PAGE);
    if !(1..=PAGE).contains(&limit) {
        return Err(Problem::malformed(format!("`pageSize` is 1 to {PAGE}")));
    }
    let cursor = query.cursor.as_deref().map_or(Ok(0), str::parse::<usize>);
    let from = cursor.map_err(|_| Problem::malformed("`cursor` is not one that a page gave"))?;
    let find = move |catalog: &Catalog| {
        let found = catalog::search(catalog.family(), &catalog.index, &words);
        let page = found.iter().skip(from).take(limit);
        let end = from.saturating_add(limit);
        Ok(PackagePage {
            release: catalog.release.clone(),
            packages: page.map(|package| row(*package)).collect(),
            total: found.len(),
            next_cursor: (end < found.len()).then(|| end.to_string()),
        })
    };
    place.look(&service, &caller, find).await.map(Json)
}

/// See a package in full. A slash in its name is written `%2F`.
#[utoipa::path(get, path = "/api/v1/packages/{base}/{name}", tag = "packages",
    params(("base" = String, Path), ("name" = String, Path), PlaceQuery),
    responses((status = 200, body = PackageDetails), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 404, body = Problem), (status = 422, body = Problem), (status = 429, body = Problem),
        (status = 502, body = Problem), (status = 503, body = Problem)))]
pub async fn details(
    State(service): State<Service>,
    caller: Caller,
    Path((base_name, name)): Path<(String, String)>,
    Query(query): Query<PlaceQuery>,
) -> Result<Json<PackageDetails>, Problem> {
    let base = base(&base_name).ok_or_else(Problem::not_found)?;
    if name.len() > LONGEST {
        return Err(Problem::not_found());
    }
    let place = Place::of(base, query.release, query.architecture.as_deref())?;
    place.look(&service, &caller, move |catalog| describe(catalog, &name)).await.map(Json)
}

fn describe(catalog: &Catalog, name: &str) -> Result<PackageDetails, Problem> {
    let missing = || {
        let near = lbuild_repo::resolve::near(&catalog.index, name);
        let near: Vec<String> = near.iter().map(|name| format!("`{name}`")).collect();
        let problem = Problem::not_found();
        if near.is_empty() { problem } else { problem.detail(format!("names like it: {}", near.join(", "))) }
    };
    let package = catalog::best(catalog.family(), &catalog.index, name).ok_or_else(missing)?;
    let relation = |kind| PackageRelation { kind, text: package.relations(kind).to_owned() };
    Ok(PackageDetails {
        release: catalog.release.clone(),
        row: row(package),
        arch: package.arch().to_owned(),
        source_package: package.source_name().to_owned(),
        download_size: package.size(),
        installed_size: package.installed_size(),
        relations: Kind::ALL.into_iter().map(relation).filter(|relation| !relation.text.is_empty()).collect(),
        versions: catalog.index.named(name).map(row).collect(),
    })
}
