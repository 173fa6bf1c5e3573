//! The media pod's process: parses its configuration and runs [`app`](convene_media_pod::app). It serves nothing itself.

use std::ffi::OsString;
use std::process::ExitCode;

use convene_media_pod::app;
use convene_media_pod::config::{Args, Config, Machine, SettingsError, settings};
use convene_media_pod::network::interfaces;
use convene_service::program::{Program, refuse};
use mimalloc::MiMalloc;

/// Name of the program, as in its last line.
const NAME: &str = "convene-media-pod";
/// Log filter unless `RUST_LOG` is set. The library logs an error whenever the last active speaker has left.
const DEFAULT_FILTER: &str = "info,mediasoup::router::active_speaker_observer=off";

/// Serves the C++ worker too: the crate's feature `override` replaces `malloc`, `free` and C++'s `new` and `delete` in the whole process.
#[global_allocator]
static ALLOCATOR: MiMalloc = MiMalloc;

fn main() -> ExitCode {
    let (args, config) = match configuration() {
        Ok(configuration) => configuration,
        Err(status) => return status,
    };
    let program = Program::start(NAME, args.log_format, DEFAULT_FILTER);
    let runtime = tokio::runtime::Runtime::new().expect("threads can be started at the start of a process");
    let result = runtime.block_on(app::run(config, program.log()));
    program.finish(result)
}

/// The validated configuration, or the exit status after its errors have been printed.
fn configuration() -> Result<(Args, Config), ExitCode> {
    let command_line: Vec<OsString> = std::env::args_os().collect();
    let args = settings(&command_line).map_err(|error| match error {
        // --help and --version are returned as errors too.
        SettingsError::CommandLine(error) => error.exit(),
        error => refuse(NAME, &error),
    })?;
    let cpus = std::thread::available_parallelism().map_or(1, usize::from);
    let machine = Machine { cpus, addresses: interfaces::outward() };
    let config = Config::new(&args, &machine).map_err(|error| refuse(NAME, &error))?;
    Ok((args, config))
}
