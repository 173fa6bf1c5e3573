//! `convene`: makes and explains join tokens, makes join keys. Everything it does is in the library's `cli`.
//!
//! Exit codes: 0, 2 for wrong arguments, 3 for a token that would be refused, 1 for everything else; the last line on stderr says why.

use std::process::ExitCode;

use clap::Parser;
use convene_cli::{Cli, CliError, Output, run};
use convene_service::say;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // Of use only to those who ask a cluster; an error here shows when one is asked.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Box::pin(run(cli)).await {
        Ok(output) => show(output),
        Err(error) => fail(&error),
    }
}

/// A reader that has seen enough (`| head`) is no failure; a file that cannot take the text is one.
fn show(Output { text, notes, verdict }: Output) -> ExitCode {
    if let Err(source) = say::out(&text) {
        return fail(&CliError::Output(source));
    }
    for note in &notes {
        say::err(&format!("convene: {note}"));
    }
    verdict.map_or(ExitCode::SUCCESS, |error| fail(&error))
}

fn fail(error: &CliError) -> ExitCode {
    say::err(&format!("convene: {} ({})", say::chain(error), error.reason()));
    ExitCode::from(error.exit_code())
}
