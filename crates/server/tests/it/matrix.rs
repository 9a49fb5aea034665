//! Who may do what: every operation of the OpenAPI document, by every kind of caller (T29).

use std::time::Duration;

use axum::body::Body;
use axum::http::Request;
use lbuild_db::delivery::Outcome;
use lbuild_db::webhook::WebhookSettings;
use lbuild_server::router::openapi;
use serde_json::{Value, json};

use crate::support::{Fixture, SPEC, Session, fixture};

/// Operations that need no key.
const OPEN: [&str; 6] = [
    "/health/live",
    "/health/ready",
    "/api/v1/schema",
    "/api/v1/bases",
    "/api/v1/layers",
    "/api/v1/shared/{token}",
];

/// Scopes of an owner who is no admin.
const ALL: [&str; 5] = ["build:create", "build:read", "build:cancel", "config:write", "template:write"];

/// A scope that hardly any operation needs, and another one for those.
const LOW: &str = "build:cancel";
const LOWER: &str = "build:read";

/// The scope that each operation needs; one that is missing here fails the test.
fn scope(method: &str, path: &str) -> Option<&'static str> {
    match (method, path) {
        ("post", "/api/v1/builds" | "/api/v1/builds/{id}/retry") => Some("build:create"),
        ("delete", "/api/v1/builds/{id}") | ("post", "/api/v1/builds/{id}/cancel") => Some("build:cancel"),
        (_, path) if path.ends_with("/pin") => Some("build:create"),
        ("get", path) if path.starts_with("/api/v1/builds") => Some("build:read"),
        ("get", path) if path.starts_with("/v2/") => Some("build:read"),
        ("get", "/api/v1/tenant") => Some(""),
        (_, path) if path.starts_with("/api/v1/secrets") => Some("config:write"),
        ("put", "/api/v1/tenant/retention") => Some("config:write"),
        (_, path) if path.starts_with("/api/v1/admin/") => Some("admin"),
        ("get", "/metrics") => Some("admin"),
        (_, path) if path.starts_with("/api/v1/webhooks") => Some("config:write"),
        ("post", "/api/v1/specs/validate" | "/api/v1/layers") => Some(""),
        ("get", path) if path.starts_with("/api/v1/packages") => Some(""),
        ("post", "/api/v1/resolve") => Some("one of several"),
        ("get", path) if path.starts_with("/api/v1/configurations") => Some("one of several"),
        ("get", path) if path.starts_with("/api/v1/templates") => Some("one of several"),
        ("post", path) if path.ends_with("/fork") => Some("config:write"),
        (_, path) if path.starts_with("/api/v1/configurations") => Some("config:write"),
        (_, path) if path.starts_with("/api/v1/templates") => Some("template:write"),
        ("post", "/api/v1/session") => Some("open"),
        (_, "/api/v1/session") => Some("session"),
        ("get", "/ws" | "/ws/builds/{id}") => Some("websocket"),
        (_, path) if OPEN.contains(&path) => Some("open"),
        _ => None,
    }
}

fn body(path: &str) -> (&'static str, String) {
    match path {
        "/api/v1/builds"
        | "/api/v1/specs/validate"
        | "/api/v1/resolve"
        | "/api/v1/layers"
        | "/api/v1/configurations"
        | "/api/v1/configurations/{id}"
        | "/api/v1/templates"
        | "/api/v1/templates/{id}" => ("application/toml", SPEC.to_owned()),
        "/api/v1/admin/keys" => {
            ("application/json", json!({ "name": "k", "scopes": ["build:read"] }).to_string())
        }
        "/api/v1/webhooks" | "/api/v1/webhooks/{id}" => {
            ("application/json", json!({ "url": "https://example.org/hook" }).to_string())
        }
        "/api/v1/admin/tenants" => ("application/json", json!({ "name": "t", "tier": "free" }).to_string()),
        "/api/v1/secrets/{name}" => {
            ("application/json", json!({ "username": "u", "password": "p" }).to_string())
        }
        "/api/v1/tenant/retention" => {
            let retention = json!({ "isoHours": 24, "otherHours": null, "isoAfterDownload": false });
            ("application/json", retention.to_string())
        }
        "/api/v1/admin/tenants/{id}" => ("application/json", json!({ "suspended": false }).to_string()),
        path if path.ends_with("/fork") => ("application/json", json!({ "name": "fork" }).to_string()),
        _ => ("", String::new()),
    }
}

