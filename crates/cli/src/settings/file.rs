//! Reads a file of settings. Everything that is wrong with it is said at once, each with its line and what to write.

use std::fs;
use std::ops::Range;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Kind, Setting};
use crate::failure::{Exit, Failure};

/// Largest file.
const LARGEST: u64 = 1 << 20;

/// Names that are this alike may be meant.
const ALIKE: f64 = 0.7;

/// What a file sets: keys, and their values as the command line writes them.
pub type Values = Vec<(String, Vec<String>)>;

/// Something wrong at a place of the text.
struct Wrong {
    at: usize,
    what: String,
}

/// Reads the file.
pub fn read(path: &Path, settings: &[Setting]) -> Result<Values, Failure> {
    let cannot = |error: &std::io::Error| {
        Failure::because(Exit::Usage, format!("cannot read the settings in `{}`", path.display()), error)
            .hint("name a file of settings with --config or LBUILD_CONFIG".to_owned())
    };
    let size = fs::metadata(path).map_err(|error| cannot(&error))?.len();
    if size > LARGEST {
        return Err(cannot(&std::io::Error::other("it is larger than 1 MiB")));
    }
    let text = fs::read_to_string(path).map_err(|error| cannot(&error))?;
    values(&text, settings).map_err(|wrong| report(path, &text, wrong))
}

fn report(path: &Path, text: &str, mut wrong: Vec<Wrong>) -> Failure {
    wrong.sort_by_key(|wrong| wrong.at);
    let lines = wrong.iter().map(|wrong| {
        let (line, column) = place(text, wrong.at);
        format!("{}:{line}:{column}: {}", path.display(), wrong.what)
    });
    Failure::new(Exit::Usage, format!("the settings in `{}` cannot be used", path.display()))
        .details(lines)
        .hint("`lbuild config list` shows every setting".to_owned())
}

/// Line and column of a place, from 1.
fn place(text: &str, at: usize) -> (usize, usize) {
    let before = text.get(..at).unwrap_or(text);
    let line = before.rsplit('\n').next().unwrap_or_default();
    (before.matches('\n').count() + 1, line.chars().count() + 1)
}

fn values(text: &str, settings: &[Setting]) -> Result<Values, Vec<Wrong>> {
    let table = DeTable::parse(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        vec![Wrong { at, what: format!("this is not TOML: {}", error.message().trim_end()) }]
    })?;
    let (mut values, mut wrong) = (Vec::new(), Vec::new());
    for (key, value) in table.get_ref() {
        match setting(key.get_ref(), key.span(), settings).and_then(|setting| of(setting, value)) {
            Ok(found) => values.push((key.get_ref().to_string(), found)),
            Err(found) => wrong.push(found),
        }
    }
    if wrong.is_empty() { Ok(values) } else { Err(wrong) }
}

fn setting<'s>(key: &str, span: Range<usize>, settings: &'s [Setting]) -> Result<&'s Setting, Wrong> {
    settings.iter().find(|setting| setting.key == key).ok_or_else(|| {
        let plain = key.to_ascii_lowercase().replace('_', "-");
        let alike = settings
            .iter()
            .map(|setting| (strsim::jaro_winkler(&setting.key, &plain), &setting.key))
            .filter(|(alike, _)| *alike > ALIKE)
            .max_by(|a, b| a.0.total_cmp(&b.0));
        let meant = alike.map_or("remove it".to_owned(), |(_, key)| format!("write `{key}`"));
        Wrong { at: span.start, what: format!("`{key}` is not a setting: {meant}") }
    })
}

