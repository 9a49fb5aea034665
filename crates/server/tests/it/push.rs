//! Container images go to a real registry, with secrets that nobody can read.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use axum::body::Body;
use axum::http::StatusCode;
use lbuild_engine::Cancel;
use lbuild_server::seal::Sealer;
use lbuild_server::worker::push::{Outcome, Pusher, Wanted};
use lbuild_testkit::registry::{USER, start};
use serde_json::{Value, json};

use crate::registry::image;
use crate::support::{Answer, Fixture, fixture};

/// Keeps a login under this name.
async fn keep(fixture: &Fixture, name: &str, password: &str) -> Answer {
    let body = json!({ "username": USER.0, "password": password }).to_string();
    let path = format!("/api/v1/secrets/{name}");
    fixture.send("PUT", &path, &fixture.admin, "application/json", body).await
}

/// Pushes an image as a worker does.
async fn push(fixture: &Fixture, registries: &[&str], wanted: &Wanted, archive: &[u8]) -> Outcome {
    let tar = fixture.service.data.join("image.oci.tar");
    std::fs::write(&tar, archive).expect("it is written");
    let sealer = Arc::new(Sealer::open(&fixture.service.data.join("secret-key")).expect("the key"));
    let registries = registries.iter().map(|address| format!("http://{address}")).collect();
    let pusher = Pusher::new(fixture.service.db.clone(), sealer, registries);
    pusher.push(fixture.tenant, wanted, tar, &Cancel::new()).await
}

fn to(registry: &str, credentials: Option<&str>) -> Wanted {
    Wanted {
        registry: registry.to_owned(),
        repository: "team/small".to_owned(),
        tag: "v1".to_owned(),
        credentials: credentials.map(str::to_owned),
    }
}

