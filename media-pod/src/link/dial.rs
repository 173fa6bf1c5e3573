//! Opens links for a room, each in a separate task. It retries nothing: a ticket opens one link.

use std::sync::Arc;

use convene_protocol::admin::SiteTarget;
use tokio::sync::mpsc;

use super::error::LinkError;
use super::frames::{Hello, LinkRequest};
use super::input::LinkInput;
use super::session;
use crate::metrics::Metrics;
use crate::sfu::workers::PipePorts;
use crate::sites::SiteId;

/// Opens the links of one room.
#[derive(Clone, Debug)]
pub(crate) struct Dial {
    hello: Arc<Hello>,
    pipes: PipePorts,
    metrics: Metrics,
}

impl Dial {
    /// `pipes` are the ports of this pod.
    pub(crate) fn new(hello: Hello, pipes: PipePorts, metrics: Metrics) -> Self {
        Self { hello: Arc::new(hello), pipes, metrics }
    }

    /// Opens a link to `target`. It ends when `requests` does.
    pub(crate) fn open(
        &self,
        site: SiteId,
        target: SiteTarget,
        requests: mpsc::UnboundedReceiver<LinkRequest>,
        inputs: mpsc::Sender<(SiteId, LinkInput)>,
    ) {
        let Self { hello, pipes, metrics } = self.clone();
        tokio::spawn(async move {
            let result = session::run(&target, &hello, &pipes, requests, |input| {
                let inputs = inputs.clone();
                async move { inputs.send((site, input)).await.is_ok() }
            })
            .await;
            note(&result, &target, &hello, &metrics);
            let _ = inputs.send((site, LinkInput::Lost)).await;
        });
    }
}

fn note(result: &Result<(), LinkError>, target: &SiteTarget, hello: &Hello, metrics: &Metrics) {
    let Hello { namespace, name, .. } = hello;
    let reason = match result {
        Ok(()) => "Closed",
        Err(error) => {
            let cause = std::error::Error::source(error).map(ToString::to_string);
            tracing::warn!(namespace, name, pod = target.pod, reason = error.reason(), cause, "{error}");
            error.reason()
        }
    };
    metrics.links.with_label_values(&["out", reason]).inc();
}