/// What an operation is tried on: values of the parameters in its path.
type Subject = Vec<(&'static str, String)>;

/// A build that has ended, since an event stream of one that goes on has no end, or whatever else a path is about; all
/// of the fixture's own tenant.
async fn subject(fixture: &Fixture, path: &str, name: &str) -> Subject {
    if path.starts_with("/api/v1/webhooks/") {
        return webhook(fixture).await;
    }
    if let Some(kind) =
        ["configurations", "templates"].into_iter().find(|kind| path.contains(&format!("/{kind}/")))
    {
        let (id, version) = (keep(fixture, kind, name).await, "1".to_owned());
        return vec![("{id}", id), ("{version}", version)];
    }
    if path.starts_with("/api/v1/shared/") {
        return vec![("{token}", share(fixture, name).await)];
    }
    if path.starts_with("/api/v1/packages/") {
        return vec![("{base}", "debian".to_owned()), ("{name}", "hello".to_owned())];
    }
    let build = fixture.submit(&SPEC.replace("small", name)).await;
    let id = build.parse().expect("an id");
    fixture.service.db.cancel(fixture.tenant, id).await.expect("it stops");
    if path.starts_with("/api/v1/secrets/") {
        fixture.service.db.put_secret(fixture.tenant, "small.iso", "sealed").await.expect("it is kept");
    }
    let fixed = [("{name}", "small.iso"), ("{reference}", "latest"), ("{digest}", "sha256:0")];
    fixed.into_iter().map(|(name, value)| (name, value.to_owned())).chain([("{id}", build)]).collect()
}

/// A new configuration or template; its id.
async fn keep(fixture: &Fixture, kind: &str, name: &str) -> String {
    let spec = SPEC.replace("small", name);
    let path = format!("/api/v1/{kind}");
    let kept = fixture.send("POST", &path, &fixture.admin, "application/toml", spec).await.json();
    kept["id"].as_str().expect("an id").to_owned()
}

/// The secret of a link to a new template.
async fn share(fixture: &Fixture, name: &str) -> String {
    let path = format!("/api/v1/templates/{}/share", keep(fixture, "templates", name).await);
    let shared = fixture.send("POST", &path, &fixture.admin, "", "").await.json();
    shared["token"].as_str().expect("a token").to_owned()
}

async fn webhook(fixture: &Fixture) -> Subject {
    let db = &fixture.service.db;
    let settings = WebhookSettings {
        url: "https://example.org/hook".to_owned(),
        format: "standard".to_owned(),
        events: vec!["build.dead".to_owned()],
    };
    let webhook = db.create_webhook(fixture.tenant, &settings, 100).await.expect("an answer").expect("one");
    let delivery = db.send_to_webhook(webhook.id, "webhook.test", &json!({})).await.expect("it is written");
    // what other operations wrote is due before
    while let Some(due) = db.claim_delivery(Duration::from_mins(1)).await.expect("an answer") {
        db.end_attempt(&due, &Outcome::Delivered, None, None).await.expect("it has ended");
    }
    vec![("{id}", webhook.id.to_string()), ("{delivery}", delivery.to_string())]
}

/// How somebody shows who they are.
enum Who {
    Nobody,
    Key(String),
    Session(Session),
}

/// Everybody, either by their keys or by sessions of these.
struct Cast {
    owner: Who,
    admin: Who,
    /// Of the same tenant, with other scopes.
    low: Who,
    lower: Who,
    /// Of another tenant.
    other: Who,
    revoked: Who,
}

impl Cast {
    async fn by_keys(fixture: &Fixture) -> Self {
        let revoked = fixture.key(fixture.tenant, &ALL).await;
        revoke(fixture, &revoked).await;
        Self {
            owner: Who::Key(fixture.key(fixture.tenant, &ALL).await),
            admin: Who::Key(fixture.admin.clone()),
            low: Who::Key(fixture.key(fixture.tenant, &[LOW]).await),
            lower: Who::Key(fixture.key(fixture.tenant, &[LOWER]).await),
            other: Who::Key(fixture.stranger("other", &ALL).await),
            revoked: Who::Key(revoked),
        }
    }

    async fn by_sessions(fixture: &Fixture) -> Self {
        let revoked = fixture.key(fixture.tenant, &ALL).await;
        let session = async |key: &str| Who::Session(fixture.session(key).await);
        let of_revoked = session(&revoked).await;
        revoke(fixture, &revoked).await;
        Self {
            owner: session(&fixture.key(fixture.tenant, &ALL).await).await,
            admin: session(&fixture.admin).await,
            low: session(&fixture.key(fixture.tenant, &[LOW]).await).await,
            lower: session(&fixture.key(fixture.tenant, &[LOWER]).await).await,
            other: session(&fixture.stranger("another", &ALL).await).await,
            revoked: of_revoked,
        }
    }
}

async fn revoke(fixture: &Fixture, key: &str) {
    let id = key.strip_prefix("lb_live_").and_then(|rest| rest.get(..12)).expect("an id");
    assert!(fixture.service.db.revoke_key(id).await.expect("an answer"));
}

/// An operation of the document.
struct Operation<'a> {
    fixture: &'a Fixture,
    method: &'a str,
    path: &'a str,
    scope: &'a str,
    subject: Subject,
}

