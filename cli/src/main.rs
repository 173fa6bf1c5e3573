//! `convene`: creates and inspects join tokens, creates join keys, measures media pods. The commands are in the library.
//!
//! Exit codes: 0, 2 for invalid arguments, 3 for a token that would be refused, 1 for all other errors, among them those of a measurement; the last line on stderr is the reason.

use std::process::ExitCode;

use clap::Parser;
use convene_cli::{Cli, CliError, Output, ascii, run};
use convene_service::say;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
    // Needed only to connect to a cluster; a failure shows at that time.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match Box::pin(run(cli)).await {
        Ok(output) => show(output),
        Err(error) => fail(&error),
    }
}

/// A closed pipe (`| head`) is not an error; a file that cannot be written is one.
fn show(Output { text, notes, verdict }: Output) -> ExitCode {
    if let Err(source) = say::out(&text) {
        return fail(&CliError::Output(source));
    }
    for note in &notes {
        say::err(&format!("convene: {note}"));
    }
    verdict.map_or(ExitCode::SUCCESS, |error| fail(&error))
}

/// Errors contain what servers say.
fn fail(error: &CliError) -> ExitCode {
    say::err(&format!("convene: {} ({})", ascii(&say::chain(error)), error.reason()));
    ExitCode::from(error.exit_code())
}
