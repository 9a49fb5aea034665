//! Every setting of the service, read off the options that declare them.

use std::any::TypeId;

use clap::{Arg, ArgAction, Command as Program};
use serde::Serialize;

use super::FILE;

/// The commands that are a service or a part of one.
const SERVICES: [&str; 2] = ["serve", "worker"];

/// Options of every command that are settings of a service too. The others say how a command shows things.
const GLOBAL: [&str; 1] = ["store"];

/// How a setting is written in a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// A string.
    Text,
    /// A whole number.
    Number,
    /// `true` or `false`.
    Switch,
    /// An array of strings.
    List,
}

/// One setting.
#[derive(Debug, Clone, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Setting {
    /// Its name in a file.
    pub key: String,
    /// Its name on the command line.
    pub flag: String,
    /// Its name in the environment.
    pub environment: Option<String>,
    /// What its value stands for.
    pub value: Option<String>,
    /// What it is by default.
    pub default: Option<String>,
    /// What it means.
    pub meaning: String,
    /// How it is written in a file.
    pub kind: Kind,
    /// The commands that have it.
    pub commands: Vec<&'static str>,
    #[serde(skip)]
    pub(super) option: Arg,
}

/// Every setting of the program, in the order of its help.
pub fn list(program: &Program) -> Vec<Setting> {
    let mut found: Vec<Setting> = Vec::new();
    for service in SERVICES {
        let Some(command) = program.find_subcommand(service) else { continue };
        let own = command.get_arguments().filter(|option| option.get_long().is_some_and(|long| long != FILE));
        let global = program
            .get_arguments()
            .filter(|option| option.get_long().is_some_and(|long| GLOBAL.contains(&long)));
        for setting in own.chain(global).filter_map(|option| Setting::of(option, service)) {
            match found.iter_mut().find(|known| known.key == setting.key) {
                Some(known) => known.commands.push(service),
                None => found.push(setting),
            }
        }
    }
    found
}

impl Setting {
    fn of(option: &Arg, service: &'static str) -> Option<Self> {
        let key = option.get_long().filter(|long| !matches!(*long, "help" | "version"))?;
        let names = option.get_value_names().unwrap_or_default();
        let names = names.iter().map(ToString::to_string).collect::<Vec<_>>().join(" ");
        let value = (!matches!(option.get_action(), ArgAction::SetTrue)).then_some(names);
        let defaults: Vec<_> =
            option.get_default_values().iter().map(|value| value.to_string_lossy().into_owned()).collect();
        let (meaning, told) = meaning(option);
        Some(Self {
            key: key.to_owned(),
            flag: format!("--{key}{}", value.as_ref().map_or(String::new(), |value| format!(" {value}"))),
            environment: option.get_env().map(|name| name.to_string_lossy().into_owned()),
            value,
            default: if defaults.is_empty() { told } else { Some(defaults.join(",")) },
            meaning,
            kind: kind(option),
            commands: vec![service],
            option: option.clone(),
        })
    }

    /// What a value in a file would be on the command line; why it cannot be.
    pub(super) fn check(&self, value: &str) -> Result<(), String> {
        let option = self.option.clone().global(false);
        let alone = Program::new("setting").no_binary_name(true).disable_help_flag(true).arg(option);
        alone.try_get_matches_from([format!("--{}={value}", self.key)]).map(drop).map_err(|error| {
            let reason = std::error::Error::source(&error).map(ToString::to_string);
            reason.unwrap_or_else(|| format!("it is not {}", self.value.as_deref().unwrap_or("a value")))
        })
    }
}

/// The help of an option, and the default that it tells of in brackets at its end.
fn meaning(option: &Arg) -> (String, Option<String>) {
    let help = option.get_help().map(ToString::to_string).unwrap_or_default();
    match help.strip_suffix(']').and_then(|help| help.split_once(" [default: ")) {
        Some((meaning, default)) => (meaning.to_owned(), Some(default.to_owned())),
        None => (help, None),
    }
}

fn kind(option: &Arg) -> Kind {
    let parsed = option.get_value_parser().type_id();
    let numbers = [TypeId::of::<u64>(), TypeId::of::<usize>(), TypeId::of::<u32>(), TypeId::of::<u16>()];
    match option.get_action() {
        ArgAction::SetTrue => Kind::Switch,
        ArgAction::Append => Kind::List,
        _ if numbers.iter().any(|number| parsed == *number) => Kind::Number,
        _ => Kind::Text,
    }
}
