//! The part of the command line that says what join tokens and TURN servers need.

use std::time::Duration;

use clap::Args;
use convene_join_token::is_label;
use convene_service::arguments::parse_duration;
use thiserror::Error;

/// Whatever lives longer than this is no token but a password.
const LONGEST_LIFETIME: Duration = Duration::from_hours(30 * 24);
/// A watch for each.
const MAX_SECRETS: usize = 50;

/// Arguments about joining; each may be given by the environment instead.
#[derive(Clone, Debug, Args)]
pub(crate) struct JoinArgs {
    /// Secret in that namespace with keys that join tokens are verified with; may be given several times (in the environment: divided by
    /// commas). The first Secret wins where two have a key of the same name
    #[arg(long = "join-key-secret", env = "CONVENE_JOIN_KEY_SECRETS", value_name = "NAME", value_delimiter = ',')]
    pub(crate) join_key_secrets: Vec<String>,

    /// Secret in that namespace with credentials for TURN servers, as pools name them in iceServers; may be given several times
    #[arg(long = "turn-secret", env = "CONVENE_TURN_SECRETS", value_name = "NAME", value_delimiter = ',')]
    pub(crate) turn_secrets: Vec<String>,

    /// Longest lifetime of a join token that is accepted, 1 minute to 30 days (for example 90m, 24h)
    #[arg(long, env = "CONVENE_MAX_TOKEN_LIFETIME", value_name = "DURATION", default_value = "24h", value_parser = parse_duration)]
    pub(crate) max_token_lifetime: Duration,
}

/// Checked arguments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct JoinConfig {
    /// Secrets with join keys, in their order of precedence.
    pub(crate) key_secrets: Vec<String>,
    /// Secrets with TURN credentials.
    pub(crate) turn_secrets: Vec<String>,
    /// Longest lifetime of a token, in seconds.
    pub(crate) max_lifetime: u64,
}

/// What is wrong with the arguments.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum JoinConfigError {
    /// No Secret is named so.
    #[error("{0} {1:?} is not the name of a Secret")]
    Secret(&'static str, String),
    /// Too many.
    #[error("{0} was given more than {MAX_SECRETS} times")]
    TooMany(&'static str),
    /// Out of range.
    #[error("--max-token-lifetime must be between 1m and 30 days (720h)")]
    Lifetime,
}

impl JoinArgs {
    /// Checks everything.
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

/// Without doubles and empty ones, in their order.
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
