//! Parts of an answer: the `Range` header (RFC 9110, section 14), one range of bytes.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Response};

use crate::problem::Problem;

/// The bytes that are wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// All of them.
    All,
    /// From the first to the last of these, both included.
    Part {
        /// The first byte.
        first: u64,
        /// The last byte.
        last: u64,
    },
    /// None of those that there are.
    Outside,
}

/// What a header asks for. A header that is not understood, or asks for several ranges, asks for everything, as the
/// standard allows.
pub fn wanted(headers: &HeaderMap, length: u64, etag: &str) -> Wanted {
    let if_range = headers.get(header::IF_RANGE);
    if if_range.is_some_and(|value| value.as_bytes() != etag.as_bytes()) {
        return Wanted::All;
    }
    let value = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    value.and_then(|value| parse(value, length)).unwrap_or(Wanted::All)
}

fn parse(value: &str, length: u64) -> Option<Wanted> {
    let (first, last) = value.strip_prefix("bytes=")?.trim().split_once('-')?;
    let number = |text: &str| {
        let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
        digits.then(|| text.parse::<u64>().unwrap_or(u64::MAX))
    };
    let end = length.saturating_sub(1);
    if first.is_empty() {
        let count = number(last)?;
        let part = Wanted::Part { first: length.saturating_sub(count), last: end };
        return Some(if count == 0 || length == 0 { Wanted::Outside } else { part });
    }
    let first = number(first)?;
    let last = if last.is_empty() { u64::MAX } else { number(last)? };
    if last < first {
        return None;
    }
    Some(if first >= length { Wanted::Outside } else { Wanted::Part { first, last: last.min(end) } })
}

/// The answer to a range that has no bytes.
pub fn outside(length: u64) -> Response {
    let problem = Problem::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", "There are no such bytes");
    let mut response = problem.detail(format!("there are {length} bytes")).into_response();
    if let Ok(value) = HeaderValue::from_str(&format!("bytes */{length}")) {
        response.headers_mut().insert(header::CONTENT_RANGE, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::{Wanted, parse};

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        let part = |first, last| Some(Wanted::Part { first, last });
        assert_eq!(parse("bytes=0-0", 10), part(0, 0));
        assert_eq!(parse("bytes=2-", 10), part(2, 9));
        assert_eq!(parse("bytes=2-99999999999999999999999", 10), part(2, 9));
        assert_eq!(parse("bytes=-3", 10), part(7, 9));
        assert_eq!(parse("bytes=-30", 10), part(0, 9));
        assert_eq!(parse("bytes=10-", 10), Some(Wanted::Outside));
        assert_eq!(parse("bytes=-0", 10), Some(Wanted::Outside));
        assert_eq!(parse("bytes=-1", 0), Some(Wanted::Outside));
        for ignored in ["bytes=5-2", "bytes=a-b", "bytes=1-2,4-5", "lines=1-2", "bytes=--1", "bytes=+1-2", ""]
        {
            assert_eq!(parse(ignored, 10), None, "{ignored}");
        }
    }
}
