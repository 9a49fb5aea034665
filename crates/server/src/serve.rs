//! A service from its first to its last moment: open everything, answer, work, drain.

use std::fs::{File, TryLockError};
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::OptionFuture;
use lbuild_db::audit::Entry;
use lbuild_db::key::NewKey;
use lbuild_db::tenant::{NewTenantError, Tenant, Tier};
use lbuild_db::upkeep::Schema;
use lbuild_db::{Database, DbError, OpenError};
use lbuild_engine::{Cancel, Engine, EngineOptions, Reach};
use lbuild_fetch::Poster;
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing_subscriber::EnvFilter;

use crate::artifact::{ArtifactError, Artifacts, Location};
use crate::auth::caller::Callers;
use crate::auth::key::KeyText;
use crate::auth::scope::Scope;
use crate::bus::Bus;
use crate::bus::nats::{Nats, NatsError};
use crate::faults::watch::watch_panics;
use crate::faults::{Dsn, Faults};
use crate::inquiry::Inquiries;
use crate::limit::{Limits, Meter};
use crate::listen::listen;
use crate::live::hub::Hub;
use crate::live::relay::relay;
use crate::metrics::Metrics;
use crate::place::{LOCK, Place, SECRET_KEY, SIGNING_SECRET};
use crate::registry::layout::Images;
use crate::router::{inner_router, router};
use crate::seal::Sealer;
use crate::sign::Signer;
use crate::state::{Parts, Service};
use crate::worker::push::Pusher;
use crate::worker::{Pool, PoolOptions, Tools};

/// How long streams may go on after the service was told to stop and its builds have ended.
const LAST_WORDS: Duration = Duration::from_secs(2);

/// How a service runs.
#[derive(Debug, Clone)]
pub struct ServeOptions {
    /// Where it listens; a worker does not.
    pub listen: Option<SocketAddr>,
    /// Where it keeps everything: database, artifacts, store.
    pub data: PathBuf,
    /// Address of the database; SQLite in the data directory, when absent.
    pub database: Option<String>,
    /// Where artifacts are kept; in the data directory, when absent.
    pub artifacts: Option<Location>,
    /// Directory of the engine's store; in the data directory, when absent.
    pub store: Option<PathBuf>,
    /// Address of the NATS server over which its processes tell each other of news.
    pub nats: Option<String>,
    /// Whether it brings the schema of the database up to date.
    pub migrate: bool,
    /// Builds at the same time.
    pub workers: usize,
    /// Where numbers and health are served to whoever reaches it.
    pub metrics: Option<SocketAddr>,
    /// URLs of servers that webhooks may go to though they are not public.
    pub egress: Vec<String>,
    /// How long builds may go on after it was told to stop, before they go back to the queue.
    pub drain: Duration,
    /// Where faults are told.
    pub sentry_dsn: Option<Dsn>,
    /// What is logged: a level, or levels by module. What [`check_log`] refuses is `info`.
    pub log: String,
    /// What callers may use.
    pub limits: Limits,
    /// The key that secrets are sealed with; a file in the data directory, when absent.
    pub secret_key: Option<PathBuf>,
}

/// A service that answers.
#[derive(Debug)]
pub struct Started {
    /// Where it listens; a worker does not.
    pub address: Option<SocketAddr>,
    /// The admin key, at the very first start: it is shown this once.
    pub admin_key: Option<String>,
    /// What the database is.
    pub database: &'static str,
    /// Where artifacts are kept.
    pub artifacts: String,
}

