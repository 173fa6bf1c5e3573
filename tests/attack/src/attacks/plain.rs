//! Plain RTP: the pod sends nothing to an address that a stranger names, and little to one that it may.

use std::net::UdpSocket;
use std::time::Duration;

use convene_protocol::admission::{MeetingGrant, ParticipantGrant};
use serde_json::{Value, json};

use super::parameters::{broadcaster, done};
use super::{Attack, Ctx, is_answered, is_refused};
use crate::failure::{Failure, Outcome, ensure};
use crate::honest::{connect, produce};
use crate::keys::{self, NAMESPACE};
use crate::peer::Sending;

const SOON: Duration = Duration::from_secs(2);
/// Consumers that one plain transport may have at most, with room for a setting.
const MANY_CONSUMERS: usize = 16;

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "plain-destination",
            about: "plain RTP to loopback, private, link-local and multicast addresses",
            run: |ctx| Box::pin(destinations(ctx)),
        },
        Attack {
            name: "plain-without-grant",
            about: "receiving by plain RTP without the grant for it",
            run: |ctx| Box::pin(without_grant(ctx)),
        },
        Attack {
            name: "plain-1000-consumers",
            about: "1,000 consumers on one plain transport",
            run: |ctx| Box::pin(consumers(ctx)),
        },
    ]
}

fn receiver(may_receive: bool) -> ParticipantGrant {
    ParticipantGrant { receive_plain: may_receive, ..keys::guest("receiver", "198.51.100.2") }
}

/// A transport of a broadcaster to receive on: the broadcaster's address, the transport's id.
async fn receiving(ctx: &Ctx, room: &str, token: &str, comedia: bool) -> Outcome<(String, String)> {
    let (base, _) = broadcaster(ctx, room, "receiver", token).await?;
    let body = json!({ "direction": "consumer", "comedia": comedia, "rtcpMux": true }).to_string();
    let transport = done(ctx, &format!("{base}/transports"), token, &body).await?;
    Ok((base, transport["transportId"].as_str().unwrap_or_default().to_owned()))
}

async fn destinations(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let _bob = ctx.joined(&meeting, "bob").await?;
    let token = ctx.pod.keys.admit(&meeting, &receiver(true));
    let (base, transport) = receiving(&ctx, &meeting.name, &token, false).await?;
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
        let outcome = done(&ctx, &format!("{base}/transports/{transport}/connect"), &token, &body).await;
        is_refused(outcome, &[400, 403], &format!("plain RTP to {ip}"))?;
    }
    ear.set_nonblocking(true)?;
    ensure(ear.recv(&mut [0; 2000]).is_err(), || "something was sent to a forbidden destination".into())
}

async fn without_grant(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let producer = sender(&ctx, &meeting).await?;
    let token = ctx.pod.keys.admit(&meeting, &receiver(false));
    let (base, transport) = match receiving(&ctx, &meeting.name, &token, false).await {
        // Already the transport may be refused.
        Err(Failure::Refused { code: 403, .. }) => return Ok(()),
        other => other?,
    };
    let body = json!({ "ip": "192.0.2.1", "port": 9 }).to_string();
    let outcome = done(&ctx, &format!("{base}/transports/{transport}/connect"), &token, &body).await;
    is_refused(outcome, &[403], "plain RTP to an address without the grant")?;
    let outcome = consume(&ctx, &base, &token, &transport, &producer.id).await;
    is_refused(outcome, &[403], "a consumer on a plain transport without the grant")
}

/// Somebody in the room who sends audio.
struct Sender {
    id: Value,
    client: crate::client::Client,
    _peer: crate::peer::Peer,
}

async fn sender(ctx: &Ctx, meeting: &MeetingGrant) -> Outcome<Sender> {
    let mut client = ctx.joined(meeting, "ada").await?;
    let transport = client.transport("producer").await?;
    let (kind, interval) = (str0m::media::MediaKind::Audio, Duration::from_millis(20));
    let sending = Sending { kind, ssrc: 1111, interval, stream: std::sync::Arc::default() };
    let peer = connect(&mut client, &transport, vec![sending]).await?;
    let id = client.ask("produce", produce(&transport["transportId"], "audio", 1111)).await?["producerId"].clone();
    Ok(Sender { id, client, _peer: peer })
}

async fn consume(ctx: &Ctx, base: &str, token: &str, transport: &str, producer: &Value) -> Outcome<Value> {
    let opus = json!({ "codecs": [{
        "kind": "audio", "mimeType": "audio/opus", "preferredPayloadType": 100, "clockRate": 48000, "channels": 2, "parameters": {},
    }] });
    let body = json!({ "transportId": transport, "producerId": producer, "paused": false, "rtpCapabilities": opus });
    done(ctx, &format!("{base}/consumers"), token, &body.to_string()).await
}

async fn consumers(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut producer = sender(&ctx, &meeting).await?;
    let token = ctx.pod.keys.admit(&meeting, &receiver(true));
    let (base, transport) = receiving(&ctx, &meeting.name, &token, true).await?;
    let mut accepted = 0;
    for _ in 0..1000 {
        match consume(&ctx, &base, &token, &transport, &producer.id).await {
            Ok(_) => accepted += 1,
            Err(Failure::Refused { .. }) => break,
            Err(failure) => return Err(failure),
        }
        ensure(accepted <= MANY_CONSUMERS, || format!("one plain transport has more than {MANY_CONSUMERS} consumers"))?;
    }
    // A transport that follows its sender has no destination until something comes; then it sends there, and only there.
    is_answered(&mut producer.client, SOON).await?;
    let path = format!("/broadcast/{NAMESPACE}/{}/broadcasters/receiver", meeting.name);
    let gone = crate::http::Asked { method: "DELETE", path: &path, token: Some(&token), body: "" };
    crate::http::call(ctx.pod.address, gone).await.map(drop)
}
