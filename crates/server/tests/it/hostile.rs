//! Requests that nobody means well with: each is refused at once, by a problem that names what is wrong.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::StatusCode;
use serde_json::json;

use crate::support::{Fixture, SPEC, fixture};

async fn post(fixture: &Fixture, kind: &str, body: impl Into<Body>) -> crate::support::Answer {
    let began = Instant::now();
    let answer = fixture.send("POST", "/api/v1/builds", &fixture.admin, kind, body).await;
    assert!(began.elapsed() < Duration::from_secs(1), "an answer takes less than a second");
    answer
}

fn with(field: &str, value: serde_json::Value) -> String {
    let mut spec = json!({ "spec": 1, "name": "small", "base": "debian", "outputs": ["rootfs"] });
    spec[field] = value;
    json!({ "spec": spec }).to_string()
}

#[tokio::test]
async fn t01_names_of_packages_are_names() {
    let fixture = fixture().await;
    let long = "a".repeat(1 << 20);
    let names =
        ["?essential", "~i", "-o=APT::Update::Pre-Invoke::=id", "./x.deb", "a;id", "$(id)", "a\u{0}b", &long];
    for name in names {
        let answer = post(&fixture, "application/json", with("packages", json!([name]))).await;
        let problem = answer.problem(422, "invalid-spec");
        let pointer = problem["errors"][0]["pointer"].as_str().expect("a pointer");
        assert!(pointer.starts_with("/packages"), "{problem}");
        assert!(answer.body.len() < 10_000, "the name is not thrown back whole");
    }
}

#[tokio::test]
async fn t02_users_hosts_and_kernel_parameters_stay_what_they_are() {
    let fixture = fixture().await;
    let cases = [
        ("hostname", json!("a\nb")),
        ("hostname", json!("a b")),
        ("users", json!([{ "name": "root:0:0" }])),
        ("users", json!([{ "name": "a\nb" }])),
        ("users", json!([{ "name": "../x" }])),
        ("kernel", json!({ "parameters": ["quiet\ninit=/bin/sh"] })),
    ];
    for (field, value) in cases {
        let problem =
            post(&fixture, "application/json", with(field, value.clone())).await.problem(422, "invalid-spec");
        let pointer = problem["errors"][0]["pointer"].as_str().expect("a pointer");
        assert!(pointer.starts_with(&format!("/{field}")), "{value}: {problem}");
    }
}

#[tokio::test]
async fn t03_paths_of_overlay_files_stay_inside() {
    let fixture = fixture().await;
    for path in [
        "/etc/../../x",
        "etc/x",
        "/a/./b",
        "/a/",
        "/proc/x",
        "/dev/x",
        "/a\u{0}b",
        &format!("/{}", "x".repeat(256)),
    ] {
        let files = json!([{ "path": path, "text": "x" }]);
        let problem =
            post(&fixture, "application/json", with("files", files)).await.problem(422, "invalid-spec");
        let pointer = problem["errors"][0]["pointer"].as_str().expect("a pointer");
        assert!(pointer.starts_with("/files"), "{path}: {problem}");
    }
    let beside = json!([{ "path": "/etc/x", "source": "secret" }]);
    let problem =
        post(&fixture, "application/json", with("files", beside)).await.problem(422, "invalid-spec");
    assert_eq!(problem["errors"][0]["code"], "file-not-sent");
}

