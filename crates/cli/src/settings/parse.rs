//! From the words of the command line, the environment and a file of settings to the arguments of a command.
//!
//! What a file sets becomes the default of the option that declares it. So all three forms go through one parser, and
//! what was given nearer wins.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::parser::ValueSource;
use clap::{ArgMatches, Command, CommandFactory as _, FromArgMatches as _};
use serde::Serialize;

use super::file::{self, Values};
use super::{FILE, Setting, list};
use crate::arguments::Arguments;
use crate::failure::Failure;

/// Why there are no arguments.
pub enum Refusal {
    /// The command line or the environment is wrong, or help was asked for.
    Usage(clap::Error),
    /// The file is wrong.
    File(Failure),
}

/// A setting as it counts.
#[derive(Debug, Clone, Serialize)]
pub struct Effective {
    /// Its name in a file.
    pub key: String,
    /// Its value, as the command line writes it; nothing when there is none.
    pub value: Option<String>,
    /// `flag`, `environment`, `file` or `default`.
    pub from: &'static str,
}

/// Reads the command line, and the file that it or the environment names. For a command of the service, also every
/// setting as it counts.
pub fn parse(words: &[OsString]) -> Result<(Arguments, Vec<Effective>), Refusal> {
    let program = Arguments::command();
    let settings = list(&program);
    let values = match file_of(&program, words) {
        Some(path) => file::read(&path, &settings).map_err(Refusal::File)?,
        None => Values::new(),
    };
    let program = with_defaults(program, &values);
    let mut shown = program.clone();
    let matches = program.try_get_matches_from(words).map_err(Refusal::Usage)?;
    let arguments =
        Arguments::from_arg_matches(&matches).map_err(|error| Refusal::Usage(error.format(&mut shown)))?;
    Ok((arguments, effective(&shown, &matches, &settings, &values)))
}

/// The matches of the command that was named last.
fn innermost(matches: &ArgMatches) -> &ArgMatches {
    matches.subcommand().map_or(matches, |(_, inner)| innermost(inner))
}

/// The file of settings, if the command reads one. Whatever else is wrong is said later.
fn file_of(program: &Command, words: &[OsString]) -> Option<PathBuf> {
    let matches = program.clone().ignore_errors(true).try_get_matches_from(words).ok()?;
    let file = innermost(&matches).try_get_one::<PathBuf>(FILE).ok()??.clone();
    (!file.as_os_str().is_empty()).then_some(file)
}

/// The program with what a file sets as defaults: of the options of every command that reads one, and of those that
/// every command has.
fn with_defaults(program: Command, values: &Values) -> Command {
    if values.is_empty() {
        return program;
    }
    below(set(program, values), values)
}

fn below(command: Command, values: &Values) -> Command {
    let names: Vec<String> = command.get_subcommands().map(|inner| inner.get_name().to_owned()).collect();
    names.into_iter().fold(command, |command, name| {
        command.mut_subcommand(name, |inner| {
            let reads = inner.get_arguments().any(|option| option.get_id() == FILE);
            below(if reads { set(inner, values) } else { inner }, values)
        })
    })
}

fn set(command: Command, values: &Values) -> Command {
    values.iter().fold(command, |command, (key, texts)| {
        let id = command.get_arguments().find(|option| option.get_long() == Some(key));
        let Some(id) = id.map(|option| option.get_id().clone()) else { return command };
        let texts = texts.clone();
        // help shows what the program does by itself, and no secret of a file
        command.mut_arg(id, |option| option.default_values(texts).hide_default_value(true).required(false))
    })
}

/// The command that was named last.
fn chosen<'p>(command: &'p Command, matches: &ArgMatches) -> &'p Command {
    let inner = matches.subcommand().and_then(|(name, inner)| Some((command.find_subcommand(name)?, inner)));
    inner.map_or(command, |(command, inner)| chosen(command, inner))
}

fn effective(
    program: &Command,
    matches: &ArgMatches,
    settings: &[Setting],
    values: &Values,
) -> Vec<Effective> {
    let command = chosen(program, matches);
    let has =
        |id: &str| command.get_arguments().chain(program.get_arguments()).any(|option| option.get_id() == id);
    if !has(FILE) {
        return Vec::new();
    }
    let matches = innermost(matches);
    let of = |setting: &Setting| {
        let id = setting.option.get_id().as_str();
        // not every command has every setting
        if !has(id) {
            return None;
        }
        let from = match matches.value_source(id) {
            Some(ValueSource::CommandLine) => "flag",
            Some(ValueSource::EnvVariable) => "environment",
            _ if values.iter().any(|(key, _)| *key == setting.key) => "file",
            _ => "default",
        };
        let texts = matches.get_raw(id).map(|values| {
            values.map(|value| value.to_string_lossy().into_owned()).collect::<Vec<_>>().join(",")
        });
        Some(Effective { key: setting.key.clone(), value: texts.map(|text| masked(&text)), from })
    };
    settings.iter().filter_map(of).collect()
}

/// A value without what is secret in the address of a server.
fn masked(text: &str) -> String {
    let Some((scheme, rest)) = text.split_once("://") else { return text.to_owned() };
    let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
    match authority.rsplit_once('@') {
        Some((_, host)) => format!("{scheme}://***@{host}{path}"),
        None => text.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::masked;

    #[test]
    fn secrets_of_addresses_are_not_shown() {
        assert_eq!(masked("postgres://lbuild:a:b@c@db:5432/x"), "postgres://***@db:5432/x");
        assert_eq!(masked("nats://token@bus:4222"), "nats://***@bus:4222");
        assert_eq!(masked("sqlite:/var/lib/x"), "sqlite:/var/lib/x");
        assert_eq!(masked("http://a:1/b@c"), "http://a:1/b@c");
    }
}
