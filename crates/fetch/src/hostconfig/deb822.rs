//! apt's deb822 format: stanzas of `Field: value`, continued on lines that begin with a blank.

use super::AptSource;

/// The enabled binary package sources in `text`.
pub(super) fn parse(text: &str) -> Vec<AptSource> {
    let mut sources = Vec::new();
    let mut stanza = Stanza::default();
    for line in text.lines().chain(std::iter::once("")) {
        if line.trim().is_empty() {
            sources.extend(std::mem::take(&mut stanza).finish());
        } else if !line.starts_with('#') {
            stanza.add(line);
        }
    }
    sources
}

#[derive(Default)]
struct Stanza {
    fields: Vec<(String, String)>,
}

impl Stanza {
    fn add(&mut self, line: &str) {
        if line.starts_with([' ', '\t']) {
            if let Some((_, value)) = self.fields.last_mut() {
                value.push(' ');
                value.push_str(line.trim());
            }
        } else if let Some((name, value)) = line.split_once(':') {
            self.fields.push((name.trim().to_ascii_lowercase(), value.trim().to_owned()));
        }
    }

    fn words(&self, name: &str) -> Vec<String> {
        let value = self.fields.iter().find(|(field, _)| field == name);
        value.map_or_else(Vec::new, |(_, value)| value.split_whitespace().map(str::to_owned).collect())
    }

    fn finish(self) -> Option<AptSource> {
        let enabled = !matches!(
            self.words("enabled").first().map(|word| word.to_ascii_lowercase()).as_deref(),
            Some("no" | "false" | "without" | "off" | "disable" | "0")
        );
        let binary = self.words("types").iter().any(|word| word == "deb");
        let source = AptSource {
            uris: self.words("uris"),
            suites: self.words("suites"),
            components: self.words("components"),
            signed_by: self
                .fields
                .iter()
                .find(|(field, _)| field == "signed-by")
                .map(|(_, value)| value.clone()),
        };
        (enabled && binary && !source.uris.is_empty()).then_some(source)
    }
}
