//! Endpoints that answer STUN binding requests on every worker, to check whether the announced addresses are reachable. mediasoup answers
//! only requests with the credentials of a transport, so each probe has its own transports.
//!
//! They carry no media, belong to no room, and close when the probe is dropped.

use convene_protocol::admin::{ProbeCandidate, ProbeTarget};
use mediasoup::prelude::{RouterOptions, WebRtcServer, WebRtcTransport, WebRtcTransportOptions};
use mediasoup::worker::Worker;
use serde_json::{Value, json};

use super::error::WorkersError;
use super::workers::{Running, Workers};
use crate::network::candidates::announce;

/// Transports that answer until this is dropped.
#[derive(Debug)]
pub struct Probe {
    /// One for each running worker.
    pub targets: Vec<ProbeTarget>,
    /// Each owns its router.
    _transports: Vec<WebRtcTransport>,
}

impl Probe {
    /// Opens a transport on every running worker.
    pub async fn open(workers: &Workers) -> Result<Self, WorkersError> {
        let (mut targets, mut transports) = (Vec::new(), Vec::new());
        for Running { worker, server, credentials, port } in workers.running() {
            let transport = transport(&worker, server).await?;
            credentials.register(&transport);
            targets.push(target(&transport, workers, port));
            transports.push(transport);
        }
        if targets.is_empty() { Err(WorkersError::NoneAlive) } else { Ok(Self { targets, _transports: transports }) }
    }
}

async fn transport(worker: &Worker, server: WebRtcServer) -> Result<WebRtcTransport, WorkersError> {
    let router = worker.create_router(RouterOptions::default()).await;
    let router = router.map_err(|source| WorkersError::Router { source })?;
    let mut options = WebRtcTransportOptions::new_with_server(server);
    options.enable_udp = true;
    options.enable_tcp = true;
    options.prefer_udp = true;
    router.create_webrtc_transport(options).await.map_err(|source| WorkersError::Transport { source })
}

fn target(transport: &WebRtcTransport, workers: &Workers, port: u16) -> ProbeTarget {
    let parameters = json!(transport.ice_parameters());
    let announced = announce(&json!(transport.ice_candidates()), port, workers.endpoints());
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let candidate = |candidate: &Value| ProbeCandidate {
        address: text(&candidate["address"]),
        port: candidate["port"].as_u64().and_then(|port| u16::try_from(port).ok()).unwrap_or_default(),
        protocol: text(&candidate["protocol"]),
    };
    ProbeTarget {
        username_fragment: text(&parameters["usernameFragment"]),
        password: text(&parameters["password"]),
        candidates: announced.as_array().into_iter().flatten().map(candidate).collect(),
    }
}
