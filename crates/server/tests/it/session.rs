//! Browsers log in with a key, and nobody else can use what they have.

use std::time::{Duration, Instant};

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::json;

use crate::support::{Answer, Fixture, SPEC, Session, fixture};

async fn login(fixture: &Fixture, key: &str, headers: &[(&str, &str)]) -> Answer {
    let mut request = Request::post("/api/v1/session").header("content-type", "application/json");
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let body = json!({ "key": key }).to_string();
    fixture.call(request.body(Body::from(body)).expect("a request")).await
}

async fn ask(fixture: &Fixture, method: &str, path: &str, session: &Session) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("cookie", format!("theme=dark; {}", session.cookie))
        .header("x-csrf-token", &session.token)
        .header("content-type", "application/toml");
    fixture.call(request.body(Body::from(SPEC)).expect("a request")).await
}

#[tokio::test]
async fn a_browser_logs_in_works_and_logs_out() {
    let fixture = fixture().await;
    let answer = login(&fixture, &fixture.admin, &[]).await;
    assert_eq!(answer.status, StatusCode::CREATED);
    let set = answer.header("set-cookie");
    assert!(set.starts_with("lbuild_session=") && !set.contains("Secure"), "{set}");
    assert!(set.contains("; HttpOnly; SameSite=Strict; Max-Age=43200"), "{set}");
    assert_eq!(answer.header("cache-control"), "no-store");
    assert!(!answer.text().contains(&fixture.admin[20..50]), "the key is not given back");

    let session = fixture.session(&fixture.admin).await;
    let shown = ask(&fixture, "GET", "/api/v1/session", &session).await;
    assert_eq!(shown.json()["csrfToken"], session.token.as_str());
    assert_eq!(shown.json()["key"], &fixture.admin[8..20]);
    assert_eq!(ask(&fixture, "POST", "/api/v1/builds", &session).await.status, StatusCode::ACCEPTED);
    assert_eq!(ask(&fixture, "GET", "/api/v1/builds", &session).await.status, StatusCode::OK);

    let gone = ask(&fixture, "DELETE", "/api/v1/session", &session).await;
    assert_eq!(gone.status, StatusCode::NO_CONTENT);
    let removals: Vec<_> = gone.headers.get_all("set-cookie").iter().collect();
    assert!(
        removals.len() == 2
            && removals.iter().all(|value| { value.to_str().is_ok_and(|value| value.contains("Max-Age=0")) })
    );
    ask(&fixture, "GET", "/api/v1/builds", &session).await.problem(401, "unauthorized");
    let key = fixture.send("GET", "/api/v1/session", &fixture.admin, "", Body::empty()).await;
    key.problem(404, "not-found");
}

#[tokio::test]
async fn over_https_the_cookie_is_for_https_alone() {
    let fixture = fixture().await;
    for header in [("origin", "https://localhost"), ("x-forwarded-proto", "https")] {
        let answer = login(&fixture, &fixture.admin, &[("host", "localhost"), header]).await;
        let set = answer.header("set-cookie");
        assert!(set.starts_with("__Host-lbuild_session=") && set.ends_with("; Secure"), "{set}");
    }
}

#[tokio::test]
async fn logging_in_needs_a_valid_key_and_a_page_of_this_service() {
    let fixture = fixture().await;
    login(&fixture, "lb_live_x", &[]).await.problem(401, "unauthorized");
    let elsewhere = [("host", "localhost"), ("origin", "https://evil.example")];
    login(&fixture, &fixture.admin, &elsewhere).await.problem(403, "csrf");
    login(&fixture, &fixture.admin, &[("sec-fetch-site", "cross-site")]).await.problem(403, "csrf");
    let stale = [("cookie", "lbuild_session=gone")];
    assert_eq!(login(&fixture, &fixture.admin, &stale).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn a_cookie_alone_changes_nothing() {
    let fixture = fixture().await;
    let session = fixture.session(&fixture.admin).await;
    let forged = Session { token: String::new(), ..session };
    ask(&fixture, "POST", "/api/v1/builds", &forged).await.problem(403, "csrf");
    let other = fixture.session(&fixture.admin).await;
    let mixed = Session { token: other.token, cookie: forged.cookie };
    ask(&fixture, "POST", "/api/v1/builds", &mixed).await.problem(403, "csrf");
    assert_eq!(fixture.get("/api/v1/builds").await.json()["builds"], json!([]));
}

#[tokio::test]
async fn t31_a_session_ends_with_its_key() {
    let fixture = fixture().await;
    let key = fixture.key(fixture.tenant, &["build:read"]).await;
    let session = fixture.session(&key).await;
    assert_eq!(ask(&fixture, "GET", "/api/v1/builds", &session).await.status, StatusCode::OK);
    assert!(fixture.service.db.revoke_key(&key[8..20]).await.expect("an answer"));
    let until = Instant::now() + Duration::from_secs(5);
    while ask(&fixture, "GET", "/api/v1/builds", &session).await.status == StatusCode::OK {
        assert!(Instant::now() < until, "the session of a revoked key is dead within five seconds");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    ask(&fixture, "GET", "/api/v1/builds", &session).await.problem(401, "unauthorized");
}
