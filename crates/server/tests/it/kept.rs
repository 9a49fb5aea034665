//! Configurations and templates: kept, versioned, compared, built, forked, shared.

use axum::body::Body;
use axum::http::Request;
use serde_json::{Value, json};

use crate::support::{Answer, Fixture, SPEC, fixture};

const CONFIGURATIONS: &str = "/api/v1/configurations";
const TEMPLATES: &str = "/api/v1/templates";

/// A change of what was read as this entity tag.
async fn change(fixture: &Fixture, method: &str, path: &str, tag: &str, body: &Value) -> Answer {
    let request = Request::builder()
        .method(method)
        .uri(path)
        .header("authorization", format!("Bearer {}", fixture.admin))
        .header("content-type", "application/json");
    let request = if tag.is_empty() { request } else { request.header("if-match", tag) };
    fixture.call(request.body(Body::from(body.to_string())).expect("a request")).await
}

fn spec(packages: &[&str]) -> Value {
    json!({ "spec": { "spec": 1, "name": "web", "base": "debian", "packages": packages } })
}

/// Where a thing is that was made.
fn place(made: &Answer) -> String {
    assert_eq!(made.status, 201, "{}", made.text());
    made.header("location").to_owned()
}

#[tokio::test]
async fn a_configuration_keeps_its_text_and_every_version() {
    let fixture = fixture().await;
    let text = "# mine\nspec = 1\nname = \"web\"\nbase = \"debian\"\n";
    let made = fixture.send("POST", CONFIGURATIONS, &fixture.admin, "application/toml", text).await;
    assert_eq!((made.header("etag"), &made.json()["version"]), ("\"1\"", &json!(1)));
    let path = place(&made);
    let shown = fixture.get(&path).await;
    assert_eq!(shown.header("etag"), "\"1\"");
    let shown = shown.json();
    assert_eq!((&shown["format"], &shown["text"]), (&json!("toml"), &json!(text)));
    assert_eq!((&shown["spec"]["base"], &shown["name"]), (&json!("debian"), &json!("web")));

    let written = change(&fixture, "PUT", &path, "\"1\"", &spec(&["nginx", "curl"])).await;
    assert_eq!((written.status.as_u16(), written.header("etag")), (200, "\"2\""), "{}", written.text());
    let stale = change(&fixture, "PUT", &path, "\"1\"", &spec(&["htop"])).await.problem(412, "stale");
    assert_eq!(stale["current"], json!({ "version": 2, "etag": "\"2\"" }));
    change(&fixture, "PUT", &path, "", &spec(&["htop"])).await.problem(428, "precondition-required");
    change(&fixture, "PUT", &path, "*", &spec(&["htop"])).await.problem(400, "malformed-request");
    change(&fixture, "PUT", &path, "\"2\"", &spec(&["a b"])).await.problem(422, "invalid-spec");
    let same = change(&fixture, "PUT", &path, "\"2\"", &spec(&["nginx", "curl"])).await;
    assert_eq!(same.json()["version"], 2, "what is there already makes no version");
    let third = change(&fixture, "PUT", &path, "\"2\"", &spec(&["nginx", "htop"])).await;
    assert_eq!(third.json()["version"], 3);

    let known = Request::get(&path).header("authorization", format!("Bearer {}", fixture.admin));
    let known =
        fixture.call(known.header("if-none-match", "\"3\"").body(Body::empty()).expect("a request")).await;
    assert_eq!((known.status.as_u16(), known.body.len()), (304, 0));
    let first = fixture.get(&format!("{path}/versions/1")).await.json();
    assert_eq!(first["text"], text);
    fixture.get(&format!("{path}/versions/4")).await.problem(404, "not-found");
    fixture.get(&format!("{path}/versions/x")).await.problem(404, "not-found");
    let page = fixture.get(&format!("{path}/versions?pageSize=2")).await;
    assert!(page.header("link").contains("rel=\"next\""), "{}", page.header("link"));
    let versions = |page: &Value| {
        let all = page["configurations"].as_array().expect("versions").iter();
        all.filter_map(|version| version["version"].as_i64()).collect::<Vec<_>>()
    };
    let page = page.json();
    assert_eq!((versions(&page), &page["nextCursor"]), (vec![3, 2], &json!("2")));
    assert_eq!(versions(&fixture.get(&format!("{path}/versions?cursor=2")).await.json()), [1]);

    let diff = fixture.get(&format!("{path}/diff")).await.json();
    assert_eq!((&diff["from"], &diff["to"]), (&json!(2), &json!(3)));
    let expected = json!([
        { "op": "removed", "pointer": "/packages/1", "before": "curl" },
        { "op": "added", "pointer": "/packages/1", "after": "htop" },
    ]);
    assert_eq!(diff["changes"], expected);
    let diff = fixture.get(&format!("{path}/diff?from=3&to=1")).await.json();
    let expected = json!([{ "op": "removed", "pointer": "/packages", "before": ["nginx", "htop"] }]);
    assert_eq!(diff["changes"], expected);
    fixture.get(&format!("{path}/diff?from=9")).await.problem(404, "not-found");
    change(&fixture, "DELETE", &path, "", &json!({})).await.problem(428, "precondition-required");
    change(&fixture, "DELETE", &path, "\"2\"", &json!({})).await.problem(412, "stale");
    assert_eq!(change(&fixture, "DELETE", &path, "\"3\"", &json!({})).await.status, 204);
    fixture.get(&path).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_configuration_is_built_by_its_id_and_version() {
    let fixture = fixture().await;
    let path = place(&fixture.post(CONFIGURATIONS, &spec(&["nginx"])).await);
    let id = path.rsplit('/').next().expect("an id");
    let renamed = json!({ "spec": { "spec": 1, "name": "other", "base": "debian" }, "name": "second" });
    change(&fixture, "PUT", &path, "\"1\"", &renamed).await;
    let build = async |body: Value| {
        let accepted = fixture.post("/api/v1/builds", &body).await;
        assert_eq!(accepted.status, 202, "{}", accepted.text());
        fixture.get(accepted.header("location")).await.json()["name"].clone()
    };
    assert_eq!(build(json!({ "configurationId": id })).await, "other", "the newest version");
    assert_eq!(build(json!({ "configurationId": id, "version": 1 })).await, "web");
    for (body, status) in [
        (json!({ "configurationId": id, "version": 3 }), 404),
        (json!({ "configurationId": "x" }), 404),
        (json!({ "configurationId": id, "spec": {} }), 400),
        (json!({ "version": 1 }), 400),
        (json!({ "bootCheck": true }), 400),
        (json!({ "configurationId": id, "version": "1" }), 400),
    ] {
        let answer = fixture.post("/api/v1/builds", &body).await;
        assert_eq!(answer.status.as_u16(), status, "{body}: {}", answer.text());
    }
    let other = fixture.stranger("other", &["build:create"]).await;
    let body = json!({ "configurationId": id }).to_string();
    let foreign = fixture.send("POST", "/api/v1/builds", &other, "application/json", body).await;
    foreign.problem(404, "not-found");
}

#[tokio::test]
async fn templates_that_come_along_are_forked_and_not_changed() {
    let fixture = fixture().await;
    let listed = fixture.get(TEMPLATES).await.json();
    let names: Vec<&str> = listed["builtIn"]
        .as_array()
        .expect("templates")
        .iter()
        .filter_map(|one| one["name"].as_str())
        .collect();
    assert_eq!(names, ["server", "desktop", "kiosk", "rescue", "container-host", "developer"]);
    let kiosk = fixture.get(&format!("{TEMPLATES}/kiosk")).await.json();
    assert!(kiosk["text"].as_str().is_some_and(|text| text.contains("[[files]]")), "{kiosk}");
    let path = place(&fixture.post(&format!("{TEMPLATES}/kiosk/fork"), &json!({ "name": "lobby" })).await);
    let lobby = fixture.get(&path).await.json();
    assert_eq!((&lobby["name"], &lobby["text"]), (&json!("lobby"), &kiosk["text"]));
    let change =
        async |method| change(&fixture, method, &format!("{TEMPLATES}/kiosk"), "\"1\"", &spec(&[])).await;
    change("PUT").await.problem(409, "conflict");
    change("DELETE").await.problem(409, "conflict");
    fixture.post(&format!("{TEMPLATES}/kiosk/share"), &json!({})).await.problem(409, "conflict");
    fixture.post(&format!("{TEMPLATES}/none/fork"), &json!({})).await.problem(404, "not-found");
}

#[tokio::test]
async fn a_template_is_shared_by_a_link_until_that_is_taken_back() {
    let fixture = fixture().await;
    let mut body = spec(&["nginx"]);
    body["description"] = json!("for the web");
    let path = place(&fixture.post(TEMPLATES, &body).await);
    let shared = fixture.post(&format!("{path}/share"), &json!({})).await;
    assert_eq!(shared.status, 201, "{}", shared.text());
    let link = shared.json()["url"].as_str().expect("a link").to_owned();
    let read = async |link: &str| fixture.send("GET", link, "", "", "").await;
    let template = read(&link).await;
    assert_eq!((template.status.as_u16(), template.header("referrer-policy")), (200, "no-referrer"));
    let template = template.json();
    assert_eq!((&template["description"], &template["shared"]), (&json!("for the web"), &json!(true)));
    let other = fixture.stranger("other", &["config:write"]).await;
    let fork = fixture.send("POST", &format!("{link}/fork"), &other, "application/json", "{}").await;
    let forked = fixture.send("GET", &place(&fork), &other, "", "").await.json();
    assert_eq!((&forked["name"], &forked["text"]), (&json!("web"), &template["text"]));
    let foreign = fixture.send("GET", &path, &other, "", "").await;
    foreign.problem(404, "not-found");

    let again = fixture.post(&format!("{path}/share"), &json!({})).await.json();
    read(&link).await.problem(404, "not-found");
    let link = again["url"].as_str().expect("a link").to_owned();
    assert_eq!(read(&link).await.status, 200);
    let audit = fixture.get("/api/v1/admin/audit").await.text();
    assert!(audit.contains("template.share") && !audit.contains(again["token"].as_str().expect("a token")));
    let back = fixture.send("DELETE", &format!("{path}/share"), &fixture.admin, "", "").await;
    assert_eq!(back.status, 204);
    read(&link).await.problem(404, "not-found");
    read("/api/v1/shared/x").await.problem(404, "not-found");
    let written = change(&fixture, "PUT", &path, "\"1\"", &spec(&["caddy"])).await.json();
    assert_eq!((&written["version"], &written["description"]), (&json!(2), &json!("for the web")));
    assert_eq!(change(&fixture, "DELETE", &path, "\"2\"", &json!({})).await.status, 204);
    assert_eq!(fixture.get(TEMPLATES).await.json()["templates"], json!([]));
}

#[tokio::test]
async fn a_repetition_keeps_one_thing() {
    let fixture = fixture().await;
    for path in [CONFIGURATIONS, TEMPLATES] {
        let keep = async |key: &str, body: Value| {
            let request = Request::post(path).header("content-type", "application/json");
            let request = request.header("authorization", format!("Bearer {}", fixture.admin));
            let body = Body::from(body.to_string());
            fixture.call(request.header("idempotency-key", key).body(body).expect("a request")).await
        };
        let (first, again) = (keep("k", spec(&["nginx"])).await, keep("k", spec(&["nginx"])).await);
        assert_eq!((first.status.as_u16(), first.header("idempotent-replayed")), (201, ""));
        assert_eq!((again.status.as_u16(), again.header("idempotent-replayed")), (201, "true"));
        assert_eq!((again.json(), place(&again)), (first.json(), place(&first)));
        keep("k", spec(&["curl"])).await.problem(422, "idempotency-key-reused");
        keep("", spec(&["nginx"])).await.problem(400, "malformed-request");
        assert_ne!(place(&keep("l", spec(&["nginx"])).await), place(&first));
    }
}

#[tokio::test]
async fn t04_what_is_kept_is_checked_like_what_is_built() {
    let fixture = fixture().await;
    let valid = json!({ "spec": 1, "name": "small", "base": "debian" });
    for path in [CONFIGURATIONS, TEMPLATES] {
        let deep = format!("{{\"spec\": {}1{}}}", "[".repeat(200), "]".repeat(200));
        let refused: [(&str, String, u16); 12] = [
            ("application/json", deep, 422),
            ("application/json", "[".repeat(1 << 20), 400),
            ("application/json", "{\"spec\": {}, \"spec\": {}}".to_owned(), 400),
            ("application/json", "{\"spec\": {\"name\": \"a\", \"name\": \"b\"}}".to_owned(), 422),
            ("application/json", json!({ "spec": valid, "tenant": "x" }).to_string(), 400),
            ("application/json", json!({ "spec": valid, "version": 7 }).to_string(), 400),
            ("application/json", json!({ "spec": valid, "name": "a\u{0}b" }).to_string(), 422),
            ("application/json", json!({ "spec": valid, "name": "a".repeat(101) }).to_string(), 422),
            ("application/json", json!({ "spec": valid, "text": "x", "format": "toml" }).to_string(), 400),
            ("application/json", json!({ "text": "x", "format": "ini" }).to_string(), 400),
            ("application/toml", " ".repeat(3 << 20), 413),
            ("text/plain", SPEC.to_owned(), 415),
        ];
        for (kind, body, status) in refused {
            let begins = body.chars().take(60).collect::<String>();
            let answer = fixture.send("POST", path, &fixture.admin, kind, body).await;
            assert_eq!(answer.status.as_u16(), status, "{path} {begins}: {}", answer.text());
            assert_eq!(answer.header("content-type"), "application/problem+json");
        }
        for query in ["?pageSize=0", "?pageSize=101", "?cursor=x", "?unknown=1"] {
            fixture.get(&format!("{path}{query}")).await.problem(400, "malformed-request");
        }
        fixture.get(&format!("{path}/..%2Fadmin")).await.problem(404, "not-found");
    }
    let text =
        json!({ "text": "spec: 1\nname: small\nbase: debian\n", "format": "yaml", "name": "  in words " });
    let path = place(&fixture.post(CONFIGURATIONS, &text).await);
    let kept = fixture.get(&path).await.json();
    assert_eq!(
        (&kept["format"], &kept["name"], &kept["text"]),
        (&json!("yaml"), &json!("in words"), &text["text"])
    );
    let described = json!({ "spec": valid, "description": "x" });
    fixture.post(CONFIGURATIONS, &described).await.problem(400, "malformed-request");
    let long = json!({ "spec": valid, "description": "x".repeat(2001) });
    fixture.post(TEMPLATES, &long).await.problem(422, "invalid-request");
}
