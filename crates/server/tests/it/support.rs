//! A service with an empty data directory, and a client of it.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use lbuild_db::TenantId;
use lbuild_db::build::Artifact;
use lbuild_db::key::NewKey;
use lbuild_db::queue::{Ending, Lease};
use lbuild_db::retention::ISO;
use lbuild_db::tenant::Tier;
use lbuild_engine::Cancel;
use lbuild_server::ServeOptions;
use lbuild_server::artifact::{Made, Upload};
use lbuild_server::auth::key::KeyText;
use lbuild_server::limit::Limits;
use lbuild_server::limit::bucket::Quota;
use lbuild_server::listen::listen;
use lbuild_server::router::router;
use lbuild_server::serve::{first_key, open};
use lbuild_server::state::Service;
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::net::TcpListener;
use tower::ServiceExt as _;

pub const SPEC: &str = "spec = 1\nname = \"small\"\nbase = \"debian\"\noutputs = [\"rootfs\"]\n";

/// How long a build is a worker's in tests.
const LEASE: Duration = Duration::from_mins(10);

/// A service without workers: builds stay where tests put them.
pub struct Fixture {
    pub service: Service,
    pub app: Router,
    pub admin: String,
    pub tenant: TenantId,
    _directory: TempDir,
}

/// A browser that is logged in.
pub struct Session {
    /// What it sends as `Cookie`.
    pub cookie: String,
    /// What its pages send as `X-CSRF-Token`.
    pub token: String,
}

/// An answer, read whole.
pub struct Answer {
    pub status: StatusCode,
    pub headers: HeaderMap,
    pub body: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// Every refusal is a problem, with the request's id.
    pub fn problem(&self, status: u16, name: &str) -> Value {
        assert_eq!(self.status.as_u16(), status, "{}", self.text());
        assert_eq!(self.header("content-type"), "application/problem+json");
        let problem = self.json();
        assert_eq!(problem["type"], format!("urn:lbuild:problem:{name}"), "{problem}");
        assert_eq!(problem["status"], status);
        assert_eq!(problem["trace_id"], self.header("x-request-id"));
        problem
    }
}

/// A service whose limits no test meets by accident.
pub async fn fixture() -> Fixture {
    fixture_like(|_| {}).await
}

pub async fn fixture_with(limits: Limits) -> Fixture {
    fixture_like(|options| options.limits = limits).await
}

/// A service with other options.
pub async fn fixture_like(change: impl FnOnce(&mut ServeOptions)) -> Fixture {
    let plenty = Quota { requests: 1_000_000, window: Duration::from_mins(1) };
    let directory = tempfile::tempdir().expect("a directory");
    let mut options = ServeOptions {
        listen: None,
        data: directory.path().to_owned(),
        database: None,
        artifacts: None,
        nats: None,
        store: None,
        migrate: true,
        workers: 0,
        metrics: None,
        egress: Vec::new(),
        drain: Duration::ZERO,
        log: "info".to_owned(),
        sentry_dsn: None,
        limits: Limits { address: plenty, failures: plenty, ..Limits::default() },
        secret_key: None,
    };
    change(&mut options);
    let service = open(&options).await.expect("the service opens");
    let admin = first_key(&service.db).await.expect("an answer").expect("the first key");
    let tenant = service.db.tenants().await.expect("tenants")[0].id;
    Fixture { app: router(service.clone()), service, admin, tenant, _directory: directory }
}

impl Fixture {
    /// The same service over real connections.
    pub async fn listen(&self) -> SocketAddr {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("its address");
        let limits = self.service.meter.limits().clone();
        tokio::spawn(listen(listener, self.app.clone(), limits));
        address
    }

    /// Answers as one at this address sees them.
    pub async fn call_from(&self, address: [u8; 4], request: Request<Body>) -> Answer {
        let mut request = request;
        request.extensions_mut().insert(ConnectInfo(SocketAddr::from((address, 9))));
        let response = self.app.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body").to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
    }

