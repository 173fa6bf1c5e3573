//! `convene-router`: reads its arguments, starts the router, and ends when it is told to.
//!
//! Exit codes: 0 after SIGTERM or SIGINT, 2 for wrong arguments, 1 for everything else; the last line on stderr says why.

use std::error::Error;
use std::process::ExitCode;
use std::time::Duration;

use clap::Parser;
use convene_router::config::RouterArgs;
use convene_router::run::run;
use convene_service::log::{LogHealth, start_log};
use convene_service::say;

/// The client logs every failed request once more than the watches do.
const LOG_FILTER: &str = "info,kube_client=off";
/// How long the last lines of the log may take.
const LAST_LINES: Duration = Duration::from_secs(1);

/// Gives every meeting one stable URL
///
/// The router serves the web app at /m/<namespace>/<name>, tells programs about a meeting
/// at /api/v1/meetings/<namespace>/<name>, and connects signaling (a WebSocket at
/// /signal/<namespace>/<name>) to the media pod that the operator has chosen. Who may come in
/// is decided here: docs/access.md.
///
/// It watches Meetings in all namespaces and media pods in its own, writes nothing to the
/// cluster, and keeps no state: run as many replicas as you like. While the API server is
/// away it goes on with what it knew last.
///
/// It uses the service account of its pod, or your kubeconfig outside a cluster.
/// /healthz and /readyz are on the plain listener. Metrics are on a listener of their own
/// (--metrics-listen), which also has the probes; keep that one inside the cluster.
// One text for people, as it is shown in a terminal, hence no Markdown.
#[allow(clippy::doc_markdown)]
#[derive(Debug, Parser)]
#[command(name = "convene-router", version, verbatim_doc_comment)]
struct Arguments {
    #[command(flatten)]
    router: RouterArgs,
}

#[tokio::main]
async fn main() -> ExitCode {
    let Arguments { router: args } = Arguments::parse();
    let log = start_log(args.log_format, LOG_FILTER);
    let config = match args.check() {
        Ok(config) => config,
        Err(error) => return fail(&log, 2, &error),
    };
    match Box::pin(run(config, log.clone())).await {
        Ok(()) => {
            log.flush(LAST_LINES);
            ExitCode::SUCCESS
        }
        Err(error) => fail(&log, 1, error.as_ref()),
    }
}

fn fail(log: &LogHealth, code: u8, error: &dyn Error) -> ExitCode {
    log.last_words(&format!("convene-router: {}", say::chain(error)));
    ExitCode::from(code)
}
