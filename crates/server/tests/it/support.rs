//! A service with an empty data directory, and a client of it.

use std::net::SocketAddr;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::{HeaderMap, Method, Request, StatusCode};
use lbuild_db::TenantId;
use lbuild_db::key::NewKey;
use lbuild_db::tenant::Tier;
use lbuild_server::ServeOptions;
use lbuild_server::auth::key::KeyText;
use lbuild_server::router::router;
use lbuild_server::serve::{first_key, open};
use lbuild_server::state::Service;
use serde_json::Value;
use tempfile::TempDir;
use tower::ServiceExt as _;

pub const SPEC: &str = "spec = 1\nname = \"small\"\nbase = \"debian\"\noutputs = [\"rootfs\"]\n";

/// A service without workers: builds stay where tests put them.
pub struct Fixture {
    pub service: Service,
    pub app: Router,
    pub admin: String,
    pub tenant: TenantId,
    _directory: TempDir,
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

pub async fn fixture() -> Fixture {
    let directory = tempfile::tempdir().expect("a directory");
    let options = ServeOptions {
        listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        data: directory.path().to_owned(),
        database: None,
        workers: 0,
        drain: Duration::ZERO,
    };
    let service = open(&options).await.expect("the service opens");
    let admin = first_key(&service.db).await.expect("an answer").expect("the first key");
    let tenant = service.db.tenants().await.expect("tenants")[0].id;
    Fixture { app: router(service.clone()), service, admin, tenant, _directory: directory }
}

impl Fixture {
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

    pub async fn call(&self, request: Request<Body>) -> Answer {
        let mut request = request;
        let address = SocketAddr::from(([127, 0, 0, 1], 9));
        request.extensions_mut().insert(ConnectInfo(address));
        let response = self.app.clone().oneshot(request).await.expect("an answer");
        let (parts, body) = response.into_parts();
        let body = to_bytes(body, usize::MAX).await.expect("a body").to_vec();
        Answer { status: parts.status, headers: parts.headers, body }
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

    /// Submits a spec; the build's id.
    pub async fn submit(&self, spec: &str) -> String {
        let answer =
            self.send("POST", "/api/v1/builds", &self.admin, "application/toml", spec.to_owned()).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{}", answer.text());
        answer.json()["id"].as_str().expect("an id").to_owned()
    }
}