    /// A key of a new tenant.
    pub async fn stranger(&self, name: &str, scopes: &[&str]) -> String {
        let tenant = self.service.db.create_tenant(name, Tier::Pro).await.expect("a tenant");
        self.key(tenant.id, scopes).await
    }

    pub async fn key(&self, tenant: TenantId, scopes: &[&str]) -> String {
        let text = KeyText::generate().expect("a key");
        let new = NewKey {
            id: text.id().to_owned(),
            tenant,
            name: "test".to_owned(),
            secret_sha256: text.secret_sha256(),
            scopes: scopes.iter().map(|&scope| scope.to_owned()).collect(),
            expires_at: None,
        };
        self.service.db.create_key(&new).await.expect("it is kept");
        text.reveal()
    }

    /// Logs in with a key.
    pub async fn session(&self, key: &str) -> Session {
        let body = json!({ "key": key }).to_string();
        let answer = self.send("POST", "/api/v1/session", "", "application/json", body).await;
        assert_eq!(answer.status, StatusCode::CREATED, "{}", answer.text());
        let cookie = answer.header("set-cookie").split(';').next().expect("a cookie").to_owned();
        Session { cookie, token: answer.json()["csrfToken"].as_str().expect("a token").to_owned() }
    }

    pub async fn call(&self, request: Request<Body>) -> Answer {
        self.call_from([127, 0, 0, 1], request).await
    }

    pub async fn send(
        &self,
        method: &str,
        path: &str,
        key: &str,
        kind: &str,
        body: impl Into<Body>,
    ) -> Answer {
        let method = Method::from_bytes(method.as_bytes()).expect("a method");
        let mut request = Request::builder().method(method).uri(path).header("content-type", kind);
        if !key.is_empty() {
            request = request.header("authorization", format!("Bearer {key}"));
        }
        self.call(request.body(body.into()).expect("a request")).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &self.admin, "", Body::empty()).await
    }

    /// Takes the build whose turn it is, as a worker does.
    pub async fn claim(&self) -> Lease {
        self.service.db.claim("test", LEASE).await.expect("a claim").expect("a build").lease
    }

    /// Ends a build with one artifact of these bytes, as a worker does.
    pub async fn succeed(&self, lease: &Lease, bytes: &[u8]) {
        self.succeed_with(lease, "small.iso", ISO, bytes).await;
    }

    /// The same with an artifact of another kind.
    pub async fn succeed_with(&self, lease: &Lease, name: &str, media_type: &str, bytes: &[u8]) {
        let sha256 = hex::encode(Sha256::digest(bytes));
        let service = &self.service;
        let path = service.data.join("made");
        std::fs::write(&path, bytes).expect("it is written");
        let made = Made { path, sha256: sha256.clone(), size: bytes.len() as u64 };
        let id = service.db.want_blob(lease, &sha256).await.expect("it is granted");
        let upload = Upload { db: &service.db, id, cancel: &Cancel::new() };
        service.artifacts.keep(&made, &upload).await.expect("it is kept");
        let artifact = Artifact {
            name: name.to_owned(),
            media_type: media_type.to_owned(),
            size: i64::try_from(bytes.len()).expect("few bytes"),
            sha256,
        };
        let ending = Ending::Succeeded {
            artifacts: vec![artifact],
            cache: json!({ "hit": false }),
            boot: None,
            warnings: json!([]),
            pushed: None,
        };
        self.service.db.finish(lease, &[], &ending).await.expect("it ends");
    }

    /// A build that has ended with one artifact of these bytes; its id.
    pub async fn built(&self, bytes: &[u8]) -> String {
        let id = self.submit(SPEC).await;
        let lease = self.claim().await;
        self.succeed(&lease, bytes).await;
        id
    }

    /// Sends JSON as the admin.
    pub async fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &self.admin, "application/json", body.to_string()).await
    }

    /// Submits a spec; the build's id.
    pub async fn submit(&self, spec: &str) -> String {
        let answer =
            self.send("POST", "/api/v1/builds", &self.admin, "application/toml", spec.to_owned()).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        answer.json()["id"].as_str().expect("an id").to_owned()
    }
}
