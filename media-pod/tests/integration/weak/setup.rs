//! A worker with one router, and plain transports for senders and one receiver.

use std::net::UdpSocket;

use mediasoup::plain_transport::PlainTransportRemoteParameters;
use mediasoup::prelude::*;
use mediasoup::worker::WorkerLogLevel;
use serde_json::{Value, json};

use super::link::Capacity;
use super::receiver::{Receiver, Reports};
use super::sender::{AUDIO, Sender, VIDEO};
use super::stream::Stream;
use crate::support::plain::{listen, transport_cc_id};

/// Everything of a meeting that must stay alive.
pub(crate) struct Meeting {
    router: Router,
    producers: Vec<Producer>,
    transports: Vec<PlainTransport>,
    pub(crate) consumers: Vec<Consumer>,
    next_ssrc: u32,
}

pub(crate) async fn worker() -> Worker {
    let mut settings = WorkerSettings::default();
    settings.log_level = WorkerLogLevel::Error;
    settings.log_tags = vec![];
    WorkerManager::new().create_worker(settings).await.unwrap()
}

impl Meeting {
    pub(crate) async fn new(worker: &Worker) -> Self {
        let codecs = convene_media_pod::sfu::codecs::media_codecs();
        let router = worker.create_router(RouterOptions::new(codecs)).await.unwrap();
        Self { router, producers: vec![], transports: vec![], consumers: vec![], next_ssrc: 1000 }
    }

    async fn transport(&mut self, initial_bitrate: u32) -> (PlainTransport, UdpSocket) {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let mut options = PlainTransportOptions::new(listen(None));
        options.rtcp_mux = true;
        options.comedia = false;
        options.initial_available_outgoing_bitrate = initial_bitrate.into();
        let transport = self.router.create_plain_transport(options).await.unwrap();
        let address = socket.local_addr().unwrap();
        let remote = PlainTransportRemoteParameters {
            ip: Some(address.ip()),
            port: Some(address.port()),
            rtcp_port: None,
            srtp_parameters: None,
        };
        transport.connect(remote).await.unwrap();
        socket.connect(("127.0.0.1", transport.tuple().local_port())).unwrap();
        self.transports.push(transport.clone());
        (transport, socket)
    }

    fn ssrc(&mut self) -> u32 {
        self.next_ssrc += 1;
        self.next_ssrc
    }

    pub(crate) async fn send(&mut self, speaks: bool) -> Sender {
        let (transport, socket) = self.transport(600_000).await;
        let audio = self.ssrc();
        if speaks {
            let codec = json!({ "mimeType": "audio/opus", "payloadType": AUDIO, "clockRate": 48000, "channels": 2, "parameters": {}, "rtcpFeedback": [{ "type": "nack" }] });
            let encodings = json!([{ "ssrc": audio }]);
            self.producers.push(produce(&transport, MediaKind::Audio, codec, encodings).await);
        }
        let video = [self.ssrc(), self.ssrc()];
        let codec = json!({ "mimeType": "video/VP8", "payloadType": VIDEO, "clockRate": 90000, "parameters": {}, "rtcpFeedback": [{ "type": "nack" }, { "type": "nack", "parameter": "pli" }] });
        let encodings = json!(video.map(|ssrc| json!({ "ssrc": ssrc, "scalabilityMode": "L1T3" })));
        self.producers.push(produce(&transport, MediaKind::Video, codec, encodings).await);
        Sender::new(socket, speaks.then_some(audio), video)
    }

    /// A receiver of everything.
    pub(crate) async fn receive(
        &mut self,
        capacity: Capacity,
        reports: Reports,
        initial_bitrate: u32,
    ) -> (Receiver, PlainTransport) {
        let (transport, socket) = self.transport(initial_bitrate).await;
        let capabilities = capabilities(json!(self.router.rtp_capabilities()), reports);
        let (mut extension, mut streams) = (None, vec![]);
        for producer in self.producers.clone() {
            let mut options = ConsumerOptions::new(producer.id(), capabilities.clone());
            options.enable_rtx = Some(true);
            let consumer = transport.consume(options).await.unwrap();
            let parameters = json!(consumer.rtp_parameters());
            extension = transport_cc_id(&parameters);
            let encoding = &parameters["encodings"][0];
            let ssrc = |value: &Value| u32::try_from(value.as_u64().unwrap_or_default()).unwrap();
            let is_audio = producer.kind() == MediaKind::Audio;
            streams.push(Stream::new(ssrc(&encoding["ssrc"]), ssrc(&encoding["rtx"]["ssrc"]), is_audio));
            self.consumers.push(consumer);
        }
        (Receiver::new(socket, capacity, reports, extension, streams), transport)
    }
}

async fn produce(transport: &PlainTransport, kind: MediaKind, codec: Value, encodings: Value) -> Producer {
    let parameters = json!({
        "mid": json!(kind), "codecs": [codec], "headerExtensions": [], "encodings": encodings,
        "rtcp": { "cname": "sender", "reducedSize": true },
    });
    transport.produce(ProducerOptions::new(kind, serde_json::from_value(parameters).unwrap())).await.unwrap()
}

/// Those of the router, without what the receiver does not report.
fn capabilities(mut all: Value, reports: Reports) -> RtpCapabilities {
    let is_kept = |feedback: &Value| match feedback["type"].as_str() {
        Some("transport-cc") => reports == Reports::TransportCc,
        Some("goog-remb") => reports == Reports::Remb,
        _ => true,
    };
    for codec in all["codecs"].as_array_mut().unwrap() {
        if let Some(feedback) = codec["rtcpFeedback"].as_array_mut() {
            feedback.retain(is_kept);
        }
    }
    let is_kept = |extension: &Value| {
        reports == Reports::TransportCc || !extension["uri"].as_str().unwrap().contains("transport-wide-cc")
    };
    all["headerExtensions"].as_array_mut().unwrap().retain(is_kept);
    serde_json::from_value(all).unwrap()
}
