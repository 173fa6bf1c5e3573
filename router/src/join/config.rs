//! The part of the command line about join tokens and TURN servers.

use std::time::Duration;

use clap::Args;
use convene_join_token::is_label;
use convene_service::arguments::parse_duration;
use thiserror::Error;

/// A token with a longer lifetime is a password.
const LONGEST_LIFETIME: Duration = Duration::from_hours(30 * 24);
/// Each Secret has its own watch.
const MAX_SECRETS: usize = 50;

/// Arguments about joining; each can be set by an environment variable instead.
#[derive(Clone, Debug, Args)]
pub(crate) struct JoinArgs {
    /// Secret in that namespace with keys that verify join tokens; can be repeated (comma-separated in the environment variable). If two
    /// Secrets have a key of the same name, the first one takes precedence
    #[arg(long = "join-key-secret", env = "CONVENE_JOIN_KEY_SECRETS", value_name = "NAME", value_delimiter = ',')]
    pub(crate) join_key_secrets: Vec<String>,

    /// Secret in that namespace with credentials for TURN servers, as referenced by iceServers of pools; can be repeated
    #[arg(long = "turn-secret", env = "CONVENE_TURN_SECRETS", value_name = "NAME", value_delimiter = ',')]
    pub(crate) turn_secrets: Vec<String>,

    /// Maximum accepted lifetime of a join token, from 1 minute to 30 days (for example 90m, 24h)
    #[arg(long, env = "CONVENE_MAX_TOKEN_LIFETIME", value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
    pub(crate) max_token_lifetime: Duration,
}

/// Validated arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JoinConfig {
    /// Secrets with join keys, in their order of precedence.
    pub(crate) key_secrets: Vec<String>,
    /// Secrets with TURN credentials.
    pub(crate) turn_secrets: Vec<String>,
    /// Longest lifetime of a token, in seconds.
    pub(crate) max_lifetime: u64,
}

/// Invalid arguments.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum JoinConfigError {
    /// An invalid Secret name: flag and value.
    #[error("{0} {1:?} is not a valid Secret name")]
    Secret(&'static str, String),
    /// A flag was repeated too often.
    #[error("{0} was specified more than {MAX_SECRETS} times")]
    TooMany(&'static str),
    /// The token lifetime is out of range.
    #[error("--max-token-lifetime must be between 1m and 30 days (720h)")]
    Lifetime,
}

impl JoinArgs {
    /// Validates all arguments.
    pub(crate) fn check(self) -> Result<JoinConfig, JoinConfigError> {
        if !(Duration::from_mins(1)..=LONGEST_LIFETIME).contains(&self.max_token_lifetime) {
            return Err(JoinConfigError::Lifetime);
        }
        Ok(JoinConfig {
            key_secrets: check_names("--join-key-secret", self.join_key_secrets)?,
            turn_secrets: check_names("--turn-secret", self.turn_secrets)?,
            max_lifetime: self.max_token_lifetime.as_secs(),
        })
    }
}

/// Without duplicates and empty names, in the given order.
fn check_names(flag: &'static str, given: Vec<String>) -> Result<Vec<String>, JoinConfigError> {
    let mut names: Vec<String> = Vec::new();
    for name in given.into_iter().filter(|name| !name.is_empty()) {
        if !name.split('.').all(is_label) {
            return Err(JoinConfigError::Secret(flag, name));
        }
        if !names.contains(&name) {
            names.push(name);
        }
    }
    if names.len() > MAX_SECRETS { Err(JoinConfigError::TooMany(flag)) } else { Ok(names) }
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Arguments {
        #[command(flatten)]
        join: JoinArgs,
    }

    fn check(given: &[&str]) -> Result<JoinConfig, String> {
        let arguments = Arguments::try_parse_from([&["router"], given].concat()).map_err(|error| error.to_string())?;
        arguments.join.check().map_err(|error| error.to_string())
    }

    #[test]
    fn secrets_may_be_named_in_both_ways_and_none_is_fine() {
        assert_eq!(check(&[]).unwrap(), JoinConfig { max_lifetime: 86_400, ..JoinConfig::default() });
        let config = check(&["--join-key-secret=a,b", "--join-key-secret=c", "--join-key-secret=a", "--turn-secret="]);
        assert_eq!(config.unwrap().key_secrets, ["a", "b", "c"]);
        assert_eq!(check(&["--max-token-lifetime=2d"]).unwrap().max_lifetime, 172_800);
    }

    #[test]
    fn every_mistake_names_its_flag() {
        for (argument, words) in [
            ("--join-key-secret=a/b", "--join-key-secret \"a/b\" is not"),
            ("--turn-secret=A", "--turn-secret \"A\" is not"),
            ("--max-token-lifetime=59s", "--max-token-lifetime must be"),
            ("--max-token-lifetime=31d", "--max-token-lifetime must be"),
            ("--max-token-lifetime=day", "for example 24h"),
            ("--max-token-lifetime=1w", "the unit must be"),
        ] {
            let message = check(&[argument]).unwrap_err();
            assert!(message.contains(words), "{argument}: {message}");
        }
        let many = format!("--turn-secret={}", (0..51).map(|at| format!("s{at}")).collect::<Vec<_>>().join(","));
        assert!(check(&[&many]).unwrap_err().contains("more than 50 times"));
    }
}
