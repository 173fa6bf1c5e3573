//! `convene`: the command line for people who let others in by hand, and for application developers who look why a token is refused.
//!
//! It makes and explains join tokens and makes join keys. It reads Secrets with the caller's own rights and writes nothing to a cluster:
//! what it makes is printed, for `kubectl apply -f -`.

use clap::{Parser, Subcommand};

mod key;
mod output;
mod source;
mod token;

pub use output::{CliError, Output};

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
    pub(crate) command: Command,
}

/// What there is to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Join tokens: make one, or see what one says and whether it is good
    #[command(subcommand, arg_required_else_help = true)]
    Token(token::TokenCommand),
    /// Join keys: make one
    #[command(subcommand, arg_required_else_help = true)]
    Key(key::KeyCommand),
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
