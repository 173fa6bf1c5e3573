//! `convene`: the command line for administrators who invite participants, and for application developers who debug refused tokens.
//!
//! It creates and inspects join tokens and creates join keys. It reads Secrets with the permissions of the caller and never writes to a
//! cluster: manifests are printed, for `kubectl apply -f -`.

use clap::{Parser, Subcommand};

mod key;
mod output;
mod source;
mod token;

pub use output::{CliError, Output};

/// Manages access to video meetings: join tokens and the keys that sign them
///
/// A Meeting with `access.policy: Token` accepts only participants with a join token, which states who
/// the participant is and what they may do. Applications create tokens themselves; this program creates
/// them for people and scripts, and explains why a token is refused. See docs/access.md.
///
/// Installed as kubectl-convene in your PATH, it is also available as `kubectl convene`.
// Shown in a terminal, hence no Markdown.
#[allow(clippy::doc_markdown)]
#[derive(Debug, Parser)]
#[command(name = "convene", version, verbatim_doc_comment, arg_required_else_help = true)]
pub struct Cli {
    /// The command.
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Commands.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Create and inspect join tokens
    #[command(subcommand, arg_required_else_help = true)]
    Token(token::TokenCommand),
    /// Create join keys
    #[command(subcommand, arg_required_else_help = true)]
    Key(key::KeyCommand),
}

/// Runs a command.
pub async fn run(cli: Cli) -> Result<Output, CliError> {
    match cli.command {
        Command::Token(command) => token::run(command).await,
        Command::Key(command) => key::run(command),
    }
}

#[cfg(test)]
mod tests;
