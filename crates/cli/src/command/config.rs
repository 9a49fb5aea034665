//! `lbuild config`: the settings of the service, and whether it could start with them.

use clap::{CommandFactory as _, Subcommand};
use lbuild_server::preflight::{Finding, preflight};
use serde_json::json;

use super::serve;
use crate::arguments::Arguments;
use crate::context::Context;
use crate::failure::{Exit, Failure};
use crate::output;
use crate::settings::{Effective, Setting, list};
use crate::terminal::Style;

/// What to do with the settings.
#[derive(Debug, Subcommand)]
pub enum Action {
    /// Check the settings, and everything that the service needs to start with them
    Check(Box<serve::Options>),
    /// Show every setting: its name, its default, what it means
    List,
}

/// Does it.
pub fn run(action: &Action, context: &Context) -> Result<(), Failure> {
    match action {
        Action::Check(options) => check(options, context),
        Action::List => show(context),
    }
}

fn show(context: &Context) -> Result<(), Failure> {
    let settings = list(&Arguments::command());
    if context.global.json {
        return output::print_json(&settings);
    }
    let style = context.style();
    output::print(&settings.iter().map(|setting| described(setting, style)).collect::<String>())
}

fn described(setting: &Setting, style: Style) -> String {
    let key = style.strong(&setting.key);
    let environment = setting.environment.as_deref().unwrap_or("-");
    let default = setting.default.as_ref().map_or(String::new(), |default| format!("  [{default}]"));
    format!("{key}  {}  {environment}{default}\n    {}\n", setting.flag, setting.meaning)
}

fn check(options: &serve::Options, context: &Context) -> Result<(), Failure> {
    let options = serve::resolve(options, context)?;
    let found = preflight(&options)
        .map_err(|error| Failure::because(Exit::Build, "cannot look at this machine", &error))?;
    let ok = found.iter().all(|finding| finding.ok);
    if context.global.json {
        let checks: Vec<_> = found.iter().map(as_json).collect();
        output::print_json(&json!({ "ok": ok, "settings": context.settings, "checks": checks }))?;
    } else {
        output::print(&table(&context.settings, &found, context.style()))?;
    }
    // a script must be able to tell
    if ok { Ok(()) } else { Err(Failure::silent(Exit::Build)) }
}

fn as_json(finding: &Finding) -> serde_json::Value {
    json!({ "name": finding.name, "ok": finding.ok, "detail": finding.detail, "advice": finding.advice })
}

fn table(settings: &[Effective], found: &[Finding], style: Style) -> String {
    let mut lines = vec![format!("{}\n", style.strong("settings"))];
    for setting in settings {
        let value = setting.value.as_deref().filter(|value| !value.is_empty()).unwrap_or("-");
        lines.push(format!("  {:<12} {value:<32} {}\n", setting.key, style.faint(setting.from)));
    }
    lines.push(format!("{}\n", style.strong("checks")));
    for finding in found {
        let verdict = if finding.ok { "ok  ".to_owned() } else { style.bad("FAIL") };
        lines.push(format!("  {:<12} {verdict} {}\n", finding.name, finding.detail));
        if let Some(advice) = &finding.advice {
            lines.push(format!("  {:<12} {} {advice}\n", "", style.advice("hint:")));
        }
    }
    lines.concat()
}

#[cfg(test)]
mod tests {
    use lbuild_server::preflight::Finding;

    use super::table;
    use crate::settings::Effective;
    use crate::terminal::Style;

    #[test]
    fn a_table_says_where_values_come_from_and_what_to_do() {
        let settings = [Effective { key: "drain".to_owned(), value: Some("5".to_owned()), from: "file" }];
        let found = [
            Finding { name: "disk", ok: true, detail: "9 MiB".to_owned(), advice: None },
            Finding {
                name: "listen",
                ok: false,
                detail: "in use".to_owned(),
                advice: Some("stop it".to_owned()),
            },
        ];
        let expected = "settings\n  drain        5                                file\nchecks\n  disk         ok   \
                        9 MiB\n  listen       FAIL in use\n               hint: stop it\n";
        assert_eq!(table(&settings, &found, Style { color: false }), expected);
    }
}
