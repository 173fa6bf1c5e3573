//! `convene`: the command line for administrators who invite participants and plan capacity, and for application developers who debug refused
//! tokens.
//!
//! It creates and inspects join tokens, creates join keys, and measures media pods under load. It reads Secrets with the permissions of the
//! caller and never writes to a cluster: manifests are printed, for `kubectl apply -f -`.

use clap::{Parser, Subcommand};

mod bench;
mod key;
mod output;
mod source;
mod token;

pub use output::{CliError, Output, ascii};

/// Manages access to video meetings (join tokens and the keys that sign them), and measures media pods
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
#[expect(clippy::doc_markdown, reason = "the help shows the text as it is, without Markdown")]
pub(crate) enum Command {
    /// Create and inspect join tokens
    #[command(subcommand, arg_required_else_help = true)]
    Token(token::TokenCommand),
    /// Create join keys
    #[command(subcommand, arg_required_else_help = true)]
    Key(key::KeyCommand),
    /// Put load on a media pod and measure what arrives
    ///
    /// Publishers send synthetic video (VP8) and audio (Opus), subscribers receive it, over real
    /// signaling, ICE, DTLS and SRTP. Nothing is encoded or decoded, so one processor carries
    /// hundreds of subscribers.
    ///
    /// A media pod on this machine (--dev --max-peers 300) is measured without a token:
    ///   convene bench ws://127.0.0.1:8080/signal/load --publishers 1 --subscribers 200 \
    ///     --server-pid "$(pidof convene-media-pod)"
    /// Other servers need a join token, which must be valid for all of the meetings:
    ///   convene bench https://meet.example.com/team-a/load --token-file token --subscribers 50
    ///
    /// Exit code 1 means that clients could not join or stay, that subscribers received nothing or not
    /// all streams, or that more was lost than --max-loss.
    /// See docs/bench.md.
    #[command(verbatim_doc_comment)]
    Bench(Box<bench::BenchArgs>),
}

/// Runs a command.
pub async fn run(cli: Cli) -> Result<Output, CliError> {
    match cli.command {
        Command::Token(command) => token::run(command).await,
        Command::Key(command) => key::run(command),
        Command::Bench(args) => bench::run(*args).await,
    }
}

#[cfg(test)]
mod tests;
