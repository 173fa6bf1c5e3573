//! The configuration file: YAML whose keys are the names of the long flags. Its values apply to all flags that are set neither on the
//! command line nor in the environment.
//!
//! It knows no individual setting: each is defined by its flag alone.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::parser::ValueSource;
use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};
use serde_json::{Map, Value};
use serde_saphyr::{MergeKeyPolicy, UserMessageFormatter};
use thiserror::Error;

use super::Args;

/// Flags that are not allowed in a file.
const NOT_IN_FILES: [&str; 3] = ["config", "help", "version"];

/// The settings could not be read.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The command line or environment is invalid; or `--help` or `--version` was requested.
    #[error(transparent)]
    CommandLine(clap::Error),
    /// The file is not readable.
    #[error("could not read the configuration file {file:?}")]
    Read {
        /// The file.
        file: PathBuf,
        /// Cause.
        source: std::io::Error,
    },
    /// The file is not a YAML mapping.
    #[error("the configuration file {file:?} must contain one `flag: value` per line: {problem}")]
    Malformed {
        /// The file.
        file: PathBuf,
        /// The problem.
        problem: String,
    },
    /// No flag has this name.
    #[error("{file:?}: there is no setting {key:?}{hint}")]
    UnknownKey {
        /// The file.
        file: PathBuf,
        /// As written.
        key: String,
        /// A suggestion, or empty.
        hint: String,
    },
    /// The value is invalid for this flag.
    #[error("{file:?}: {key}: {problem}")]
    Value {
        /// The file.
        file: PathBuf,
        /// The flag's name.
        key: String,
        /// The problem.
        problem: String,
    },
}

/// Reads flags, environment and the file that they name, in this order of precedence.
pub fn settings(command_line: &[OsString]) -> Result<Args, SettingsError> {
    let command = super::command();
    let given = command.clone().try_get_matches_from(command_line).map_err(SettingsError::CommandLine)?;
    let matches = match given.get_one::<PathBuf>("config") {
        None => given,
        Some(file) => {
            let mut merged: Vec<OsString> = command_line.iter().take(1).cloned().collect();
            merged.extend(arguments(&command, &given, file)?);
            merged.extend(command_line.iter().skip(1).cloned());
            command.try_get_matches_from(merged).map_err(SettingsError::CommandLine)?
        }
    };
    Args::from_arg_matches(&matches).map_err(SettingsError::CommandLine)
}

/// The file's settings as arguments, without those already set.
fn arguments(command: &Command, given: &ArgMatches, file: &Path) -> Result<Vec<OsString>, SettingsError> {
    let text = std::fs::read_to_string(file).map_err(|source| SettingsError::Read { file: file.to_owned(), source })?;
    let mut arguments = Vec::new();
    for (key, value) in mapping(&text).map_err(|problem| SettingsError::Malformed { file: file.to_owned(), problem })? {
        let (arg, key) = setting(command, key, file)?;
        let wrong = |problem| SettingsError::Value { file: file.to_owned(), key: key.clone(), problem };
        let argument = argument(arg, &key, &value).map_err(wrong)?;
        check(command, argument.as_ref()).map_err(wrong)?;
        let is_given = matches!(
            given.value_source(arg.get_id().as_str()),
            Some(ValueSource::CommandLine | ValueSource::EnvVariable)
        );
        arguments.extend(argument.filter(|_| !is_given).map(OsString::from));
    }
    Ok(arguments)
}

/// YAML 1.2, in which a value is what its author wrote: no other words for true and false, no octal `010`, no merged mappings, no tags.
fn yaml_options() -> serde_saphyr::Options {
    serde_saphyr::options! {
        strict_booleans: true,
        leading_zero_numbers_as_strings: true,
        underscored_numbers_as_strings: true,
        merge_keys: MergeKeyPolicy::AsOrdinary,
        reject_unsupported_tags: true,
        // An error is one line and quotes nothing of the file, which may be the wrong one.
        with_snippet: false,
    }
}

fn mapping(text: &str) -> Result<Map<String, Value>, String> {
    let read = serde_saphyr::from_str_with_options(text, yaml_options());
    match read.map_err(|error| error.render_with_formatter(&UserMessageFormatter))? {
        Value::Null => Ok(Map::new()),
        Value::Object(mapping) => Ok(mapping),
        _ => Err("it is not a mapping".to_owned()),
    }
}

fn setting<'a>(command: &'a Command, key: String, file: &Path) -> Result<(&'a Arg, String), SettingsError> {
    let is_setting = |arg: &&Arg| arg.get_long() == Some(&key) && !NOT_IN_FILES.contains(&&*key);
    match command.get_arguments().find(is_setting) {
        Some(arg) => Ok((arg, key)),
        None => Err(SettingsError::UnknownKey { file: file.to_owned(), hint: hint(command, &key), key }),
    }
}

/// clap's suggestion of a similar flag.
fn hint(command: &Command, key: &str) -> String {
    let refused = command.clone().try_get_matches_from(["", &format!("--{key}")]).err();
    match refused.as_ref().and_then(|error| error.get(ContextKind::SuggestedArg)) {
        Some(ContextValue::String(flag)) => format!("; did you mean {:?}?", flag.trim_start_matches('-')),
        _ => String::new(),
    }
}

/// The setting as an argument; `None` for a switch that is off.
fn argument(arg: &Arg, key: &str, value: &Value) -> Result<Option<String>, String> {
    if matches!(arg.get_action(), ArgAction::SetTrue) {
        return match value {
            Value::Bool(is_on) => Ok(is_on.then(|| format!("--{key}"))),
            _ => Err("must be true or false".to_owned()),
        };
    }
    let text = match value {
        Value::Array(items) if arg.get_value_delimiter().is_some() => {
            items.iter().map(text_of).collect::<Option<Vec<_>>>().map(|items| items.join(","))
        }
        Value::Array(_) => return Err("must be a single value, not a list".to_owned()),
        value => text_of(value),
    };
    let text = text.ok_or("must be a string, a number or a boolean")?;
    Ok(Some(format!("--{key}={text}")))
}

fn text_of(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::Bool(is_so) => Some(is_so.to_string()),
        _ => None,
    }
}

/// Validates a single value. Conflicts between flags are checked when all are known.
fn check(command: &Command, argument: Option<&String>) -> Result<(), String> {
    let Some(argument) = argument else { return Ok(()) };
    match command.clone().try_get_matches_from(["", argument]) {
        Err(error) if !matches!(error.kind(), ErrorKind::MissingRequiredArgument | ErrorKind::ArgumentConflict) => {
            Err(first_paragraph(&error))
        }
        _ => Ok(()),
    }
}

fn first_paragraph(error: &clap::Error) -> String {
    let text = error.to_string();
    let lines = text.lines().take_while(|line| !line.trim().is_empty()).map(str::trim);
    let paragraph = lines.collect::<Vec<_>>().join(" ");
    paragraph.trim_start_matches("error: ").to_owned()
}

#[cfg(test)]
mod tests;
