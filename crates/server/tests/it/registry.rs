//! Container images as clients of a registry get them: skopeo and podman judge.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;
use std::process::Command;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use base64::Engine as _;
use lbuild_image::blob::{Compressor, ZstdOptions};
use lbuild_image::manifest::media_type::OCI_ARCHIVE;
use lbuild_image::oci::{OciImage, OciOptions, write_layout};
use lbuild_testkit::tarball::Tarball;
use serde_json::Value;

use crate::support::{Answer, Fixture, SPEC, fixture};

/// An image layout with one small layer.
pub fn image() -> (OciImage, Vec<u8>) {
    let layer = Tarball::new().directory("etc/").file("etc/greeting", b"hello\n").finish();
    let mut compressor = Compressor::new(Vec::new(), &ZstdOptions { level: 3, threads: 1 }).expect("zstd");
    compressor.write_all(&layer).expect("it is compressed");
    let (blob, layer) = compressor.finish().expect("it is compressed");
    let options = OciOptions {
        architecture: "x86_64".to_owned(),
        epoch: 1_700_000_000,
        reference: "small:trixie".to_owned(),
        cmd: vec!["/bin/sh".to_owned()],
        env: Vec::new(),
        labels: BTreeMap::new(),
        created_by: "lbuild".to_owned(),
    };
    let mut archive = Vec::new();
    let image = write_layout(&options, &layer, &mut blob.as_slice(), &mut archive).expect("a layout");
    (image, archive)
}

/// A build that made this image.
async fn built(fixture: &Fixture, archive: &[u8]) -> String {
    let id = fixture.submit(SPEC).await;
    let lease = fixture.claim().await;
    fixture.succeed_with(&lease, "small-amd64.oci.tar", OCI_ARCHIVE, archive).await;
    id
}

async fn get(fixture: &Fixture, path: &str, headers: &[(&str, &str)]) -> Answer {
    let login = base64::prelude::BASE64_STANDARD.encode(format!("anybody:{}", fixture.admin));
    let mut request = Request::get(path).header("authorization", format!("Basic {login}"));
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    fixture.call(request.body(Body::empty()).expect("a request")).await
}

/// Refusals are those of the specification.
fn refusal(answer: &Answer, status: u16, code: &str) {
    assert_eq!(answer.status.as_u16(), status, "{}", answer.text());
    assert_eq!(answer.json()["errors"][0]["code"], code, "{}", answer.text());
    assert_eq!(answer.header("docker-distribution-api-version"), "registry/2.0");
}

#[tokio::test]
async fn an_image_is_served_out_of_its_tar() {
    let fixture = fixture().await;
    let (image, archive) = image();
    let id = built(&fixture, &archive).await;
    let base = format!("/v2/builds/{id}");
    assert_eq!(get(&fixture, "/v2/", &[]).await.json(), serde_json::json!({}));
    let tags = get(&fixture, &format!("{base}/tags/list"), &[]).await.json();
    assert_eq!(tags["tags"], serde_json::json!(["latest"]));

    let digest = format!("sha256:{}", image.manifest.sha256);
    let by_tag = get(&fixture, &format!("{base}/manifests/latest"), &[]).await;
    assert_eq!(by_tag.header("docker-content-digest"), digest);
    assert_eq!(by_tag.header("content-type"), "application/vnd.oci.image.manifest.v1+json");
    let by_digest = get(&fixture, &format!("{base}/manifests/{digest}"), &[]).await;
    assert!(
        by_digest.body == by_tag.body && lbuild_digest::Digest::of(&by_tag.body) == image.manifest.sha256
    );
    let known =
        get(&fixture, &format!("{base}/manifests/latest"), &[("if-none-match", by_tag.header("etag"))]).await;
    assert_eq!(known.status, StatusCode::NOT_MODIFIED);

    let manifest: Value = by_tag.json();
    for descriptor in [&manifest["config"], &manifest["layers"][0]] {
        let digest = descriptor["digest"].as_str().expect("a digest");
        let path = format!("{base}/blobs/{digest}");
        let whole = get(&fixture, &path, &[]).await;
        assert_eq!(whole.body.len() as u64, descriptor["size"].as_u64().expect("a size"));
        assert_eq!(format!("sha256:{}", lbuild_digest::Digest::of(&whole.body)), digest);
        let part = get(&fixture, &path, &[("range", "bytes=10-19")]).await;
        assert_eq!((part.status, &part.body[..]), (StatusCode::PARTIAL_CONTENT, &whole.body[10..20]));
        let request = Request::head(&path).header("authorization", format!("Bearer {}", fixture.admin));
        let head = fixture.call(request.body(Body::empty()).expect("a request")).await;
        assert_eq!((head.status, head.body.len()), (StatusCode::OK, 0));
        assert_eq!(head.header("content-length"), whole.body.len().to_string());
    }
}

