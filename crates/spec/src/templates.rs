//! Specs to begin with, which come with the program: `data/templates`.

use crate::source::{Format, Source};

/// A spec to begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Template {
    /// Its name, which is also that of the system.
    pub name: &'static str,
    /// The spec, TOML. Its first line says what it is for.
    pub text: &'static str,
}

macro_rules! templates {
    ($($name:literal),* $(,)?) => {
        &[$(Template { name: $name, text: include_str!(concat!("../../../data/templates/", $name, ".toml")) }),*]
    };
}

/// The specs that come with the program.
pub const TEMPLATES: &[Template] =
    templates!["server", "desktop", "kiosk", "rescue", "container-host", "developer"];

impl Template {
    /// The template of a name.
    pub fn of(name: &str) -> Option<Self> {
        TEMPLATES.iter().copied().find(|template| template.name == name)
    }

    /// What it is for, in one line.
    pub fn description(self) -> &'static str {
        self.text.lines().next().unwrap_or_default().trim_start_matches(['#', ' '])
    }

    /// The spec as a source; `file` is its name for messages.
    pub fn source(self, file: &str) -> Source {
        Source { file: file.to_owned(), format: Format::Toml, text: self.text.to_owned() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_a_spec_that_says_what_it_is_for() {
        for template in TEMPLATES {
            let source = template.source("template");
            let blueprint = crate::validate(&source).unwrap_or_else(|errors| panic!("{errors}"));
            assert_eq!(blueprint.name, template.name);
            assert_eq!(blueprint.warnings, [], "{}", template.name);
            let first = template.text.lines().next().unwrap_or_default();
            assert!(first.starts_with("# ") && first.ends_with('.'), "{first}");
            assert!(!template.description().starts_with('#') && template.description().len() > 30);
            assert_eq!(Template::of(template.name), Some(*template));
        }
        assert_eq!(Template::of("no-such"), None);
    }
}