impl Operation<'_> {
    fn request(&self) -> axum::http::request::Builder {
        let path =
            self.subject.iter().fold(self.path.to_owned(), |path, (name, value)| path.replace(name, value));
        let query = if self.path == "/api/v1/packages" { "?base=debian&q=hello" } else { "" };
        let request = Request::builder().method(self.method.to_uppercase().as_str());
        request.uri(path + query).header("if-match", "\"1\"")
    }

    async fn send(&self, request: axum::http::request::Builder) -> u16 {
        let (kind, body) = body(self.path);
        let request = if kind.is_empty() { request } else { request.header("content-type", kind) };
        self.fixture.call(request.body(Body::from(body)).expect("a request")).await.status.as_u16()
    }

    async fn by(&self, who: &Who) -> u16 {
        let request = self.request();
        self.send(match who {
            Who::Nobody => request,
            Who::Key(key) => request.header("authorization", format!("Bearer {key}")),
            Who::Session(session) => {
                request.header("cookie", &session.cookie).header("x-csrf-token", &session.token)
            }
        })
        .await
    }

    /// What a page of another site could make a browser send.
    async fn refuses_forgeries(&self, session: &Session, name: &str) {
        if self.method == "get" {
            return;
        }
        let with_cookie = || self.request().header("cookie", &session.cookie);
        assert_eq!(self.send(with_cookie()).await, 403, "{name} without the token");
        let wrong = with_cookie().header("x-csrf-token", "0".repeat(64));
        assert_eq!(self.send(wrong).await, 403, "{name} with a wrong token");
        let elsewhere = [("origin", "https://evil.example"), ("sec-fetch-site", "cross-site")];
        for (header, value) in elsewhere {
            let request = with_cookie().header("x-csrf-token", &session.token).header("host", "localhost");
            assert_eq!(self.send(request.header(header, value)).await, 403, "{name} from a page elsewhere");
        }
    }

    async fn check(&self, cast: &Cast, name: &str) {
        assert_eq!(self.by(&Who::Nobody).await, 401, "{name} by nobody");
        assert_eq!(self.by(&cast.revoked).await, 401, "{name} with a revoked key");
        if let Who::Session(session) = &cast.owner {
            self.refuses_forgeries(session, name).await;
        }
        if !["", "session"].contains(&self.scope) {
            let without = if self.scope == LOW { &cast.lower } else { &cast.low };
            assert_eq!(self.by(without).await, 403, "{name} without the scope");
        }
        if self.path.contains("{id}") && self.scope != "admin" {
            assert_eq!(self.by(&cast.other).await, 404, "{name} by a stranger");
        }
        if self.scope == "admin" {
            assert_eq!(self.by(&cast.owner).await, 403, "{name} by an owner who is no admin");
            assert_ne!(self.by(&cast.admin).await / 100, 5, "{name} by the admin");
            return;
        }
        let status = self.by(&cast.owner).await;
        // there is nothing to download of a build without artifacts, and no session where there is a key
        let nothing = status == 404
            && (self.path.contains("/artifacts/{name}")
                || self.path.starts_with("/v2/builds/")
                || (self.scope == "session" && matches!(cast.owner, Who::Key(_))));
        assert!(status < 300 || nothing, "{name} by its owner: {status}");
    }
}

