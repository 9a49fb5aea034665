//! The queue as a whole: what waits, what is worked on and by whom, and what was given up.

use axum::Json;
use axum::extract::State;
use axum::response::Response;
use lbuild_db::build::Status;
use lbuild_db::overview::{Counts, Job};
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use super::builds::Owner;
use crate::api::given::Query;
use crate::api::page::{self, PageQuery, Wanted, linked};
use crate::api::time;
use crate::auth::caller::Caller;
use crate::auth::scope::Scope;
use crate::problem::Problem;
use crate::state::Service;
use crate::worker::failure::Failure;

/// Where the queue is.
const QUEUE: &str = "/api/v1/admin/queue";

/// How many builds stand where.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueueCounts {
    /// A worker could take them.
    ready: i64,
    /// They wait until they may be tried again.
    delayed: i64,
    /// They wait for the artifacts of another.
    following: i64,
    /// Workers hold them.
    leased: i64,
    /// They were given up.
    dead: i64,
    /// Seconds for which the oldest waits that a worker could take.
    oldest_seconds: i64,
}

/// A build that waits, that a worker holds, or that was given up.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct JobView {
    /// Id of the build.
    id: String,
    /// Whose it is.
    tenant: Owner,
    /// The tenant's tier.
    tier: String,
    /// Builds that are started for the tenant while one is for a free tenant.
    priority: i64,
    /// Name of the image.
    name: String,
    /// Base of the image.
    base: String,
    /// Where it stands.
    status: String,
    /// Builds that wait for longer, while it waits for a worker.
    queue_position: Option<i64>,
    /// RFC 3339.
    created_at: String,
    /// Seconds since then.
    age_seconds: i64,
    /// When it may be tried, RFC 3339, while it waits.
    not_before: Option<String>,
    /// How often a worker has taken it.
    attempts: i64,
    /// How often it failed through the machine since it was queued.
    crashes: i64,
    /// The build that makes the same and whose artifacts it waits for.
    shared_with: Option<String>,
    /// Its owner wants it to stop.
    cancel_requested: bool,
    /// Who works on it.
    worker: Option<String>,
    /// Until when the worker is believed to be alive, RFC 3339.
    lease_expires_at: Option<String>,
    /// The step that runs.
    step: Option<String>,
    /// How much is done, from 0 to 1.
    progress: f64,
    /// Why it was given up.
    #[schema(value_type = Option<Failure>)]
    failure: Option<Value>,
    /// Where it is put into the queue again, when it was given up.
    #[serde(skip_serializing_if = "Option::is_none")]
    requeue: Option<String>,
}

/// A page of the queue.
#[derive(Debug, Serialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct QueuePage {
    /// How many builds stand where.
    counts: QueueCounts,
    /// Those that wait or run, oldest first.
    jobs: Vec<JobView>,
    /// The youngest of those that were given up; `/api/v1/admin/builds?status=dead` lists all.
    dead_letters: Vec<JobView>,
    /// Where the next page of `jobs` begins, when there is one.
    next_cursor: Option<String>,
}

impl From<Counts> for QueueCounts {
    fn from(counts: Counts) -> Self {
        Self {
            ready: counts.ready,
            delayed: counts.delayed,
            following: counts.following,
            leased: counts.leased,
            dead: counts.dead,
            oldest_seconds: counts.oldest.div_euclid(1000),
        }
    }
}

impl From<Job> for JobView {
    fn from(job: Job) -> Self {
        let dead = job.status == Status::Dead;
        let waits = job.status == Status::Queued && job.leader.is_none();
        Self {
            requeue: dead.then(|| format!("/api/v1/admin/builds/{}/requeue", job.build)),
            id: job.build.to_string(),
            tenant: Owner { id: job.tenant.to_string(), name: job.tenant_name },
            tier: job.tier.name().to_owned(),
            priority: job.weight,
            name: job.name,
            base: job.base,
            status: job.status.name().to_owned(),
            queue_position: job.ahead,
            created_at: time(job.created_at),
            age_seconds: job.age.div_euclid(1000),
            not_before: waits.then(|| time(job.not_before)),
            attempts: job.attempt,
            crashes: job.crashes,
            shared_with: job.leader.map(|leader| leader.to_string()),
            cancel_requested: job.cancel_requested,
            worker: job.worker,
            lease_expires_at: job.lease_until.map(time),
            step: job.step,
            progress: job.progress,
            failure: job.failure,
        }
    }
}

/// See what waits, what is worked on and by whom, and what was given up.
#[utoipa::path(get, path = "/api/v1/admin/queue", tag = "admin", params(PageQuery),
    responses((status = 200, body = QueuePage), (status = 400, body = Problem), (status = 401, body = Problem),
        (status = 403, body = Problem)))]
pub async fn show(
    State(service): State<Service>,
    caller: Caller,
    Query(wanted): Query<PageQuery>,
) -> Result<Response, Problem> {
    caller.require(Scope::Admin)?;
    let Wanted { before: after, limit } = Wanted::of(&wanted)?;
    let mut jobs = service.db.jobs(after, limit + 1).await?;
    let next_cursor = page::cut(&mut jobs, limit, |last| last.build.to_string());
    let dead = service.db.dead_jobs(limit).await?;
    let page = QueuePage {
        counts: service.db.job_counts().await?.into(),
        jobs: jobs.into_iter().map(JobView::from).collect(),
        dead_letters: dead.into_iter().map(JobView::from).collect(),
        next_cursor: next_cursor.clone(),
    };
    Ok(linked(Json(page), QUEUE, limit, next_cursor.as_deref()))
}
