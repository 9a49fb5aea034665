//! Builds and their artifacts, from the submission to the end.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use crate::support::{SPEC, fixture};

#[tokio::test]
async fn a_spec_is_taken_in_in_every_format() {
    let fixture = fixture().await;
    let yaml = "spec: 1\nname: small\nbase: debian\noutputs: [rootfs]\n";
    let json =
        json!({ "spec": { "spec": 1, "name": "j", "base": "debian", "outputs": ["rootfs"] } }).to_string();
    let bodies = [
        ("application/toml", SPEC.to_owned()),
        ("application/yaml", yaml.replace("small", "y")),
        ("application/json; charset=utf-8", json),
    ];
    for (kind, body) in bodies {
        let answer = fixture.send("POST", "/api/v1/builds", &fixture.admin, kind, body).await;
        assert_eq!(answer.status, StatusCode::ACCEPTED, "{kind}: {}", answer.text());
        let accepted = answer.json();
        let this = format!("/api/v1/builds/{}", accepted["id"].as_str().expect("an id"));
        assert_eq!(answer.header("location"), this);
        assert_eq!((&accepted["status"], &accepted["links"]["self"]), (&json!("queued"), &json!(this)));
        let build = fixture.get(&this).await.json();
        assert_eq!((&build["status"], &build["base"]), (&json!("queued"), &json!("debian")));
        assert_eq!(build["progress"], 0.0);
    }
    let list = fixture.get("/api/v1/builds?pageSize=2").await;
    assert_eq!(list.json()["builds"].as_array().map(Vec::len), Some(2));
    assert!(list.header("link").contains("rel=\"next\""));
    let cursor = list.json()["nextCursor"].as_str().expect("a cursor").to_owned();
    let rest = fixture.get(&format!("/api/v1/builds?pageSize=2&cursor={cursor}")).await.json();
    assert_eq!((rest["builds"].as_array().map(Vec::len), &rest["nextCursor"]), (Some(1), &json!(null)));
    assert_eq!(rest["builds"][0]["name"], "small");
}

#[tokio::test]
async fn a_repetition_makes_no_second_build() {
    let fixture = fixture().await;
    let submit = |spec: &'static str| {
        let request = Request::post("/api/v1/builds")
            .header("authorization", format!("Bearer {}", fixture.admin))
            .header("content-type", "application/toml")
            .header("idempotency-key", "one");
        fixture.call(request.body(Body::from(spec)).expect("a request"))
    };
    let (first, second) = (submit(SPEC).await, submit(SPEC).await);
    assert_eq!(first.json()["id"], second.json()["id"]);
    assert_eq!((first.header("idempotent-replayed"), second.header("idempotent-replayed")), ("", "true"));
    submit("spec = 1\nname = \"other\"\nbase = \"debian\"\n").await.problem(422, "idempotency-key-reused");
}

#[tokio::test]
async fn an_artifact_is_fetched_whole_in_part_and_by_a_signed_address() {
    let fixture = fixture().await;
    let id = fixture.submit(SPEC).await;
    let lease = fixture.claim().await;
    fixture.succeed(&lease, b"0123456789").await;
    let build = fixture.get(&format!("/api/v1/builds/{id}")).await.json();
    assert_eq!((&build["status"], &build["cache"]["hit"]), (&json!("succeeded"), &json!(false)));
    let artifact = &build["artifacts"][0];
    assert_eq!((&artifact["name"], &artifact["size"]), (&json!("small.iso"), &json!(10)));

    let path = format!("/api/v1/builds/{id}/artifacts/small.iso");
    let whole = fixture.get(&path).await;
    assert_eq!((whole.status, whole.text().as_str()), (StatusCode::OK, "0123456789"));
    assert_eq!(whole.header("x-checksum-sha256"), artifact["sha256"]);
    assert_eq!(whole.header("x-content-type-options"), "nosniff");
    assert!(whole.header("content-disposition").starts_with("attachment"));
    let with = |name: &'static str, value: String| {
        let request = Request::get(&path).header("authorization", format!("Bearer {}", fixture.admin));
        fixture.call(request.header(name, value).body(Body::empty()).expect("a request"))
    };
    let part = with("range", "bytes=3-5".to_owned()).await;
    assert_eq!((part.status, part.text().as_str()), (StatusCode::PARTIAL_CONTENT, "345"));
    assert_eq!(part.header("content-range"), "bytes 3-5/10");
    assert_eq!(part.header("repr-digest"), whole.header("repr-digest"));
    with("range", "bytes=10-".to_owned()).await.problem(416, "range");
    let known = with("if-none-match", whole.header("etag").to_owned()).await;
    assert_eq!(known.status, StatusCode::NOT_MODIFIED);

    let signed = artifact["url"].as_str().expect("an address");
    let fetched = fixture.send("GET", signed, "", "", Body::empty()).await;
    assert_eq!((fetched.status, fetched.text().as_str()), (StatusCode::OK, "0123456789"));
    let forged = signed.replace("expires=", "expires=9");
    fixture.send("GET", &forged, "", "", Body::empty()).await.problem(403, "forbidden");
    fixture.send("GET", &path, "", "", Body::empty()).await.problem(401, "unauthorized");
    fixture
        .get(&format!("/api/v1/builds/{id}/artifacts/..%2F..%2Flbuild.db"))
        .await
        .problem(404, "not-found");
}

#[tokio::test]
async fn the_same_spec_is_answered_from_what_was_built() {
    let fixture = fixture().await;
    fixture.submit(SPEC).await;
    let lease = fixture.claim().await;
    let waiting = fixture.submit(SPEC).await;
    fixture.succeed(&lease, b"bytes").await;
    let after = fixture.submit(SPEC).await;
    for id in [waiting, after] {
        let build = fixture.get(&format!("/api/v1/builds/{id}")).await.json();
        assert_eq!((&build["status"], &build["cache"]["hit"]), (&json!("succeeded"), &json!(true)));
        assert_eq!(build["cache"]["of"], lease.build.to_string());
        let fetched = fixture.get(&format!("/api/v1/builds/{id}/artifacts/small.iso")).await;
        assert_eq!(fetched.text(), "bytes");
    }
}

#[tokio::test]
async fn a_build_is_stopped_tried_again_and_forgotten() {
    let fixture = fixture().await;
    let id = fixture.submit(SPEC).await;
    let path = format!("/api/v1/builds/{id}");
    let send = |method: &'static str, path: String| {
        let (fixture, body) = (&fixture, Body::empty());
        async move { fixture.send(method, &path, &fixture.admin, "", body).await }
    };
    send("DELETE", path.clone()).await.problem(409, "conflict");
    send("POST", format!("{path}/retry")).await.problem(409, "conflict");
    for _ in 0..2 {
        assert_eq!(send("POST", format!("{path}/cancel")).await.status, StatusCode::ACCEPTED);
    }
    assert_eq!(fixture.get(&path).await.json()["status"], "cancelled");
    let again = send("POST", format!("{path}/retry")).await;
    assert_eq!(again.status, StatusCode::ACCEPTED);
    assert_ne!(again.json()["id"], id);
    assert_eq!(send("DELETE", path.clone()).await.status, StatusCode::NO_CONTENT);
    fixture.get(&path).await.problem(404, "not-found");
}
