//! A sender and a receiver of audio, for tests of media.

use std::time::Duration;

use serde_json::{Value, json};

use super::Client;
use super::peer::{OPUS, Peer, Role};

pub(crate) const SSRC: u32 = 1111;

/// Connects a sender and produces Opus.
pub(crate) async fn send_audio(client: &mut Client) -> (Peer, String) {
    let transport = client.transport("producer").await;
    let peer = Peer::start(&transport, Role::Send(SSRC));
    let producer = produce_audio(client, &transport, &peer).await;
    (peer, producer)
}

/// Produces Opus with a peer that sends.
pub(crate) async fn produce_audio(client: &mut Client, transport: &Value, peer: &Peer) -> String {
    connect(client, transport, peer).await;
    let produce = json!({
        "transportId": transport["transportId"], "kind": "audio", "appData": { "source": "audio" },
        "rtpParameters": {
            "mid": "0",
            "codecs": [{ "mimeType": "audio/opus", "payloadType": OPUS, "clockRate": 48000, "channels": 2, "parameters": {}, "rtcpFeedback": [] }],
            "headerExtensions": [], "encodings": [{ "ssrc": SSRC }], "rtcp": { "cname": "", "reducedSize": true },
        },
    });
    let answer = client.ask("produce", produce).await.unwrap();
    answer["producerId"].as_str().unwrap().to_owned()
}

pub(crate) async fn connect(client: &mut Client, transport: &Value, peer: &Peer) {
    let data = json!({ "transportId": transport["transportId"], "dtlsParameters": peer.dtls_parameters });
    assert_eq!(client.ask("connectWebRtcTransport", data).await, Ok(json!({})));
}

/// Accepts the next consumer and returns its request.
pub(crate) async fn receive(client: &mut Client, peer: &Peer) -> Value {
    let offer = client.hear("newConsumer").await;
    let encoding = &offer["data"]["rtpParameters"]["encodings"][0];
    peer.expect(u32::try_from(encoding["ssrc"].as_u64().unwrap()).unwrap());
    client.accept(&offer).await;
    offer
}

/// Waits for some packets of the sender, decrypted by the receiver.
pub(crate) fn arrived(peer: &Peer, count: usize) -> Vec<String> {
    let next = || peer.received.recv_timeout(Duration::from_secs(15)).expect("packets arrive");
    (0..count).map(|_| String::from_utf8(next()).unwrap()).collect()
}