/// Why a service does not start or go on.
#[derive(Debug, thiserror::Error)]
pub enum ServeError {
    /// The data directory.
    #[error("cannot use the data directory `{}`", path.display())]
    Data {
        /// The directory, or a file in it.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Another service has the data directory.
    #[error("another service uses the data directory `{}`", path.display())]
    InUse {
        /// The directory.
        path: PathBuf,
    },
    /// The artifacts.
    #[error(transparent)]
    Artifacts(#[from] ArtifactError),
    /// The database does not open.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The database does not answer.
    #[error(transparent)]
    Db(#[from] DbError),
    /// The way to the other processes.
    #[error(transparent)]
    Nats(#[from] NatsError),
    /// The schema of the database is not up to date, and was to stay as it is.
    #[error("the database lacks migrations: {}", .0.join(", "))]
    Pending(Vec<String>),
    /// A newer program made the schema of the database.
    #[error("a newer lbuild made the schema of the database: {}", .0.join(", "))]
    Newer(Vec<String>),
    /// The engine.
    #[error("the engine does not start")]
    Engine(#[source] lbuild_engine::OpenError),
    /// Nothing can be sent.
    #[error("cannot send messages")]
    Send(#[source] lbuild_fetch::FetchError),
    /// The address.
    #[error("cannot listen at {address}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The system has no random numbers.
    #[error("cannot make a key")]
    Random(#[source] getrandom::Error),
    /// The process.
    #[error("cannot run the service")]
    Run(#[source] io::Error),
}

/// Whether this says what is logged.
///
/// # Errors
/// What is wrong with it.
pub fn check_log(text: &str) -> Result<(), String> {
    EnvFilter::try_new(text).map(drop).map_err(|error| error.to_string())
}

/// Serves until SIGTERM or SIGINT, then drains. `started` is called when it answers.
pub fn serve(options: &ServeOptions, started: impl FnOnce(&Started)) -> Result<(), ServeError> {
    let filter = EnvFilter::try_new(&options.log).unwrap_or_else(|_| EnvFilter::new("info"));
    // a second service in one process, as in tests, logs through the first one's
    let _ = tracing_subscriber::fmt().json().with_env_filter(filter).with_writer(io::stderr).try_init();
    let runtime =
        tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(ServeError::Run)?;
    let result = runtime.block_on(run(options, started));
    runtime.shutdown_timeout(LAST_WORDS);
    result
}

async fn run(options: &ServeOptions, started: impl FnOnce(&Started)) -> Result<(), ServeError> {
    let mut terminate = signal(SignalKind::terminate()).map_err(ServeError::Run)?;
    let mut interrupt = signal(SignalKind::interrupt()).map_err(ServeError::Run)?;
    let service = open(options).await?;
    watch_panics(service.faults.clone());
    let mut greeting = Started {
        address: None,
        admin_key: None,
        database: service.db.kind(),
        artifacts: service.artifacts.name(),
    };
    let mut serving = JoinSet::new();
    let (stop, mut sending) = (CancellationToken::new(), None);
    if let Some(address) = options.listen {
        greeting.admin_key = first_key(&service.db).await?;
        let listener = bind(address).await?;
        let found = listener.local_addr().map_err(|source| ServeError::Listen { address, source })?;
        greeting.address = Some(found);
        serving.spawn(listen(listener, router(service.clone()), options.limits.clone()));
        sending = Some(tokio::spawn(service.courier().run(stop.clone())));
    }
    if let Some(address) = options.metrics {
        let (listener, app) = (bind(address).await?, inner_router(service.clone()));
        serving.spawn(listen(listener, app, options.limits.clone()));
    }
    if service.db.is_shared() {
        tokio::spawn(relay(service.clone()));
    }
    let working = tokio::spawn(Arc::clone(&service.pool).run(tools(&service)));
    started(&greeting);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::info!("stopping: no more builds are taken");
    tokio::select! {
        () = service.pool.drain(options.drain) => {}
        _ = terminate.recv() => service.pool.drain(Duration::ZERO).await,
        _ = interrupt.recv() => service.pool.drain(Duration::ZERO).await,
    }
    stop.cancel();
    let rest = async { (working.await, OptionFuture::from(sending).await) };
    let _ = tokio::time::timeout(LAST_WORDS, rest).await;
    service.faults.flush(LAST_WORDS);
    Ok(())
}

/// What the workers of this process do their work with.
fn tools(service: &Service) -> Tools {
    let tell_to = service.clone();
    Tools {
        db: service.db.clone(),
        artifacts: Arc::clone(&service.artifacts),
        bus: Arc::clone(&service.bus),
        tell: Arc::new(move |told| tell_to.tell(told)),
    }
}

async fn bind(address: SocketAddr) -> Result<TcpListener, ServeError> {
    TcpListener::bind(address).await.map_err(|source| ServeError::Listen { address, source })
}

/// Works on builds of a service whose API other processes serve, until SIGTERM or SIGINT, then drains.
pub fn work(options: &ServeOptions, started: impl FnOnce(&Started)) -> Result<(), ServeError> {
    serve(&ServeOptions { listen: None, ..options.clone() }, started)
}

/// Opens every part of a service.
pub async fn open(options: &ServeOptions) -> Result<Service, ServeError> {
    let data = |path: &Path, source| ServeError::Data { path: path.to_owned(), source };
    std::fs::create_dir_all(&options.data).map_err(|source| data(&options.data, source))?;
    let lock = take_directory(&options.data)?;
    let db = Database::open(&options.place().address()).await?;
    bring_up_to_date(&db, options.migrate).await?;
    let engine = EngineOptions {
        store: options.store.clone().unwrap_or_else(|| options.data.join("store")),
        offline: false,
        force: Vec::new(),
        reach: Reach::Public,
    };
    let engine = Engine::open(&engine, &Cancel::new()).map_err(ServeError::Engine)?;
    let scratch = options.data.join("work");
    // what a process left that was killed; its builds begin anew
    match std::fs::remove_dir_all(&scratch) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(data(&scratch, error)),
        _ => {}
    }
    let location = options.artifacts.clone();
    let location = location.unwrap_or_else(|| Location::Disk(options.data.join("artifacts")));
    let key = options.secret_key.clone().unwrap_or_else(|| options.data.join(SECRET_KEY));
    let sealer = Arc::new(Sealer::open(&key).map_err(|source| data(&key, source))?);
    let pusher = Pusher::new(db.clone(), Arc::clone(&sealer), options.egress.clone());
    let metrics = Arc::new(Metrics::default());
    let faults = options.sentry_dsn.clone().map(Faults::to).transpose().map_err(ServeError::Send)?;
    let faults = faults.unwrap_or_default();
    let pool = PoolOptions {
        workers: options.workers,
        scratch: scratch.clone(),
        name: name(),
        metrics: Arc::clone(&metrics),
        faults: faults.clone(),
        pusher,
    };
    let secret = options.data.join(SIGNING_SECRET);
    let signer = if db.is_shared() {
        // one that this process had by itself stays good
        let first = Signer::kept(&secret).map_err(|source| data(&secret, source))?;
        Signer::shared(&db.setting("signing-secret", &first).await?)
    } else {
        Signer::open(&secret)
    };
    let reach = lbuild_fetch::Reach::Public { except: options.egress.clone() };
    Ok(Service(Arc::new(Parts {
        _lock: lock,
        artifacts: Arc::new(Artifacts::open(&location).await?),
        data: options.data.clone(),
        images: Images::default(),
        callers: Callers::default(),
        meter: Meter::new(options.limits.clone()),
        hub: Hub::default(),
        inquiries: Inquiries::new(engine.clone()),
        metrics,
        faults,
        audited: tokio::sync::Mutex::default(),
        sealer,
        poster: Arc::new(Poster::new(reach).map_err(ServeError::Send)?),
        bus: Arc::new(bus(options.nats.as_deref(), &db).await?),
        signer: Arc::new(signer.map_err(|source| data(&secret, source))?),
        pool: Pool::new(engine, pool).map_err(|source| data(&scratch, source))?,
        db,
    })))
}

/// The way to the other processes of the service, when it has one.
async fn bus(address: Option<&str>, db: &Database) -> Result<Bus, ServeError> {
    let Some(address) = address else { return Ok(Bus::default()) };
    // several services may be at one server
    let service = db.setting("service", &uuid::Uuid::now_v7().simple().to_string()).await?;
    Ok(Bus::over(Nats::connect(address, &service).await?))
}

impl ServeOptions {
    /// Where it keeps things.
    pub fn place(&self) -> Place {
        Place { data: self.data.clone(), database: self.database.clone() }
    }
}

async fn bring_up_to_date(db: &Database, migrate: bool) -> Result<(), ServeError> {
    let Schema { pending, unknown, .. } = db.schema().await?;
    if !unknown.is_empty() {
        return Err(ServeError::Newer(unknown));
    }
    if migrate {
        return Ok(db.migrate().await?);
    }
    if pending.is_empty() { Ok(()) } else { Err(ServeError::Pending(pending)) }
}

/// Tries whether a service could listen there.
pub(crate) fn try_listen(address: SocketAddr) -> io::Result<()> {
    std::net::TcpListener::bind(address).map(drop)
}

/// Makes the data directory this process' own for as long as the file is open.
pub(crate) fn take_directory(directory: &Path) -> Result<File, ServeError> {
    let path = directory.join(LOCK);
    let failed = |source| ServeError::Data { path: path.clone(), source };
    let file = File::options().create(true).truncate(false).write(true).open(&path).map_err(failed)?;
    match file.try_lock() {
        Ok(()) => Ok(file),
        Err(TryLockError::WouldBlock) => Err(ServeError::InUse { path: directory.to_owned() }),
        Err(TryLockError::Error(error)) => Err(failed(error)),
    }
}

/// What this process is called in the queue.
fn name() -> String {
    let host = rustix::system::uname().nodename().to_string_lossy().into_owned();
    format!("{host}-{}", std::process::id())
}

/// At the very first start, a tenant for whoever runs the service, and a key that may do everything.
pub async fn first_key(db: &Database) -> Result<Option<String>, ServeError> {
    if db.has_keys().await? {
        return Ok(None);
    }
    let tenant = operator(db).await?;
    let text = KeyText::generate().map_err(ServeError::Random)?;
    let new = NewKey {
        id: text.id().to_owned(),
        tenant: tenant.id,
        name: "first".to_owned(),
        secret_sha256: text.secret_sha256(),
        scopes: Scope::ALL.map(|scope| scope.name().to_owned()).to_vec(),
        expires_at: None,
    };
    if !db.create_first_key(&new).await? {
        // another process of the service was first
        return Ok(None);
    }
    let entry = Entry {
        actor: "system".to_owned(),
        tenant: Some(tenant.id),
        action: "key.create".to_owned(),
        object: new.id,
        ..Entry::default()
    };
    db.audit(&entry).await?;
    Ok(Some(text.reveal()))
}

/// The tenant of whoever runs the service.
async fn operator(db: &Database) -> Result<Tenant, ServeError> {
    let taken = match db.create_tenant("operator", Tier::Enterprise).await {
        Ok(tenant) => return Ok(tenant),
        Err(NewTenantError::Db(error)) => return Err(error.into()),
        Err(taken @ NewTenantError::Taken(_)) => taken,
    };
    let found = db.tenants().await?.into_iter().find(|tenant| tenant.name == "operator");
    found.ok_or_else(|| ServeError::Run(io::Error::other(taken)))
}