fn of(setting: &Setting, value: &Spanned<DeValue<'_>>) -> Result<Vec<String>, Wrong> {
    let at = value.span().start;
    let key = &setting.key;
    let found = texts(setting.kind, value.get_ref()).ok_or_else(|| {
        let (want, example) = match setting.kind {
            Kind::Text => ("a string", format!("{key} = \"...\"")),
            Kind::Number => ("a whole number", format!("{key} = 1")),
            Kind::Switch => ("true or false", format!("{key} = true")),
            Kind::List => ("an array of strings", format!("{key} = [\"...\"]")),
        };
        let what = format!("`{key}` is {want}, not {}: write `{example}`", article(value.get_ref()));
        Wrong { at, what }
    })?;
    if setting.kind == Kind::Switch {
        return Ok(found);
    }
    for text in &found {
        if setting.kind == Kind::List && text.contains(',') {
            let what = format!("`{key}`: `{text}` has a comma: write each as a string of its own");
            return Err(Wrong { at, what });
        }
        setting.check(text).map_err(|reason| Wrong { at, what: format!("`{key}`: {reason}") })?;
    }
    Ok(found)
}

/// A value of this kind as the command line writes it.
fn texts(kind: Kind, value: &DeValue<'_>) -> Option<Vec<String>> {
    match (kind, value) {
        (Kind::Text, DeValue::String(text)) => Some(vec![text.to_string()]),
        (Kind::Switch, DeValue::Boolean(on)) => Some(vec![on.to_string()]),
        (Kind::Number, DeValue::Integer(number)) => {
            let number = i64::from_str_radix(number.as_str(), number.radix()).ok()?;
            Some(vec![number.to_string()])
        }
        (Kind::List, DeValue::Array(items)) => {
            items.iter().map(|item| item.get_ref().as_str().map(str::to_owned)).collect()
        }
        _ => None,
    }
}

fn article(value: &DeValue<'_>) -> &'static str {
    match value {
        DeValue::String(_) => "a string",
        DeValue::Integer(_) => "a whole number",
        DeValue::Float(_) => "a fraction",
        DeValue::Boolean(_) => "true or false",
        DeValue::Datetime(_) => "a date",
        DeValue::Array(_) => "such an array",
        DeValue::Table(_) => "a table",
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory as _;

    use super::{place, values};
    use crate::arguments::Arguments;
    use crate::settings::list;

    fn wrong(text: &str) -> Vec<String> {
        let Err(mut wrong) = values(text, &list(&Arguments::command())) else { panic!("{text} is taken") };
        wrong.sort_by_key(|wrong| wrong.at);
        let shown = |wrong: super::Wrong| {
            let (line, column) = place(text, wrong.at);
            format!("{line}:{column} {}", wrong.what)
        };
        wrong.into_iter().map(shown).collect()
    }

    #[test]
    fn every_error_has_its_place_and_what_to_write() {
        let text = "worker = 2\nworkers = \"two\"\nlisten = \"here\"\ndrain = -1\negress = [1]\nno-migrate = 1\ndata = {}\n";
        let expected = [
            "1:1 `worker` is not a setting: write `workers`",
            "2:11 `workers` is a whole number, not a string: write `workers = 1`",
            "3:10 `listen`: invalid socket address syntax",
            "4:9 `drain`: invalid digit found in string",
            "5:10 `egress` is an array of strings, not such an array: write `egress = [\"...\"]`",
            "6:14 `no-migrate` is true or false, not a whole number: write `no-migrate = true`",
            "7:8 `data` is a string, not a table: write `data = \"...\"`",
        ];
        assert_eq!(wrong(text), expected);
        assert!(wrong("= 1")[0].starts_with("1:1 this is not TOML: "));
        assert!(wrong("drain = 1\ndrain = 2")[0].starts_with("2:1 this is not TOML: duplicate key"));
        assert_eq!(wrong("egress = [\"https://a,b\"]").len(), 1);
    }

    #[test]
    fn values_are_what_the_command_line_takes() {
        let text = "workers = 0x10\negress = [\"http://a:1\", \"https://b\"]\nno-migrate = true\nlisten = \"[::]:80\"\n";
        let Ok(found) = values(text, &list(&Arguments::command())) else { panic!("it is sound") };
        let found: Vec<_> = found.iter().map(|(key, values)| format!("{key}={}", values.join(" "))).collect();
        assert_eq!(found, ["workers=16", "egress=http://a:1 https://b", "no-migrate=true", "listen=[::]:80"]);
    }
}
