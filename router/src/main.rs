//! `convene-router`: parses its arguments, runs the router, and exits on a signal.
//!
//! Exit codes: 0 after SIGTERM or SIGINT, 2 for invalid arguments, 1 for all other errors; the last line on stderr is the reason.

use std::process::ExitCode;

use clap::Parser;
use convene_router::config::RouterArgs;
use convene_router::run::run;
use convene_service::program::Program;

/// The Kubernetes client logs every failed request, which the watches log as well.
const LOG_FILTER: &str = "info,kube_client=off";

/// Serves every meeting at one stable URL
///
/// The router serves the web app at /m/<namespace>/<name>, an API for programs at
/// /api/v1/meetings/<namespace>/<name>, and connects signaling (a WebSocket at
/// /signal/<namespace>/<name>) to the media pod that the operator has assigned. It also
/// decides who may join a meeting: see docs/access.md.
///
/// It watches Meetings in all namespaces and media pods in its own namespace, never writes
/// to the cluster, and keeps no state, so it can run with any number of replicas. While the
/// API server is unavailable, it continues with the last known state.
///
/// It uses the service account of its pod, or your kubeconfig outside a cluster.
/// /healthz and /readyz are served on the plain listener. Metrics, and the probes again, are
/// served on a separate listener (--metrics-listen) that should not be exposed outside the
/// cluster.
// Shown in a terminal, hence no Markdown.
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
    let program = Program::start("convene-router", args.log_format, LOG_FILTER);
    match args.check() {
        Ok(config) => {
            let result = Box::pin(run(config, program.log())).await;
            program.finish(result)
        }
        Err(error) => program.refuse(&error),
    }
}
