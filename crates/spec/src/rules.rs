//! What the text of each kind of value may look like: one rule per `format` of the schema.
//!
//! The rules are allow-lists of characters, because the values end up in file names, configuration files and
//! argument lists of a system that somebody else boots.

mod about;
mod access;
mod names;
mod network;
mod packages;
mod paths;
mod shape;
mod system;

use std::ops::Range;

use crate::model::Base;
use crate::report::quote;

pub(crate) use about::about;
pub(crate) use packages::{Parts, parse_request, split_relation};
pub(crate) use paths::parse_mode;
pub(crate) use shape::pattern;
pub use system::locale_charset;
pub(crate) use system::{decode_base64, parse_compression};

/// What a rule may know about the rest of the spec.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Context {
    /// The base, when the spec names one.
    pub(crate) base: Option<Base>,
}

/// Why a text breaks a rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) message: String,
    pub(crate) reason: Option<String>,
    pub(crate) hint: Option<String>,
    /// The offending bytes within the text, when it is not all of it.
    pub(crate) at: Option<Range<usize>>,
}

impl Fault {
    fn new(message: impl Into<String>) -> Self {
        Self { message: message.into(), reason: None, hint: None, at: None }
    }

    fn not_a(text: &str, noun: &str) -> Self {
        let article = if noun.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
        Self::new(format!("{} is not {article} {noun}", quote(text)))
    }

    fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = Some(reason.into());
        self
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    fn maybe_hint(mut self, hint: Option<String>) -> Self {
        self.hint = hint.or(self.hint);
        self
    }

    fn at(mut self, at: Range<usize>) -> Self {
        self.at = Some(at);
        self
    }
}

type Verdict = Result<(), Fault>;

/// Checks a text against the rule of a format. `None` when there is no such rule.
pub(crate) fn check(format: &str, text: &str, context: Context) -> Option<Verdict> {
    if let Some(shape) = shape::find(format) {
        return Some(shape.check(text));
    }
    Some(match format {
        "spec-name" => names::spec_name(text),
        "host" => network::host(text),
        "hostname" => names::hostname(text, 64),
        "domain" => names::hostname(text, 253),
        "owner" => names::owner(text),
        "gecos" => names::gecos(text),
        "service" => names::service(text),
        "suite" | "component" => names::archive_path(text, format),
        "package-name" => packages::name(text, context.base),
        "package-key" => packages::key(text, context.base),
        "package-request" => packages::request(text, context.base),
        "keyword" => packages::keyword(text),
        "license" => packages::license(text),
        "pin-package" => packages::pin(text, context.base),
        "version-relation" => packages::relation(text),
        "ip-address" => network::address(text),
        "ip-prefix" => network::prefix(text),
        "interface" => network::interface(text),
        "port" => network::port(text),
        "source-suite" => names::source_suite(text),
        "source-url" => network::source_url(text),
        "url" => network::url(text, &["http", "https"]),
        "https-url" => network::url(text, &["https"]),
        "backup-destination" => network::backup_destination(text),
        "absolute-path" => paths::absolute(text),
        "overlay-path" => paths::overlay(text),
        "source-path" => paths::source(text),
        "mount-point" => paths::mount_point(text),
        "file-mode" => paths::mode(text),
        "password-hash" => access::password_hash(text),
        "ssh-key" => access::ssh_key(text),
        "openpgp-key" => access::openpgp_key(text),
        "fingerprint" => access::fingerprint(text),
        "locale" => system::locale(text),
        "timezone" => system::timezone(text),
        "kernel-parameter" => system::kernel_parameter(text),
        "kernel-config" => system::kernel_config(text),
        "compression" => parse_compression(text).map(|_| ()),
        "size" => system::size(text),
        "base64" => system::base64(text),
        "script" => system::script(text),
        _ => return None,
    })
}

/// A number written with digits alone; the standard parser also takes a sign.
fn digits<T: std::str::FromStr>(text: &str) -> Option<T> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse().ok()).flatten()
}

/// The nearest of some known words, when it is near enough to be what was meant.
pub(crate) fn nearest<'w>(text: &str, words: impl IntoIterator<Item = &'w str>) -> Option<&'w str> {
    if text.chars().count() > 64 {
        return None;
    }
    let plain = |text: &str| text.to_lowercase().replace(['_', '-', ' '], "");
    let wanted = plain(text);
    words
        .into_iter()
        .map(|word| (strsim::damerau_levenshtein(&wanted, &plain(word)), word))
        .filter(|(distance, word)| *distance <= (word.chars().count().max(3) / 3).min(3))
        .min_by_key(|(distance, _)| *distance)
        .map(|(_, word)| word)
}

/// `did you mean` in the one wording that all messages use.
pub(crate) fn did_you_mean<'w>(text: &str, words: impl IntoIterator<Item = &'w str>) -> Option<String> {
    nearest(text, words).map(|word| format!("did you mean `{word}`?"))
}