#[tokio::test]
async fn t04_bodies_that_are_no_specs_are_refused_at_once() {
    let fixture = fixture().await;
    let deep = format!("{{\"spec\": {}1{}}}", "[".repeat(200), "]".repeat(200));
    let bomb = "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n";
    let refused: [(&str, Vec<u8>, u16); 10] = [
        ("application/json", deep.into_bytes(), 422),
        ("application/json", vec![b'['; 1 << 20], 400),
        ("application/yaml", bomb.as_bytes().to_vec(), 422),
        ("application/json", b"{\"spec\": {}, \"spec\": {}}".to_vec(), 400),
        ("application/json", b"{\"spec\": {\"name\": \"a\", \"name\": \"b\"}}".to_vec(), 422),
        ("application/json", b"{\"spec\": {\"spec\": NaN}}".to_vec(), 400),
        ("application/json", b"{\"spec\": ".to_vec(), 400),
        ("application/json", b"[]".to_vec(), 400),
        ("application/toml", vec![0xff, 0xfe], 400),
        ("application/toml", vec![b' '; 3 << 20], 413),
    ];
    for (kind, body, status) in refused {
        let begins = String::from_utf8_lossy(&body[..body.len().min(30)]).into_owned();
        let answer = post(&fixture, kind, body).await;
        assert_eq!(answer.status.as_u16(), status, "{begins}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
    post(&fixture, "text/plain", SPEC).await.problem(415, "media-type");
    post(&fixture, "", SPEC).await.problem(415, "media-type");
}

#[tokio::test]
async fn addresses_and_methods_that_there_are_not_are_problems_too() {
    let fixture = fixture().await;
    fixture.get("/nothing").await.problem(404, "not-found");
    fixture.get("/api/v1/builds/not-an-id").await.problem(404, "not-found");
    fixture.get("/api/v1/builds?pageSize=0").await.problem(400, "malformed-request");
    fixture.get("/api/v1/builds?pageSize=x").await.problem(400, "malformed-request");
    fixture.get("/api/v1/builds?unknown=1").await.problem(400, "malformed-request");
    fixture.get("/api/v1/builds?status=odd").await.problem(400, "malformed-request");
    fixture.get("/api/v1/builds?cursor=odd").await.problem(400, "malformed-request");
    fixture.send("PUT", "/api/v1/builds", &fixture.admin, "", "").await.problem(405, "method-not-allowed");
    fixture.get("/ws").await.problem(400, "malformed-request");
}

#[tokio::test]
async fn t04_addresses_that_cannot_be_read_are_refused_like_all_else() {
    let fixture = fixture().await;
    for path in ["builds/%FF", "builds/%00", "configurations/%C3%28/versions/1", "secrets/%FF", "shared/%80"]
    {
        let method = if path.starts_with("secrets") { "DELETE" } else { "GET" };
        let answer = fixture.send(method, &format!("/api/v1/{path}"), &fixture.admin, "", "").await;
        answer.problem(404, "not-found");
    }
    let webhook = json!({ "url": "https://example.org/hook" });
    let webhook = fixture.post("/api/v1/webhooks", &webhook).await.json();
    let deliveries = format!("/api/v1/webhooks/{}/deliveries", webhook["id"].as_str().expect("an id"));
    for query in ["unknown=1", "cursor=1&cursor=2", "cursor=x"] {
        fixture.get(&format!("{deliveries}?{query}")).await.problem(400, "malformed-request");
    }
}

#[tokio::test]
async fn t31_a_key_is_refused_when_it_is_anything_but_right() {
    let fixture = fixture().await;
    let mut wrong = fixture.admin.clone();
    wrong.pop();
    for key in [wrong.as_str(), "lb_live_", "lb_test_x", "x", &"a".repeat(5000)] {
        fixture.send("GET", "/api/v1/builds", key, "", Body::empty()).await.problem(401, "unauthorized");
    }
    let made = fixture
        .send(
            "POST",
            "/api/v1/admin/keys",
            &fixture.admin,
            "application/json",
            json!({ "name": "ci", "scopes": ["build:read"] }).to_string(),
        )
        .await;
    assert_eq!(made.status, StatusCode::CREATED);
    let key = made.json()["key"].as_str().expect("a key").to_owned();
    let list = async || fixture.send("GET", "/api/v1/builds", &key, "", Body::empty()).await;
    assert_eq!(list().await.status, StatusCode::OK);
    let keys = fixture.get("/api/v1/admin/keys").await;
    assert!(!keys.text().contains(&key[20..50]), "the secret is not shown again");
    let used = keys.json().as_array().expect("keys").iter().all(|key| key["lastUsedAt"].is_string());
    assert!(used, "each has been used: {}", keys.text());
    let id = made.json()["id"].as_str().expect("an id").to_owned();
    let revoke = format!("/api/v1/admin/keys/{id}");
    let revoked = fixture.send("DELETE", &revoke, &fixture.admin, "", Body::empty()).await;
    assert_eq!(revoked.status, StatusCode::NO_CONTENT);
    let until = Instant::now() + Duration::from_secs(5);
    while list().await.status == StatusCode::OK {
        assert!(Instant::now() < until, "a revoked key is dead within five seconds");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    let audit = fixture.get("/api/v1/admin/audit").await.json();
    let actions: Vec<&str> = audit["rows"]
        .as_array()
        .expect("rows")
        .iter()
        .filter_map(|row| row["entry"]["action"].as_str())
        .collect();
    assert_eq!(actions, ["key.create", "key.create", "key.revoke"]);
    assert_eq!(audit["firstFault"], json!(null));
    assert!(!fixture.get("/api/v1/admin/audit").await.text().contains(&key[20..50]));
}