/// What skopeo finds in the registry.
fn inspect(address: &str, home: &Path) -> Value {
    let creds = format!("{}:{}", USER.0, USER.1);
    let image = format!("docker://{address}/team/small:v1");
    let output = Command::new("skopeo")
        .args(["inspect", "--tls-verify=false", "--creds", &creds, &image])
        .env("HOME", home)
        .output()
        .expect("skopeo starts");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn an_image_is_pushed_with_a_secret() {
    let fixture = fixture().await;
    let (image, archive) = image();
    for registry in [start(false), start(true)] {
        assert_eq!(keep(&fixture, "login", USER.1).await.status, StatusCode::NO_CONTENT);
        let address = registry.address.as_str();
        for _ in 0..2 {
            let outcome = push(&fixture, &[address], &to(address, Some("login")), &archive).await;
            assert_eq!(outcome.warning, None);
            assert_eq!(outcome.shown["state"], "pushed");
            assert_eq!(outcome.shown["digest"], format!("sha256:{}", image.manifest.sha256));
        }
        let found = inspect(address, &fixture.service.data);
        assert_eq!(found["Digest"], format!("sha256:{}", image.manifest.sha256));
    }
    let secrets = fixture.get("/api/v1/secrets").await;
    assert_eq!(secrets.json()[0]["name"], "login");
    assert!(
        secrets.json()[0]["usedAt"].is_string() && !secrets.text().contains(USER.1),
        "{}",
        secrets.text()
    );
    let database = std::fs::read(fixture.service.data.join("lbuild.db-wal")).expect("the database");
    let text = format!("\"{}\"", USER.1);
    assert!(
        !database.windows(text.len()).any(|part| part == text.as_bytes()),
        "it is sealed in the database"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_fails_says_why_and_takes_nothing_away() {
    let fixture = fixture().await;
    let (_, archive) = image();
    let registry = start(true);
    let address = registry.address.as_str();
    assert_eq!(keep(&fixture, "wrong", "other").await.status, StatusCode::NO_CONTENT);
    let cases = [
        (to(address, Some("wrong")), "does not accept the credentials"),
        (to(address, None), "asks for credentials, and the push names none"),
        (to(address, Some("absent")), "there is no secret `absent`"),
    ];
    for (wanted, reason) in cases {
        let outcome = push(&fixture, &[address], &wanted, &archive).await;
        assert_eq!(outcome.shown["state"], "failed");
        let warning = outcome.warning.expect("a warning");
        assert!(warning.contains(reason) && warning.contains("team/small:v1"), "{warning}");
        assert!(warning.ends_with("it is among the artifacts") && !warning.contains("other"), "{warning}");
    }
    let broken = push(&fixture, &[address], &to(address, None), b"no layout at all").await;
    assert!(broken.warning.is_some_and(|warning| warning.contains("cannot be read")));
}

#[tokio::test(flavor = "multi_thread")]
async fn t27_a_push_leads_to_no_address_inside() {
    let fixture = fixture().await;
    let (_, archive) = image();
    let registry = start(false);
    for inside in [registry.address.as_str(), "localhost:443", "169.254.169.254", "10.0.0.1:443"] {
        let outcome = push(&fixture, &[], &to(inside, None), &archive).await;
        let warning = outcome.warning.expect("a warning");
        assert!(warning.contains("is not a public address"), "{inside}: {warning}");
    }
}

#[tokio::test]
async fn a_build_that_is_to_be_pushed_says_where() {
    let fixture = fixture().await;
    let spec = json!({ "spec": 1, "name": "small", "base": "debian", "outputs": ["oci"] });
    let submit = async |spec: &Value, push: Value| {
        let body = json!({ "spec": spec, "push": push }).to_string();
        fixture.send("POST", "/api/v1/builds", &fixture.admin, "application/json", body).await
    };
    let push = json!({ "registry": "registry.example.org", "repository": "team/small" });
    let build = submit(&spec, push.clone()).await;
    assert_eq!(build.status, StatusCode::ACCEPTED, "{}", build.text());
    let id = build.json()["id"].as_str().expect("an id").to_owned();
    let shown = fixture.get(&format!("/api/v1/builds/{id}")).await.json();
    assert_eq!((&shown["push"]["tag"], &shown["push"]["state"]), (&json!("latest"), &json!("waiting")));
    let second = submit(&spec, push.clone()).await;
    assert_eq!(second.json()["sharedWith"], json!(null), "each push is done");

    let none = json!({ "spec": 1, "name": "small", "base": "debian", "outputs": ["rootfs"] });
    submit(&none, push.clone()).await.problem(422, "invalid-request");
    for (field, value) in
        [("registry", "nowhere"), ("repository", "A"), ("tag", "a/b"), ("credentials", "absent")]
    {
        let mut wrong = push.clone();
        wrong[field] = value.into();
        let problem = submit(&spec, wrong).await.problem(422, "invalid-request");
        assert_eq!(problem["errors"][0]["pointer"], format!("/push/{field}"), "{problem}");
    }
    let mut unknown = push;
    unknown["password"] = "hush".into();
    submit(&spec, unknown).await.problem(400, "malformed-request");
}

#[tokio::test]
async fn secrets_are_a_tenants_own() {
    let fixture = fixture().await;
    assert_eq!(keep(&fixture, "login", "hush").await.status, StatusCode::NO_CONTENT);
    let other = fixture.stranger("other", &["config:write"]).await;
    let of_other = fixture.send("GET", "/api/v1/secrets", &other, "", Body::empty()).await;
    assert_eq!(of_other.json(), json!([]));
    let delete =
        async |key: &str| fixture.send("DELETE", "/api/v1/secrets/login", key, "", Body::empty()).await;
    delete(&other).await.problem(404, "not-found");
    assert_eq!(delete(&fixture.admin).await.status, StatusCode::NO_CONTENT);
    delete(&fixture.admin).await.problem(404, "not-found");
    keep(&fixture, "login", "").await.problem(422, "invalid-request");
}
