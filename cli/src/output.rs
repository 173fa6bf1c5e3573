//! What a command returns: text for standard output, notes for standard error, or an error with its exit code.

use convene_join_token::{MakeError, TokenError};
use thiserror::Error;

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
