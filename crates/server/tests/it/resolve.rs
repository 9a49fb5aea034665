//! What specs resolve to, and what can be looked up for writing them. The packages are those of the real mirrors.

use std::time::{Duration, Instant};

use axum::http::StatusCode;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt as _;
use tokio::net::TcpStream;

use crate::support::{Answer, Fixture, SPEC, fixture};

/// Two mail servers, of which a system has one.
const CLASH: &str = "# the mail of the house\nspec = 1\nname = \"mail\"\nbase = \"debian\"\n\
                     packages = [\n    \"exim4-daemon-light\", # small\n    \"postfix\",\n]\n";

async fn resolve(fixture: &Fixture, kind: &str, spec: &str) -> Answer {
    fixture.send("POST", "/api/v1/resolve", &fixture.admin, kind, spec.to_owned()).await
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spec_is_previewed_and_every_fix_of_a_conflict_works() {
    let fixture = fixture().await;
    let answer = resolve(&fixture, "application/toml", SPEC).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let plan = answer.json();
    let packages = plan["packages"].as_array().expect("packages");
    assert!(packages.iter().any(|package| package["name"] == "dpkg" && package["arch"] == "amd64"), "{plan}");
    let sum = |field| packages.iter().filter_map(|package| package[field].as_u64()).sum::<u64>();
    assert_eq!(plan["downloadSize"], sum("downloadSize"));
    assert_eq!(plan["installedSize"], sum("installedSize"));
    let build = &plan["build"];
    assert_eq!((&build["release"], &build["architecture"]), (&json!("trixie"), &json!("amd64")));
    assert_eq!(build["missingSize"], build["downloadSize"], "nothing was fetched yet");
    let layers = build["layers"].as_array().expect("layers");
    let in_layers = layers.iter().filter_map(|layer| layer["packages"].as_u64()).sum::<u64>();
    assert_eq!(in_layers, packages.len() as u64);
    assert!(layers.iter().all(|layer| layer["cached"] == false), "{build}");

    let problem = resolve(&fixture, "application/toml", CLASH).await.problem(422, "package-conflict");
    assert_eq!(problem["satisfiable"], false);
    let roots = problem["roots"].as_array().expect("roots");
    let lines: Vec<_> = roots.iter().map(|root| (&root["request"], &root["line"], &root["layer"])).collect();
    let layer = json!("talkingPoints");
    let expected = [(json!("exim4-daemon-light"), json!(6)), (json!("postfix"), json!(7))];
    let expected: Vec<_> = expected.iter().map(|(request, line)| (request, line, &layer)).collect();
    assert_eq!(lines, expected);
    assert!(!problem["chain"].as_array().expect("a chain").is_empty());
    let fixes = problem["fixes"].as_array().expect("fixes").clone();
    assert!(fixes.len() >= 2, "{problem}");
    for fix in fixes {
        let text = fix["text"].as_str().expect("a spec");
        assert!(text.starts_with("# the mail of the house\n"), "the rest stays as it was: {text}");
        assert!(fix["patch"].as_array().is_some_and(|patch| !patch.is_empty()), "{fix}");
        let again = resolve(&fixture, "application/toml", text).await;
        assert_eq!(again.status, StatusCode::OK, "{}: {}", fix["label"], again.text());
    }
    every_template_resolves(&fixture).await;
    what_is_not_built_is_resolved(&fixture).await;
    packages_are_found(&fixture).await;
    t34_who_leaves_is_not_worked_for(fixture).await;
}

async fn every_template_resolves(fixture: &Fixture) {
    let templates = fixture.get("/api/v1/templates").await.json();
    let templates = templates["builtIn"].as_array().expect("templates");
    assert_eq!(templates.len(), 6);
    for template in templates {
        let id = template["id"].as_str().expect("an id");
        let text = fixture.get(&format!("/api/v1/templates/{id}")).await.json()["text"].clone();
        let plan = resolve(fixture, "application/toml", text.as_str().expect("a spec")).await;
        assert_eq!(plan.status, StatusCode::OK, "{id}: {}", plan.text());
        let plan = plan.json();
        assert!(
            plan["build"]["layers"].as_array().is_some_and(|layers| layers.len() >= 2),
            "{id} is built: {plan}"
        );
        let has = |name: &str| {
            plan["packages"].as_array().is_some_and(|packages| packages.iter().any(|one| one["name"] == name))
        };
        let meant = match id {
            "server" => ["openssh-server", "nftables"],
            "desktop" => ["xfce4-session", "network-manager"],
            "kiosk" => ["cage", "firefox-esr"],
            "rescue" => ["testdisk", "cryptsetup-bin"],
            "container-host" => ["podman", "netavark"],
            _ => ["gcc", "git"],
        };
        assert!(meant.into_iter().all(has), "{id}");
    }
}

async fn what_is_not_built_is_resolved(fixture: &Fixture) {
    let spec = SPEC.replace("\"rootfs\"", "\"disk\"");
    let plan = resolve(fixture, "application/toml", &spec).await.json();
    assert_eq!((&plan["satisfiable"], &plan["build"]), (&json!(true), &Value::Null));
    assert!(plan["notBuilt"]["reason"].as_str().is_some_and(|reason| reason.contains("/outputs")), "{plan}");
    let unknown = resolve(fixture, "application/toml", &format!("{SPEC}release = \"potato\"\n")).await;
    let detail = unknown.problem(422, "unresolvable")["detail"].clone();
    assert!(detail.as_str().is_some_and(|detail| detail.contains("trixie")), "{detail}");
}

async fn packages_are_found(fixture: &Fixture) {
    let first = fixture.get("/api/v1/packages?base=debian&q=nginx&pageSize=2").await.json();
    assert_eq!((&first["release"], &first["packages"][0]["name"]), (&json!("trixie"), &json!("nginx")));
    let cursor = first["nextCursor"].as_str().expect("there are more");
    let next = fixture.get(&format!("/api/v1/packages?base=debian&q=nginx&pageSize=2&cursor={cursor}")).await;
    let next = next.json();
    assert_eq!(next["total"], first["total"]);
    assert!(next["packages"].as_array().is_some_and(|rows| !rows.contains(&first["packages"][1])));
    let nothing = fixture.get("/api/v1/packages?base=debian&q=no-such-program-anywhere").await.json();
    assert_eq!((&nothing["total"], &nothing["packages"]), (&json!(0), &json!([])));

    let nginx = fixture.get("/api/v1/packages/debian/nginx?release=trixie").await.json();
    assert!(nginx["downloadSize"].as_u64().is_some_and(|size| size > 10_000), "{nginx}");
    let relations = nginx["relations"].as_array().expect("relations");
    assert!(relations.iter().any(|relation| relation["kind"] == "requires"), "{nginx}");
    let problem = fixture.get("/api/v1/packages/debian/ngimx").await.problem(404, "not-found");
    assert!(problem["detail"].as_str().is_some_and(|detail| detail.contains("`nginx`")), "{problem}");
    for (query, status) in [
        ("/api/v1/packages?base=debian&q=", 400),
        ("/api/v1/packages?base=debian", 400),
        ("/api/v1/packages?base=plan9&q=a", 400),
        ("/api/v1/packages?base=debian&q=a&architecture=vax", 400),
        ("/api/v1/packages?base=debian&q=a&pageSize=101", 400),
        ("/api/v1/packages?base=debian&q=a&cursor=-1", 400),
        ("/api/v1/packages?base=debian&q=a&unknown=1", 400),
        ("/api/v1/packages?base=debian&q=a&release=potato", 422),
        ("/api/v1/packages/plan9/sam", 404),
        ("/api/v1/packages/debian/..%2F..%2Fetc", 404),
    ] {
        let answer = fixture.get(query).await;
        assert_eq!(answer.status.as_u16(), status, "{query}: {}", answer.text());
        assert_eq!(answer.header("content-type"), "application/problem+json");
    }
}

/// The first reading of another release takes a while, of which the client waits for a moment only.
async fn t34_who_leaves_is_not_worked_for(fixture: Fixture) {
    let address = fixture.listen().await;
    let body = format!("{SPEC}release = \"bookworm\"\n");
    let mut client = TcpStream::connect(address).await.expect("a connection");
    let head = format!(
        "POST /api/v1/resolve HTTP/1.1\r\nhost: {address}\r\nauthorization: Bearer {}\r\n\
         content-type: application/toml\r\ncontent-length: {}\r\n\r\n{body}",
        fixture.admin,
        body.len()
    );
    client.write_all(head.as_bytes()).await.expect("it is sent");
    let patience = Instant::now() + Duration::from_secs(20);
    while fixture.service.inquiries.under_way() == 0 {
        assert!(Instant::now() < patience, "the question is never asked");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    drop(client);
    let left = Instant::now();
    while fixture.service.inquiries.under_way() > 0 {
        assert!(left.elapsed() < Duration::from_mins(1), "the work goes on for nobody");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    assert_eq!(fixture.service.inquiries.given_up(), 1);
}

#[tokio::test]
async fn bases_say_what_they_offer_and_layers_who_set_what() {
    let fixture = fixture().await;
    let bases = fixture.send("GET", "/api/v1/bases", "", "", "").await.json();
    let base =
        |name: &str| bases.as_array().and_then(|all| all.iter().find(|base| base["name"] == name)).cloned();
    let debian = base("debian").expect("Debian");
    assert_eq!((&debian["builds"], &debian["releases"][0]["name"]), (&json!(true), &json!("trixie")));
    let disk = &debian["architectures"][0]["outputs"][3];
    assert_eq!((&disk["name"], &disk["builds"]), (&json!("disk"), &json!(false)));
    assert_eq!(base("fedora").expect("Fedora")["builds"], false);
    assert_eq!(bases.as_array().map(Vec::len), Some(8));

    let known = fixture.send("GET", "/api/v1/layers", "", "", "").await.json();
    assert_eq!((&known[0]["name"], known.as_array().map(Vec::len)), (&json!("openingStatement"), Some(5)));
    let spec = "spec = 1\nname = \"small\"\nbase = \"debian\"\nhostname = \"low\"\n\
                [layers.closingArgument]\nhostname = \"high\"\n";
    let layers =
        fixture.send("POST", "/api/v1/layers", &fixture.admin, "application/toml", spec).await.json();
    let top = &layers[4];
    assert_eq!(top["name"], "closingArgument");
    assert_eq!((&top["sets"][0]["pointer"], &top["sets"][0]["value"]), (&json!("/hostname"), &json!("high")));
    assert_eq!(
        (&top["sets"][0]["line"], &top["sets"][0]["overrode"]),
        (&json!(6), &json!([{ "layer": "rhetoric", "line": 4, "column": 12 }]))
    );
    let wrong =
        fixture.send("POST", "/api/v1/layers", &fixture.admin, "application/toml", "spec = 1\n").await;
    wrong.problem(422, "invalid-spec");
}

#[tokio::test]
async fn t04_what_is_no_spec_is_not_resolved() {
    let fixture = fixture().await;
    let valid = json!({ "spec": 1, "name": "small", "base": "debian" });
    for path in ["/api/v1/resolve", "/api/v1/layers"] {
        let deep = format!("{{\"spec\": {}1{}}}", "[".repeat(200), "]".repeat(200));
        let refused: [(&str, String, u16); 9] = [
            ("application/json", deep, 422),
            ("application/json", "[".repeat(1 << 20), 400),
            ("application/json", "{\"spec\": {}, \"spec\": {}}".to_owned(), 400),
            ("application/json", "{\"spec\": {\"name\": \"a\", \"name\": \"b\"}}".to_owned(), 422),
            ("application/json", "{\"spec\": {\"spec\": NaN}}".to_owned(), 400),
            ("application/json", json!({ "spec": valid, "tenant": "x" }).to_string(), 400),
            ("application/yaml", "a: &a [x, x]\nb: [*a, *a]\n".to_owned(), 422),
            ("application/toml", " ".repeat(3 << 20), 413),
            ("text/plain", SPEC.to_owned(), 415),
        ];
        for (kind, body, status) in refused {
            let began = Instant::now();
            let begins = body.chars().take(40).collect::<String>();
            let answer = fixture.send("POST", path, &fixture.admin, kind, body).await;
            assert_eq!(answer.status.as_u16(), status, "{path} {begins}: {}", answer.text());
            assert_eq!(answer.header("content-type"), "application/problem+json");
            assert!(began.elapsed() < Duration::from_secs(1), "{path} {begins}");
        }
    }
    let beside = format!("{SPEC}[[files]]\npath = \"/etc/x\"\nsource = \"secret\"\n");
    let problem = resolve(&fixture, "application/toml", &beside).await.problem(422, "invalid-spec");
    assert_eq!(problem["errors"][0]["code"], "file-not-sent");
}
