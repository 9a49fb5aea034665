//! Lists in pages: where the next one begins is the last id of the one before, so that what comes in between neither
//! repeats nor hides anything.

use std::fmt::Write as _;

use axum::http::{HeaderValue, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use utoipa::IntoParams;

use crate::problem::Problem;

/// Most entries in one answer.
const LARGEST: u32 = 100;

/// Entries in an answer unless the caller says otherwise.
const USUAL: u32 = 20;

/// Which page of a list.
#[derive(Debug, Deserialize, IntoParams)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct PageQuery {
    /// Where the page before ended.
    cursor: Option<String>,
    /// How many at most: 1 to 100.
    page_size: Option<u32>,
}

/// A page that is wanted.
pub struct Wanted<C> {
    /// What the page before ended with.
    pub before: Option<C>,
    /// How many entries at most.
    pub limit: u32,
}

impl<C: std::str::FromStr> Wanted<C> {
    /// Reads what a client wants.
    pub fn of(query: &PageQuery) -> Result<Self, Problem> {
        let limit = size(query.page_size)?;
        Ok(Self { before: cursor(query.cursor.as_deref())?, limit })
    }
}

/// How many entries are wanted.
pub fn size(wanted: Option<u32>) -> Result<u32, Problem> {
    let limit = wanted.unwrap_or(USUAL);
    let is_possible = (1..=LARGEST).contains(&limit);
    if is_possible { Ok(limit) } else { Err(Problem::malformed(format!("`pageSize` is 1 to {LARGEST}"))) }
}

/// Where the page begins.
pub fn cursor<C: std::str::FromStr>(given: Option<&str>) -> Result<Option<C>, Problem> {
    let cursor = given.map(str::parse).transpose();
    cursor.map_err(|_| Problem::malformed("`cursor` is not one that a page gave"))
}

/// Cuts a list that has one entry more than wanted when there are more; where the next page begins.
pub fn cut<T>(entries: &mut Vec<T>, limit: u32, cursor: impl Fn(&T) -> String) -> Option<String> {
    let more = entries.len() > limit as usize;
    entries.truncate(limit as usize);
    entries.last().filter(|_| more).map(cursor)
}

/// The address of a list with these filters.
pub fn filtered(list: &str, filters: &[(&str, Option<String>)]) -> String {
    let given = filters.iter().filter_map(|(name, value)| Some((name, value.as_ref()?)));
    let mut address = list.to_owned();
    for (name, value) in given {
        let sign = if address.contains('?') { '&' } else { '?' };
        let _ = write!(address, "{sign}{name}={}", encoded(value));
    }
    address
}

/// A value as a query has it (RFC 3986).
fn encoded(value: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    let bytes =
        value.bytes().map(|byte| if plain(byte) { char::from(byte).into() } else { format!("%{byte:02X}") });
    bytes.collect()
}

/// An answer that leads to the next page at `address`, which has the filters of this one.
pub fn linked(answer: impl IntoResponse, address: &str, limit: u32, next: Option<&str>) -> Response {
    let mut response = answer.into_response();
    let sign = if address.contains('?') { '&' } else { '?' };
    let link = next.map(|cursor| format!("<{address}{sign}cursor={cursor}&pageSize={limit}>; rel=\"next\""));
    if let Some(value) = link.and_then(|link| HeaderValue::from_str(&link).ok()) {
        response.headers_mut().insert(header::LINK, value);
    }
    response
}

#[cfg(test)]
mod tests {
    use super::filtered;

    #[test]
    fn filters_come_back_as_they_were_given() {
        assert_eq!(filtered("/l", &[("a", None), ("b", None)]), "/l");
        let given = [("a", Some("x y&=>é".to_owned())), ("b", None), ("c", Some("1".to_owned()))];
        assert_eq!(filtered("/l", &given), "/l?a=x%20y%26%3D%3E%C3%A9&c=1");
    }
}
