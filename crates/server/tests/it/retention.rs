//! What clients see of artifacts that stay, go, and have no room.

use std::time::Duration;

use axum::body::Body;
use axum::http::StatusCode;
use lbuild_db::queue::Progress;
use lbuild_db::retention::ISO;
use lbuild_server::artifact::collect::collect;
use serde_json::{Value, json};

use crate::support::{Answer, Fixture, SPEC, fixture};

async fn put(fixture: &Fixture, path: &str, body: Value) -> Answer {
    fixture.send("PUT", path, &fixture.admin, "application/json", body.to_string()).await
}

async fn ask(fixture: &Fixture, method: &str, path: &str) -> Answer {
    fixture.send(method, path, &fixture.admin, "", Body::empty()).await
}

/// Lets what is due expire, and removes the bytes that nobody needs then.
async fn collected(fixture: &Fixture) -> usize {
    let service = &fixture.service;
    service.db.expire().await.expect("a sweep");
    collect(&service.db, &service.artifacts, Duration::ZERO).await.expect("a collection").blobs
}

#[tokio::test]
async fn an_expired_artifact_is_gone_and_a_pinned_one_stays() {
    let fixture = fixture().await;
    let id = fixture.built(b"bytes").await;
    let path = format!("/api/v1/builds/{id}");
    let file = format!("{path}/artifacts/small.iso");
    for pin in [format!("{path}/pin"), format!("{file}/pin")] {
        assert_eq!(ask(&fixture, "PUT", &pin).await.status, StatusCode::NO_CONTENT);
        let now = json!({ "isoHours": 0, "otherHours": null, "isoAfterDownload": false });
        assert_eq!(put(&fixture, "/api/v1/tenant/retention", now.clone()).await.json(), now);
        assert_eq!(collected(&fixture).await, 0);
        assert_eq!(fixture.get(&file).await.text(), "bytes");
        ask(&fixture, "DELETE", &path).await.problem(409, "conflict");
        if pin.contains("artifacts") {
            assert_eq!(fixture.get(&path).await.json()["artifacts"][0]["pinned"], true);
        }
        let later = json!({ "isoHours": 24, "otherHours": null, "isoAfterDownload": false });
        put(&fixture, "/api/v1/tenant/retention", later).await;
        assert_eq!(ask(&fixture, "DELETE", &pin).await.status, StatusCode::NO_CONTENT);
    }
    let signed =
        fixture.get(&path).await.json()["artifacts"][0]["url"].as_str().expect("an address").to_owned();
    let now = json!({ "isoHours": 0, "otherHours": null, "isoAfterDownload": false });
    put(&fixture, "/api/v1/tenant/retention", now).await;
    assert_eq!(collected(&fixture).await, 1);
    fixture.get(&file).await.problem(410, "expired");
    fixture.send("GET", &signed, "", "", Body::empty()).await.problem(410, "expired");
    let build = fixture.get(&path).await.json();
    assert_eq!((&build["status"], &build["artifacts"][0]["url"]), (&json!("expired"), &json!(null)));
    assert!(build["artifacts"][0]["expiredAt"].is_string(), "{build}");
    ask(&fixture, "PUT", &format!("{path}/pin")).await.problem(409, "conflict");
    assert_eq!(ask(&fixture, "DELETE", &path).await.status, StatusCode::NO_CONTENT);
}

#[tokio::test]
async fn a_download_to_the_end_is_noted() {
    let fixture = fixture().await;
    let id = fixture.built(b"0123456789").await;
    let terms = json!({ "isoHours": 24, "otherHours": null, "isoAfterDownload": true });
    put(&fixture, "/api/v1/tenant/retention", terms).await;
    let file = format!("/api/v1/builds/{id}/artifacts/small.iso");
    assert_eq!(fixture.get(&file).await.text(), "0123456789");
    // it is noted when the answer has been sent, and the grace of ten minutes has not passed
    tokio::time::sleep(Duration::from_millis(300)).await;
    assert_eq!(collected(&fixture).await, 0);
    assert_eq!(fixture.get(&file).await.status, StatusCode::OK);
}

#[tokio::test]
async fn deleting_a_build_frees_its_bytes_but_not_those_of_a_build_in_progress() {
    let fixture = fixture().await;
    let id = fixture.built(b"bytes").await;
    assert_eq!(ask(&fixture, "GET", "/api/v1/tenant").await.json()["storedBytes"], 5);
    fixture.submit(&SPEC.replace("small", "other")).await;
    let running = fixture.claim().await;
    // the other build makes the same bytes and is about to name them
    let sha256 = "0".repeat(64);
    fixture.service.db.want_blob(&running, &sha256).await.expect("it is granted");
    let progress = Progress { step: None, done: 0.5, booting: false };
    fixture.service.db.report(&running, &[], &progress).await.expect("it is stored");
    assert_eq!(ask(&fixture, "DELETE", &format!("/api/v1/builds/{id}")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(collected(&fixture).await, 1, "the deleted build's bytes, not those that are being stored");
    assert_eq!(ask(&fixture, "GET", "/api/v1/tenant").await.json()["storedBytes"], 0);
    fixture.succeed_with(&running, "other.iso", ISO, b"others").await;
    assert_eq!(
        fixture.get(&format!("/api/v1/builds/{}/artifacts/other.iso", running.build)).await.text(),
        "others"
    );
}

#[tokio::test]
async fn t34_a_full_storage_takes_no_builds() {
    let fixture = fixture().await;
    fixture.built(b"bytes").await;
    let tenant = format!("/api/v1/admin/tenants/{}", fixture.tenant);
    let limit = async |bytes: i64| {
        let body = json!({ "storageBytes": bytes }).to_string();
        fixture.send("PATCH", &tenant, &fixture.admin, "application/json", body).await
    };
    assert_eq!(limit(5).await.status, StatusCode::NO_CONTENT);
    let spec = SPEC.replace("small", "other");
    let submit = async || {
        fixture.send("POST", "/api/v1/builds", &fixture.admin, "application/toml", spec.clone()).await
    };
    submit().await.problem(429, "storage-quota");
    assert_eq!(limit(6).await.status, StatusCode::NO_CONTENT);
    assert_eq!(submit().await.status, StatusCode::ACCEPTED);
    limit(-1).await.problem(422, "invalid-request");
    let bad = json!({ "isoHours": -1, "otherHours": null, "isoAfterDownload": false });
    put(&fixture, "/api/v1/tenant/retention", bad).await.problem(422, "invalid-request");
}
