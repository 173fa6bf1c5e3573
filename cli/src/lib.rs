//! `convene`: the command line for people who let others in by hand, and for application developers who look why a token is refused.
//!
//! It makes and explains join tokens and makes join keys. It reads Secrets with the caller's own rights and writes nothing to a cluster:
//! what it makes is printed, for `kubectl apply -f -`.

use clap::{Parser, Subcommand};
use thiserror::Error;

use convene_join_token::{MakeError, TokenError};

pub mod key;
pub mod source;
pub mod token;

/// Lets people into video meetings: join tokens and the keys they are signed with
///
/// A Meeting with `access.policy: Token` takes only people who bring a join token, and every token says
/// who somebody is and what they may do. Applications make tokens themselves; this program makes them
/// for people and scripts, and tells why one is refused. See docs/access.md.
///
/// Linked as kubectl-convene into your PATH, it is also `kubectl convene`.
// One text for people, as it is shown in a terminal, hence no Markdown.
#[allow(clippy::doc_markdown)]
#[derive(Debug, Parser)]
#[command(name = "convene", version, verbatim_doc_comment, arg_required_else_help = true)]
pub struct Cli {
    /// What to do.
    #[command(subcommand)]
    pub command: Command,
}

/// What there is to do.
#[derive(Debug, Subcommand)]
pub enum Command {
    /// Join tokens: make one, or see what one says and whether it is good
    #[command(subcommand, arg_required_else_help = true)]
    Token(token::TokenCommand),
    /// Join keys: make one
    #[command(subcommand, arg_required_else_help = true)]
    Key(key::KeyCommand),
}

/// Why there is no result.
#[derive(Debug, Error)]
pub enum CliError {
    /// An argument that cannot be.
    #[error("{0}")]
    Usage(String),
    /// A file.
    #[error("could not {what} {path:?}")]
    File {
        /// What was tried.
        what: &'static str,
        /// Which.
        path: std::path::PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// Standard input.
    #[error("could not read the token from standard input")]
    Input(#[source] std::io::Error),
    /// The answer could not be written.
    #[error("could not write to standard output")]
    Output(#[source] std::io::Error),
    /// No cluster.
    #[error("could not reach a cluster")]
    Connect(#[source] convene_service::kube::ConnectError),
    /// The Secret could not be read.
    #[error("could not read Secret {name:?} in the namespace {namespace:?}")]
    Secret {
        /// Which.
        name: String,
        /// Where.
        namespace: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
    /// The key cannot sign, or routers would refuse the token.
    #[error("{0}")]
    Make(MakeError),
    /// The token is wrong.
    #[error("{0}")]
    Token(TokenError),
}

impl CliError {
    /// One word for scripts.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Usage(_) => "Usage",
            Self::File { .. } => "File",
            Self::Input(_) => "Input",
            Self::Output(_) => "OutputNotWritten",
            Self::Connect(_) => "Connect",
            Self::Secret { .. } => "SecretNotRead",
            Self::Make(error) => error.reason(),
            Self::Token(error) => error.reason(),
        }
    }

    /// Exit code: 2 for wrong arguments, 3 for a token that is not good, 1 for the rest.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) => 2,
            Self::Token(_) => 3,
            _ => 1,
        }
    }
}

/// What there is to print: on success, and beside a failure.
#[derive(Debug, Default)]
pub struct Output {
    /// For standard output.
    pub text: String,
    /// Notes for standard error.
    pub notes: Vec<String>,
    /// The verdict, where the question was whether something is good.
    pub verdict: Option<CliError>,
}

/// Does it.
pub async fn run(cli: Cli) -> Result<Output, CliError> {
    match cli.command {
        Command::Token(command) => token::run(command).await,
        Command::Key(command) => key::run(command),
    }
}

#[cfg(test)]
mod tests;
