//! Sessions of browsers: a cookie that no script can read stands for an API key.
//!
//! Since a browser sends the cookie along with whatever a page makes it send, a cookie alone changes nothing: the
//! request must come from a page of this service, and have the session's token, which only such a page can read.

use axum::http::{HeaderMap, Method, header};
use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use crate::sign::Signer;

/// Name of the cookie over plain HTTP.
const PLAIN: &str = "lbuild_session";

/// Its name over HTTPS: browsers take it from this host only, and over HTTPS only.
const SECURE: &str = "__Host-lbuild_session";

/// The header that has the token.
pub const TOKEN: &str = "x-csrf-token";

/// Bytes of a cookie's value.
const BYTES: usize = 32;

/// Longest value of a cookie that is looked at.
const LONGEST: usize = 64;

/// What a browser has.
#[derive(Clone)]
pub struct Cookie(String);

impl Cookie {
    /// A new one, from the system's random numbers.
    pub fn generate() -> Result<Self, getrandom::Error> {
        let mut bytes = [0; BYTES];
        getrandom::fill(&mut bytes)?;
        Ok(Self(BASE64_URL_SAFE_NO_PAD.encode(bytes)))
    }

    /// The one that a request has.
    pub fn given(headers: &HeaderMap) -> Option<Self> {
        let pairs = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        let pairs = pairs.flat_map(|value| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
        let mut values = pairs.filter(|(name, _)| [SECURE, PLAIN].contains(name)).map(|(_, value)| value);
        values.find(|value| (1..=LONGEST).contains(&value.len())).map(|value| Self(value.to_owned()))
    }

    /// What is stored of it: it has too many bits to be guessed from its hash.
    pub fn sha256(&self) -> String {
        hex::encode(Sha256::digest(&self.0))
    }

    /// The header that gives it to the browser for so many seconds.
    pub fn set(&self, secure: bool, seconds: u64) -> String {
        let (name, more) = if secure { (SECURE, "; Secure") } else { (PLAIN, "") };
        format!("{name}={}; Path=/; HttpOnly; SameSite=Strict; Max-Age={seconds}{more}", self.0)
    }
}

/// Headers that take the cookie away again, under either name.
pub fn removals() -> [String; 2] {
    [(PLAIN, ""), (SECURE, "; Secure")]
        .map(|(name, more)| format!("{name}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0{more}"))
}

/// The token of a session.
pub fn token(signer: &Signer, session: &str) -> String {
    signer.sign(&format!("csrf\n{session}"))
}

/// Why a request that a cookie vouches for is not served; nothing, when it is.
pub fn objection(
    signer: &Signer,
    session: &str,
    method: &Method,
    headers: &HeaderMap,
) -> Option<&'static str> {
    if [Method::GET, Method::HEAD, Method::OPTIONS].contains(method) {
        return None;
    }
    if !same_origin(headers) {
        return Some("the request comes from a page of another site");
    }
    let given = headers.get(TOKEN).map_or(&b""[..], |value| value.as_bytes());
    let right = bool::from(given.ct_eq(token(signer, session).as_bytes()));
    (!right).then_some("the header `X-CSRF-Token` has the token that `GET /api/v1/session` gives")
}

/// Whether a request comes from a page of this service, or from no page, as far as its headers tell.
pub fn same_origin(headers: &HeaderMap) -> bool {
    let text =
        |name| headers.get(name).map(|value: &axum::http::HeaderValue| value.to_str().unwrap_or_default());
    if text(header::HeaderName::from_static("sec-fetch-site")).is_some_and(|site| site != "same-origin") {
        return false;
    }
    let Some(origin) = text(header::ORIGIN) else { return true };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_some() && host == text(header::HOST)
}

/// Whether the browser speaks HTTPS with whoever stands before this service.
pub fn is_secure(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
    text("origin").starts_with("https://") || text("x-forwarded-proto").eq_ignore_ascii_case("https")
}

#[cfg(test)]
mod tests {
    use axum::http::{HeaderMap, HeaderValue};

    use super::{Cookie, same_origin};

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|&(name, value)| (name.parse().expect("a name"), HeaderValue::from_static(value)))
            .collect()
    }

    #[test]
    fn a_cookie_is_found_among_others() {
        let found = |value| Cookie::given(&headers(&[("cookie", value)])).map(|cookie| cookie.0);
        assert_eq!(found("a=b; lbuild_session=x1; c=d").as_deref(), Some("x1"));
        assert_eq!(found("__Host-lbuild_session=x2").as_deref(), Some("x2"));
        assert_eq!(found("xlbuild_session=x; lbuild_session="), None);
        let cookie = Cookie::generate().expect("random numbers");
        let set = cookie.set(true, 60);
        assert!(set.starts_with("__Host-lbuild_session=") && set.ends_with("; Secure"), "{set}");
        assert!(set.contains("; HttpOnly; SameSite=Strict"));
    }

    #[test]
    fn pages_of_other_sites_are_known() {
        let cases: [(&[(&str, &str)], bool); 7] = [
            (&[("host", "a:3000")], true),
            (&[("host", "a:3000"), ("origin", "http://a:3000")], true),
            (&[("host", "a:3000"), ("origin", "http://a")], false),
            (&[("host", "a"), ("origin", "null")], false),
            (&[("host", "a"), ("origin", "http://a"), ("sec-fetch-site", "cross-site")], false),
            (&[("host", "a"), ("sec-fetch-site", "same-site")], false),
            (&[("host", "a"), ("origin", "http://a"), ("sec-fetch-site", "same-origin")], true),
        ];
        for (pairs, same) in cases {
            let pairs = pairs.iter().map(|(name, value)| {
                (name.parse::<axum::http::HeaderName>().expect("a name"), value.parse().expect("a value"))
            });
            assert_eq!(same_origin(&pairs.collect()), same);
        }
    }
}
