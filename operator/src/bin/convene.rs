//! `convene`: makes and explains join tokens, makes join keys. Everything it does is in the library's `cli`.
//!
//! Exit codes: 0, 2 for wrong arguments, 3 for a token that would be refused, 1 for everything else; the last line on stderr says why.

use std::error::Error;
use std::process::ExitCode;

use clap::Parser;
use convene_operator::cli::{Cli, CliError, run};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // Of use only to those who ask a cluster; an error here shows when one is asked.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Box::pin(run(cli)).await {
        Ok(output) => {
            print!("{}", output.text);
            output.notes.iter().for_each(|note| eprintln!("convene: {note}"));
            output.verdict.map_or(ExitCode::SUCCESS, |error| fail(&error))
        }
        Err(error) => fail(&error),
    }
}

fn fail(error: &CliError) -> ExitCode {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    eprintln!("convene: {message} ({})", error.reason());
    ExitCode::from(error.exit_code())
}
