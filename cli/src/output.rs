//! The result of a command: text for standard output, notes for standard error, or an error with its exit code.

use convene_join_token::{CreateError, TokenError};
use convene_load::LoadError;
use thiserror::Error;

/// Errors of commands, each with an exit code.
#[derive(Debug, Error)]
pub enum CliError {
    /// An invalid argument.
    #[error("{0}")]
    Usage(String),
    /// A file could not be read or written.
    #[error("could not {what} {path:?}")]
    File {
        /// The operation: `read` or `write`.
        what: &'static str,
        /// The file.
        path: std::path::PathBuf,
        /// The cause.
        source: std::io::Error,
    },
    /// Standard input could not be read.
    #[error("could not read the token from standard input")]
    Input(#[source] std::io::Error),
    /// The result could not be written.
    #[error("could not write to standard output")]
    Output(#[source] std::io::Error),
    /// There is no reachable cluster.
    #[error("could not connect to a cluster")]
    Connect(#[source] convene_service::kube::ConnectError),
    /// The Secret could not be read.
    #[error("could not read Secret {name:?} in namespace {namespace:?}")]
    Secret {
        /// Name of the Secret.
        name: String,
        /// Namespace of the Secret.
        namespace: String,
        /// Error of the API server.
        source: Box<kube::Error>,
    },
    /// The key cannot sign, or routers would refuse the token.
    #[error("{0}")]
    Create(CreateError),
    /// The token is invalid.
    #[error("{0}")]
    Token(TokenError),
    /// There was no measurement.
    #[error(transparent)]
    Load(#[from] convene_load::LoadError),
    /// Not all clients of a measurement joined and stayed.
    #[error("{0} clients could not join, {1} were disconnected")]
    Clients(u32, u32),
    /// Subscribers of a measurement got nothing, or not all streams.
    #[error(
        "no media arrived: {first} of {subscribers} subscribers got a packet, {all} got one of every stream, {delivered} packets were measured"
    )]
    NotReceived {
        /// Subscribers that got a packet.
        first: u64,
        /// Subscribers that got a packet of every stream.
        all: u32,
        /// Subscribers that joined.
        subscribers: u32,
        /// Packets that arrived during the measurement.
        delivered: u64,
    },
    /// More packets were lost than `--max-loss` allows.
    #[error("{0:.4} % of the packets were lost")]
    Loss(f64),
}

impl CliError {
    /// Error code for scripts.
    pub fn reason(&self) -> &'static str {
        match self {
            Self::Usage(_) | Self::Load(LoadError::Plan(_)) => "Usage",
            Self::File { .. } => "File",
            Self::Input(_) => "Input",
            Self::Output(_) => "OutputNotWritten",
            Self::Connect(_) => "Connect",
            Self::Secret { .. } => "SecretNotRead",
            Self::Create(error) => error.reason(),
            Self::Token(error) => error.reason(),
            Self::Load(LoadError::Joins { last, .. }) => last.reason(),
            Self::Load(LoadError::Server(_)) => "ServerNotRead",
            Self::Load(LoadError::Socket(_)) => "Socket",
            Self::Clients(..) => "ClientsFailed",
            Self::NotReceived { .. } => "NotReceived",
            Self::Loss(_) => "PacketsLost",
        }
    }

    /// Exit code: 2 for invalid arguments, 3 for an invalid token, 1 for all other errors.
    pub fn exit_code(&self) -> u8 {
        match self {
            Self::Usage(_) | Self::Load(LoadError::Plan(_)) => 2,
            Self::Token(_) => 3,
            _ => 1,
        }
    }
}

/// Escapes control characters: what a token or a server says must not write arbitrary sequences to the terminal.
pub fn ascii(text: &str) -> String {
    text.chars().fold(String::with_capacity(text.len()), |mut shown, letter| {
        if letter.is_alphanumeric() || letter.is_ascii_graphic() || letter == ' ' {
            shown.push(letter);
        } else {
            shown.extend(letter.escape_unicode());
        }
        shown
    })
}

/// The output of a command that succeeded.
#[derive(Debug, Default)]
pub struct Output {
    /// For standard output.
    pub text: String,
    /// Notes for standard error.
    pub notes: Vec<String>,
    /// The error of an inspected token that is invalid, or of a measurement; it sets the exit code after the text is printed.
    pub verdict: Option<CliError>,
}
