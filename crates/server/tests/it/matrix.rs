//! Who may do what: every operation of the OpenAPI document, by every kind of caller (T29).

use axum::body::Body;
use axum::http::Request;
use lbuild_server::router::openapi;
use serde_json::{Value, json};

use crate::support::{Fixture, SPEC, fixture};

/// Operations that need no key.
const OPEN: [&str; 3] = ["/health/live", "/health/ready", "/api/v1/schema"];

/// The scope that each operation needs; one that is missing here fails the test.
fn scope(method: &str, path: &str) -> Option<&'static str> {
    match (method, path) {
        ("post", "/api/v1/builds" | "/api/v1/builds/{id}/retry") => Some("build:create"),
        ("delete", "/api/v1/builds/{id}") | ("post", "/api/v1/builds/{id}/cancel") => Some("build:cancel"),
        ("get", path) if path.starts_with("/api/v1/builds") => Some("build:read"),
        (_, path) if path.starts_with("/api/v1/admin/") => Some("admin"),
        ("post", "/api/v1/specs/validate") => Some(""),
        ("get", "/ws" | "/ws/builds/{id}") => Some("websocket"),
        (_, path) if OPEN.contains(&path) => Some("open"),
        _ => None,
    }
}

fn body(path: &str) -> (&'static str, String) {
    match path {
        "/api/v1/builds" | "/api/v1/specs/validate" => ("application/toml", SPEC.to_owned()),
        "/api/v1/admin/keys" => {
            ("application/json", json!({ "name": "k", "scopes": ["build:read"] }).to_string())
        }
        "/api/v1/admin/tenants" => ("application/json", json!({ "name": "t", "tier": "free" }).to_string()),
        "/api/v1/admin/tenants/{id}" => ("application/json", json!({ "suspended": false }).to_string()),
        _ => ("", String::new()),
    }
}

async fn ask(fixture: &Fixture, method: &str, path: &str, id: &str, key: &str) -> u16 {
    let (kind, body) = body(path);
    let path = path.replace("{id}", id).replace("{name}", "small.iso");
    let mut request = Request::builder().method(method.to_uppercase().as_str()).uri(path);
    if !key.is_empty() {
        request = request.header("authorization", format!("Bearer {key}"));
    }
    if !kind.is_empty() {
        request = request.header("content-type", kind);
    }
    // an event stream of a build that goes on has no end, so this one has ended before it is asked for
    fixture.call(request.body(Body::from(body)).expect("a request")).await.status.as_u16()
}

#[tokio::test]
async fn t29_every_operation_refuses_who_must_not_use_it() {
    let fixture = fixture().await;
    let all = ["build:create", "build:read", "build:cancel", "config:write", "template:write"];
    let owner = fixture.key(fixture.tenant, &all).await;
    let low = fixture.key(fixture.tenant, &["template:write"]).await;
    let other = fixture.stranger("other", &all).await;
    let revoked = fixture.key(fixture.tenant, &all).await;
    let id = revoked.strip_prefix("lb_live_").and_then(|rest| rest.get(..12)).expect("an id");
    assert!(fixture.service.db.revoke_key(id).await.expect("an answer"));

    let document = serde_json::to_value(openapi()).expect("JSON");
    let paths = document["paths"].as_object().expect("paths");
    let mut operations = 0;
    for (path, methods) in paths {
        for method in methods.as_object().expect("methods").keys().filter(|key| *key != "parameters") {
            operations += 1;
            let Some(scope) = scope(method, path) else {
                panic!("{method} {path} is in no row of the matrix")
            };
            if scope == "open" || scope == "websocket" {
                continue;
            }
            let build = fixture.submit(&SPEC.replace("small", &format!("n{operations}"))).await;
            let build_id = build.parse().expect("an id");
            fixture.service.db.cancel(fixture.tenant, build_id).await.expect("it stops");
            let by = async |key: &str| ask(&fixture, method, path, &build, key).await;
            let name = format!("{method} {path}");
            assert_eq!(by("").await, 401, "{name} by nobody");
            assert_eq!(by(&revoked).await, 401, "{name} by a revoked key");
            if !scope.is_empty() {
                assert_eq!(by(&low).await, 403, "{name} without the scope");
            }
            let has_build = path.contains("/builds/{id}") && scope != "admin";
            if has_build {
                assert_eq!(by(&other).await, 404, "{name} by a stranger");
            }
            if scope == "admin" {
                assert_eq!(by(&owner).await, 403, "{name} by an owner who is no admin");
                assert_ne!(by(&fixture.admin).await / 100, 5, "{name} by the admin");
            } else {
                let status = by(&owner).await;
                // a build without artifacts has none to download
                let nothing = path.ends_with("/artifacts/{name}") && status == 404;
                assert!(status < 300 || nothing, "{name} by its owner: {status}");
            }
        }
    }
    assert!(operations >= 20, "{operations} operations");
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