#[tokio::test]
async fn refusals_are_those_of_a_registry() {
    let fixture = fixture().await;
    let (_, archive) = image();
    let id = built(&fixture, &archive).await;
    let anonymous = fixture.call(Request::get("/v2/").body(Body::empty()).expect("a request")).await;
    refusal(&anonymous, 401, "UNAUTHORIZED");
    assert!(anonymous.header("www-authenticate").starts_with("Basic realm="));
    let low = fixture.key(fixture.tenant, &["template:write"]).await;
    refusal(&fixture.send("GET", "/v2/", &low, "", Body::empty()).await, 403, "DENIED");
    let other = fixture.stranger("other", &["build:read"]).await;
    let foreign = format!("/v2/builds/{id}/manifests/latest");
    refusal(&fixture.send("GET", &foreign, &other, "", Body::empty()).await, 404, "NAME_UNKNOWN");
    let without = fixture.submit(&SPEC.replace("small", "none")).await;
    for (path, code) in [
        (format!("/v2/builds/{id}/manifests/other"), "MANIFEST_UNKNOWN"),
        (format!("/v2/builds/{id}/blobs/sha256:{}", "0".repeat(64)), "BLOB_UNKNOWN"),
        (format!("/v2/builds/{id}/blobs/..%2Findex.json"), "BLOB_UNKNOWN"),
        (format!("/v2/builds/{without}/manifests/latest"), "NAME_UNKNOWN"),
        ("/v2/builds/x/manifests/latest".to_owned(), "NAME_UNKNOWN"),
        ("/v2/library/debian/manifests/latest".to_owned(), "NAME_UNKNOWN"),
    ] {
        refusal(&get(&fixture, &path, &[]).await, 404, code);
    }
    let pushed = fixture.send("PUT", &foreign, &fixture.admin, "", Body::empty()).await;
    refusal(&pushed, 405, "UNSUPPORTED");
    // a password is for the registry alone: browsers send it along by themselves
    let elsewhere = get(&fixture, "/api/v1/builds", &[]).await;
    elsewhere.problem(401, "unauthorized");
}

fn run(program: &str, arguments: &[&str], home: &Path) -> String {
    let output = Command::new(program).args(arguments).env("HOME", home).output();
    let output = output.unwrap_or_else(|error| panic!("{program}: {error}; cargo xtask test installs it"));
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{program} {arguments:?}: {said}");
    String::from_utf8(output.stdout).expect("text")
}

#[tokio::test(flavor = "multi_thread")]
async fn skopeo_and_podman_pull_an_image() {
    let fixture = fixture().await;
    let (image, archive) = image();
    let id = built(&fixture, &archive).await;
    let address = fixture.listen().await;
    let login = format!("anybody:{}", fixture.admin);
    let pulled = tokio::task::spawn_blocking(move || {
        let place = tempfile::tempdir().expect("a directory");
        let name = format!("{address}/builds/{id}");
        let source = format!("docker://{name}:latest");
        let creds = ["--tls-verify=false", "--creds", &login];
        let inspected = run("skopeo", &[&["inspect"], &creds[..], &[source.as_str()]].concat(), place.path());
        let inspected: Value = serde_json::from_str(&inspected).expect("JSON");
        let to = format!("oci:{}:copy", place.path().join("copy").display());
        let creds = ["--src-tls-verify=false", "--src-creds", &login];
        run("skopeo", &[&["copy"], &creds[..], &[source.as_str(), &to]].concat(), place.path());

        let (root, state) = (place.path().join("root"), place.path().join("run"));
        let (root, state) = (root.display().to_string(), state.display().to_string());
        let store = ["--root", &root, "--runroot", &state, "--storage-driver", "vfs"];
        let pull = ["pull", "--quiet", "--tls-verify=false", "--creds", &login, &name];
        let pulled = run("podman", &[&store[..], &pull].concat(), place.path());
        (inspected, pulled)
    });
    let (inspected, pulled) = pulled.await.expect("they pull");
    assert_eq!(inspected["Digest"], format!("sha256:{}", image.manifest.sha256));
    assert_eq!(
        pulled.trim(),
        image.config.sha256.to_string(),
        "the image's id is its configuration's digest"
    );
}
