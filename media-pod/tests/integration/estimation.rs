//! Bandwidth is estimated for receivers that can be sent more or less, and for no others. Without pods: mediasoup's objects alone.

use std::net::Ipv4Addr;

use convene_media_pod::sfu::codecs::media_codecs;
use mediasoup::plain_transport::PlainTransportRemoteParameters;
use mediasoup::prelude::*;
use mediasoup::worker::WorkerLogLevel;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The estimation costs a quarter of the time of a packet. It only chooses layers.
#[tokio::test(flavor = "multi_thread")]
async fn it_begins_with_the_first_consumer_that_has_layers() {
    let mut settings = WorkerSettings::default();
    settings.log_level = WorkerLogLevel::Error;
    settings.log_tags = vec![];
    let worker = WorkerManager::new().create_worker(settings).await.unwrap();
    let router = worker.create_router(RouterOptions::new(media_codecs())).await.unwrap();
    let (sender, receiver) = (transport(&router).await, transport(&router).await);
    let opus = json!({ "mimeType": "audio/opus", "payloadType": 100, "clockRate": 48000, "channels": 2, "parameters": {}, "rtcpFeedback": [] });
    let vp8 = json!({ "mimeType": "video/VP8", "payloadType": 101, "clockRate": 90000, "parameters": {}, "rtcpFeedback": [] });

    let _voice = consume(&router, &receiver, &produce(&sender, "audio", &opus, &[1]).await).await;
    let _slides = consume(&router, &receiver, &produce(&sender, "video", &vp8, &[2]).await).await;
    assert_eq!(estimate(&receiver).await, None, "audio and video without layers");

    let _camera = consume(&router, &receiver, &produce(&sender, "video", &vp8, &[3, 4]).await).await;
    assert_eq!(estimate(&receiver).await, Some(700_000), "what it starts with");
    assert_eq!(estimate(&sender).await, None, "it receives nothing");
}

async fn estimate(transport: &PlainTransport) -> Option<u64> {
    transport.get_stats().await.unwrap()[0].available_outgoing_bitrate
}

async fn transport(router: &Router) -> PlainTransport {
    let mut options = PlainTransportOptions::new(ListenInfo {
        protocol: Protocol::Udp,
        ip: Ipv4Addr::LOCALHOST.into(),
        announced_address: None,
        expose_internal_ip: false,
        port: None,
        port_range: None,
        flags: None,
        send_buffer_size: None,
        recv_buffer_size: None,
    });
    options.comedia = false;
    options.initial_available_outgoing_bitrate = 700_000;
    let transport = router.create_plain_transport(options).await.unwrap();
    let remote = PlainTransportRemoteParameters {
        ip: Some(Ipv4Addr::LOCALHOST.into()),
        port: Some(9),
        rtcp_port: None,
        srtp_parameters: None,
    };
    transport.connect(remote).await.unwrap();
    transport
}

async fn produce(transport: &PlainTransport, kind: &str, codec: &Value, ssrcs: &[u32]) -> Producer {
    let encodings: Vec<_> = ssrcs.iter().map(|ssrc| json!({ "ssrc": ssrc })).collect();
    let parameters = json!({
        "mid": ssrcs[0].to_string(), "codecs": [codec], "headerExtensions": [], "encodings": encodings,
        "rtcp": { "cname": "sender", "reducedSize": true },
    });
    transport.produce(ProducerOptions::new(read(json!(kind)), read::<RtpParameters>(parameters))).await.unwrap()
}

async fn consume(router: &Router, transport: &PlainTransport, producer: &Producer) -> Consumer {
    let capabilities: RtpCapabilities = read(json!(router.rtp_capabilities()));
    transport.consume(ConsumerOptions::new(producer.id(), capabilities)).await.unwrap()
}

fn read<T: DeserializeOwned>(value: Value) -> T {
    serde_json::from_value(value).unwrap()
}
