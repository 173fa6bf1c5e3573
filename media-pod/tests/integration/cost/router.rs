//! A worker with one router, a publisher and receivers on plain transports.

use std::net::UdpSocket;
use std::path::PathBuf;
use std::sync::{Arc, OnceLock};

use mediasoup::plain_transport::PlainTransportRemoteParameters;
use mediasoup::prelude::*;
use mediasoup::worker::WorkerLogLevel;
use serde_json::{Value, json};

use super::receiver::Receiver;
use super::srtcp::Sealer;
use crate::support::plain::{listen, transport_cc_id};

/// Everything of a run that must stay alive.
pub(crate) struct Setup {
    router: Router,
    _worker: Worker,
    producers: Vec<Producer>,
    transports: Vec<PlainTransport>,
    consumers: Vec<Consumer>,
    thread: Arc<OnceLock<PathBuf>>,
}

impl Setup {
    pub(crate) async fn new() -> Self {
        let thread = Arc::new(OnceLock::new());
        let register = Arc::clone(&thread);
        let mut settings = WorkerSettings::default();
        settings.log_level = WorkerLogLevel::Error;
        settings.log_tags = vec![];
        settings.thread_initializer = Some(Arc::new(move || {
            let own = std::fs::read_link("/proc/thread-self").unwrap();
            let _ = register.set(PathBuf::from("/proc").join(own));
        }));
        let manager = WorkerManager::new();
        let worker = manager.create_worker(settings).await.unwrap();
        let router =
            worker.create_router(RouterOptions::new(convene_media_pod::sfu::codecs::media_codecs())).await.unwrap();
        Self { router, _worker: worker, producers: vec![], transports: vec![], consumers: vec![], thread }
    }

    pub(crate) fn thread(&self) -> PathBuf {
        self.thread.get().unwrap().clone()
    }

    async fn transport(&mut self, socket: &UdpSocket, srtp: Option<(&str, &str)>) -> PlainTransport {
        let mut options = PlainTransportOptions::new(listen(Some(4 << 20)));
        options.rtcp_mux = true;
        options.comedia = false;
        options.enable_srtp = srtp.is_some();
        options.initial_available_outgoing_bitrate = 3_000_000;
        if let Some((suite, _)) = srtp {
            options.srtp_crypto_suite = serde_json::from_value(json!(suite)).unwrap();
        }
        let transport = self.router.create_plain_transport(options).await.unwrap();
        let address = socket.local_addr().unwrap();
        let srtp_parameters =
            srtp.map(|(suite, key)| serde_json::from_value(json!({ "cryptoSuite": suite, "keyBase64": key })).unwrap());
        let remote = PlainTransportRemoteParameters {
            ip: Some(address.ip()),
            port: Some(address.port()),
            rtcp_port: None,
            srtp_parameters,
        };
        transport.connect(remote).await.unwrap();
        socket.connect(("127.0.0.1", transport.tuple().local_port())).unwrap();
        self.transports.push(transport.clone());
        transport
    }

    /// The socket from which the publisher sends.
    pub(crate) async fn publish(&mut self) -> UdpSocket {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let transport = self.transport(&socket, None).await;
        let streams = [
            (
                "audio",
                json!({ "mimeType": "audio/opus", "payloadType": 100, "clockRate": 48000, "channels": 2, "parameters": {}, "rtcpFeedback": [] }),
                1,
            ),
            (
                "video",
                json!({ "mimeType": "video/VP8", "payloadType": 101, "clockRate": 90000, "parameters": {}, "rtcpFeedback": [{ "type": "nack" }, { "type": "nack", "parameter": "pli" }] }),
                2,
            ),
        ];
        for (kind, codec, ssrc) in streams {
            let parameters = json!({
                "mid": kind, "codecs": [codec], "headerExtensions": [], "encodings": [{ "ssrc": ssrc }],
                "rtcp": { "cname": "p", "reducedSize": true },
            });
            let options =
                ProducerOptions::new(read(json!(kind)), serde_json::from_value::<RtpParameters>(parameters).unwrap());
            self.producers.push(transport.produce(options).await.unwrap());
        }
        socket
    }

    /// A receiver of everything.
    pub(crate) async fn receive(&mut self, suite: &str) -> Receiver {
        let socket = UdpSocket::bind("127.0.0.1:0").unwrap();
        let sealer = Sealer::new(suite);
        let key = sealer.key();
        let transport = self.transport(&socket, (suite != "none").then_some((suite, key.as_str()))).await;
        let capabilities: RtpCapabilities = read(json!(self.router.rtp_capabilities()));
        let mut transport_cc = 0;
        for producer in self.producers.clone() {
            let consumer = transport.consume(ConsumerOptions::new(producer.id(), capabilities.clone())).await.unwrap();
            transport_cc = transport_cc_id(&json!(consumer.rtp_parameters())).expect("the consumer has transport-cc");
            self.consumers.push(consumer);
        }
        Receiver::new(socket, sealer, transport_cc)
    }
}

fn read<T: serde::de::DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}
