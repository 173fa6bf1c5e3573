//! Plain RTP: the pod sends nothing to a forbidden address, and little to an allowed one.

use std::net::UdpSocket;
use std::time::Duration;

use convene_protocol::admission::{MeetingGrant, ParticipantGrant};
use serde_json::{Value, json};

use super::parameters::{broadcaster, done};
use super::{Attack, Context, is_answered, is_refused};
use crate::failure::{Failure, Outcome, ensure};
use crate::honest::{connect, produce};
use crate::keys::{self, NAMESPACE};
use crate::peer::Sending;

const SOON: Duration = Duration::from_secs(2);
/// Maximum number of consumers of a plain transport, with room for a setting.
const MANY_CONSUMERS: usize = 16;

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "plain-destination",
            about: "plain RTP to loopback, private, link-local and multicast addresses",
            run: |context| Box::pin(destinations(context)),
        },
        Attack {
            name: "plain-without-grant",
            about: "receiving plain RTP without the grant",
            run: |context| Box::pin(without_grant(context)),
        },
        Attack {
            name: "plain-1000-consumers",
            about: "1,000 consumers on one plain transport",
            run: |context| Box::pin(consumers(context)),
        },
    ]
}

fn receiver(may_receive: bool) -> ParticipantGrant {
    ParticipantGrant { receive_plain: may_receive, ..keys::guest("receiver", "198.51.100.2") }
}

/// A receiving transport of a broadcaster; returns the path of the broadcaster and the id of the transport.
async fn receiving(context: &Context, room: &str, token: &str, comedia: bool) -> Outcome<(String, String)> {
    let (base, _) = broadcaster(context, room, "receiver", token).await?;
    let body = json!({ "direction": "consumer", "comedia": comedia, "rtcpMux": true }).to_string();
    let transport = done(context, &format!("{base}/transports"), token, &body).await?;
    Ok((base, transport["transportId"].as_str().unwrap_or_default().to_owned()))
}

async fn destinations(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let _bob = context.joined(&meeting, "bob").await?;
    let token = context.pod.keys.admit(&meeting, &receiver(true));
    let (base, transport) = receiving(&context, &meeting.name, &token, false).await?;
    let ear = UdpSocket::bind("127.0.0.1:0")?;
    let port = ear.local_addr()?.port();
    let forbidden = [
        "127.0.0.1",
        "127.255.255.254",
        "10.0.0.1",
        "172.16.0.1",
        "192.168.1.1",
        "169.254.169.254",
        "100.64.0.1",
        "224.0.0.1",
        "255.255.255.255",
        "0.0.0.0",
        "::1",
        "fe80::1",
        "fd00::1",
        "ff02::1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "::",
    ];
    for ip in forbidden {
        let body = json!({ "ip": ip, "port": port }).to_string();
        let outcome = done(&context, &format!("{base}/transports/{transport}/connect"), &token, &body).await;
        is_refused(outcome, &[400, 403], &format!("plain RTP to {ip}"))?;
    }
    ear.set_nonblocking(true)?;
    ensure(ear.recv(&mut [0; 2000]).is_err(), || "a packet was sent to a forbidden destination".into())
}

async fn without_grant(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let producer = sender(&context, &meeting).await?;
    let token = context.pod.keys.admit(&meeting, &receiver(false));
    let (base, transport) = match receiving(&context, &meeting.name, &token, false).await {
        // The transport may be refused already.
        Err(Failure::Refused { code: 403, .. }) => return Ok(()),
        other => other?,
    };
    let body = json!({ "ip": "192.0.2.1", "port": 9 }).to_string();
    let outcome = done(&context, &format!("{base}/transports/{transport}/connect"), &token, &body).await;
    is_refused(outcome, &[403], "plain RTP to an address without the grant")?;
    let outcome = consume(&context, &base, &token, &transport, &producer.id).await;
    is_refused(outcome, &[403], "a consumer on a plain transport without the grant")
}

/// A participant in the room who sends audio.
struct Sender {
    id: Value,
    client: crate::client::Client,
    _peer: crate::peer::Peer,
}

async fn sender(context: &Context, meeting: &MeetingGrant) -> Outcome<Sender> {
    let mut client = context.joined(meeting, "ada").await?;
    let transport = client.transport("producer").await?;
    let (kind, interval) = (str0m::media::MediaKind::Audio, Duration::from_millis(20));
    let sending = Sending { kind, ssrc: 1111, interval, stream: std::sync::Arc::default() };
    let peer = connect(&mut client, &transport, vec![sending]).await?;
    let id = client.ask("produce", produce(&transport["transportId"], "audio", 1111)).await?["producerId"].clone();
    Ok(Sender { id, client, _peer: peer })
}

async fn consume(context: &Context, base: &str, token: &str, transport: &str, producer: &Value) -> Outcome<Value> {
    let opus = json!({ "codecs": [{
        "kind": "audio", "mimeType": "audio/opus", "preferredPayloadType": 100, "clockRate": 48000, "channels": 2, "parameters": {},
    }] });
    let body = json!({ "transportId": transport, "producerId": producer, "paused": false, "rtpCapabilities": opus });
    done(context, &format!("{base}/consumers"), token, &body.to_string()).await
}

async fn consumers(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut producer = sender(&context, &meeting).await?;
    let token = context.pod.keys.admit(&meeting, &receiver(true));
    let (base, transport) = receiving(&context, &meeting.name, &token, true).await?;
    let mut accepted = 0;
    for _ in 0..1000 {
        match consume(&context, &base, &token, &transport, &producer.id).await {
            Ok(_) => accepted += 1,
            Err(Failure::Refused { .. }) => break,
            Err(failure) => return Err(failure),
        }
        ensure(accepted <= MANY_CONSUMERS, || format!("one plain transport has more than {MANY_CONSUMERS} consumers"))?;
    }
    // A comedia transport has no destination until the first packet arrives; then it sends to that source only.
    is_answered(&mut producer.client, SOON).await?;
    let path = format!("/broadcast/{NAMESPACE}/{}/broadcasters/receiver", meeting.name);
    let gone = crate::http::Request { method: "DELETE", path: &path, token: Some(&token), body: "" };
    crate::http::call(context.pod.address, gone).await.map(drop)
}
