//! What every operation of the OpenAPI document has, and none says of itself: its name, and the refusals that it shares
//! with the others.

use axum::http::StatusCode;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::path::{Operation, PathItem};
use utoipa::openapi::response::{Response, ResponseBuilder};
use utoipa::openapi::schema::Type;
use utoipa::openapi::{Content, Object, OpenApi, Ref, RefOr};

use crate::registry;

/// The media type of every refusal.
const PROBLEM: &str = "application/problem+json";

/// What is answered to a body that is not read.
const OF_BODIES: [(&str, &str); 4] = [
    ("400", "The request cannot be read"),
    ("408", "The body came too slowly"),
    ("413", "The body is too large"),
    ("415", "The body is of a kind that is not read here"),
];

/// Completes a document of which the operations are known.
pub fn complete(document: &mut OpenApi) {
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            operation.operation_id = Some(name(method, path));
            refuse(operation, &Refusals::at(path));
        }
    }
}

fn operations(path: &mut PathItem) -> impl Iterator<Item = (&'static str, &mut Operation)> {
    let operations = [
        ("get", &mut path.get),
        ("put", &mut path.put),
        ("post", &mut path.post),
        ("delete", &mut path.delete),
        ("patch", &mut path.patch),
    ];
    operations.into_iter().filter_map(|(method, operation)| Some((method, operation.as_mut()?)))
}

/// What programs call an operation: its method and its path in words, such as `get_builds_by_id`.
fn name(method: &str, path: &str) -> String {
    let path = path.strip_prefix("/api/v1").unwrap_or(path).replace('{', "by_").replace('}', "");
    let words = path.split(['/', '-']).filter(|word| !word.is_empty());
    std::iter::once(method).chain(words).collect::<Vec<_>>().join("_")
}

/// How refusals look below an address.
struct Refusals {
    media_type: &'static str,
    schema: &'static str,
}

impl Refusals {
    fn at(path: &str) -> Self {
        if path.starts_with(registry::ROOT) {
            return Self { media_type: "application/json", schema: "RegistryErrors" };
        }
        Self { media_type: PROBLEM, schema: "Problem" }
    }

    fn response(&self, text: &str) -> ResponseBuilder {
        let content = Content::new(Some(Ref::from_schema_name(self.schema)));
        ResponseBuilder::new().description(text).content(self.media_type, content)
    }
}

/// Says how an operation refuses.
fn refuse(operation: &mut Operation, refusals: &Refusals) {
    let known = &mut operation.responses.responses;
    for (status, response) in known.iter_mut() {
        if let RefOr::T(response) = response {
            describe(status, response);
            name_problem(response);
        }
    }
    if operation.request_body.is_some() {
        for (status, text) in OF_BODIES {
            known.entry(status.to_owned()).or_insert_with(|| RefOr::T(refusals.response(text).build()));
        }
    }
    let retry = || header("Seconds until the next request is taken");
    let limited = refusals
        .response("Too many requests")
        .header("Retry-After", retry())
        .header("RateLimit", header("What is left: `\"key\";r=REQUESTS;t=SECONDS`"))
        .header("RateLimit-Policy", header("What there is: `\"key\";q=REQUESTS;w=SECONDS`"));
    known.insert("429".to_owned(), RefOr::T(limited.build()));
    let away = refusals.response("The database or the store does not answer").header("Retry-After", retry());
    known.entry("503".to_owned()).or_insert_with(|| RefOr::T(away.build()));
}

/// Every response has a description (OpenAPI 3.1, Response Object): the status in words, where there is nothing to add.
fn describe(status: &str, response: &mut Response) {
    if response.description.is_empty() {
        let reason =
            StatusCode::from_bytes(status.as_bytes()).ok().and_then(|status| status.canonical_reason());
        reason.unwrap_or_default().clone_into(&mut response.description);
    }
}

/// A problem has a media type of its own (RFC 9457).
fn name_problem(response: &mut Response) {
    let of_problem = Ref::from_schema_name("Problem").ref_location;
    let is_problem = |content: &RefOr<Content>| {
        let RefOr::T(Content { schema: Some(RefOr::Ref(schema)), .. }) = content else { return false };
        schema.ref_location == of_problem
    };
    if response.content.get("application/json").is_some_and(is_problem)
        && let Some(content) = response.content.swap_remove("application/json")
    {
        response.content.insert(PROBLEM.to_owned(), content);
    }
}

fn header(text: &str) -> Header {
    HeaderBuilder::new().schema(Some(Object::with_type(Type::String))).description(Some(text)).build()
}