/// Every operation of the document: method, path, scope.
fn operations(document: &Value) -> Vec<(String, String, &'static str)> {
    let paths = document["paths"].as_object().expect("paths");
    let methods = paths.iter().flat_map(|(path, methods)| {
        let methods = methods.as_object().expect("methods").keys().filter(|key| *key != "parameters");
        methods.map(move |method| (method.clone(), path.clone()))
    });
    let scoped = methods.map(|(method, path)| {
        let scope = scope(&method, &path);
        let scope = scope.unwrap_or_else(|| panic!("{method} {path} is in no row of the matrix"));
        (method, path, scope)
    });
    scoped.collect()
}

#[tokio::test]
async fn t29_every_operation_refuses_who_must_not_use_it() {
    let fixture = fixture().await;
    let document = serde_json::to_value(openapi()).expect("JSON");
    let operations = operations(&document);
    assert!(operations.len() >= 40, "{} operations", operations.len());
    let casts = [("key", Cast::by_keys(&fixture).await), ("session", Cast::by_sessions(&fixture).await)];
    for (way, cast) in &casts {
        for (n, (method, path, scope)) in operations.iter().enumerate() {
            // logging out ends what the others are asked with
            if ["open", "websocket"].contains(scope) || (*scope == "session" && method == "delete") {
                continue;
            }
            let subject = subject(&fixture, path, &format!("{way}{n}")).await;
            let operation = Operation { fixture: &fixture, method, path, scope, subject };
            operation.check(cast, &format!("{method} {path} by {way}")).await;
        }
    }
}

#[tokio::test]
async fn t30_what_only_the_service_decides_cannot_be_sent() {
    let fixture = fixture().await;
    let spec = json!({ "spec": 1, "name": "small", "base": "debian", "outputs": ["rootfs"] });
    for field in ["tenant_id", "tenant", "status", "state", "priority", "quota", "approved", "id", "pinned"] {
        let mut body = json!({ "spec": spec });
        body[field] = Value::from("x");
        let answer = fixture
            .send("POST", "/api/v1/builds", &fixture.admin, "application/json", body.to_string())
            .await;
        let problem = answer.problem(400, "malformed-request");
        assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains(field)), "{problem}");
    }
    let build = fixture.submit(SPEC).await;
    let view = fixture.get(&format!("/api/v1/builds/{build}")).await.json();
    for hidden in ["tenant", "tenantId", "worker", "attempt", "leaseUntil", "specDigest", "spec"] {
        assert!(view.get(hidden).is_none(), "{hidden} is nobody's business");
    }
}
