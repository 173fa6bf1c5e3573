//! Media itself: floods and broken packets of somebody who is in a meeting, packets of somebody who is not, and DTLS with strangers in
//! between. The chapter on media of the OWASP ASVS (V17.2) asks for these.

use std::sync::Arc;
use std::time::Duration;

use convene_protocol::admission::MeetingGrant;
use serde_json::{Value, json};
use str0m::media::MediaKind;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep};

use super::{Attack, Ctx, is_answered};
use crate::client::Client;
use crate::count::Stream;
use crate::failure::{Failure, Outcome, ensure};
use crate::honest::{connect, produce};
use crate::peer::{Peer, Sending};

const SOON: Duration = Duration::from_secs(2);
const SSRC: u32 = 4444;
const CONNECTED_BY: Duration = Duration::from_secs(10);

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "srtp-flood",
            about: "a participant sends thousands of packets a second",
            run: |ctx| Box::pin(flood(ctx)),
        },
        Attack {
            name: "srtp-malformed",
            about: "every packet of a participant comes again, changed and cut off",
            run: |ctx| Box::pin(malformed(ctx)),
        },
        Attack {
            name: "rtp-injection",
            about: "RTP of a stranger with the SSRC of a participant",
            run: |ctx| Box::pin(injection(ctx)),
        },
        Attack {
            name: "client-hello-race",
            about: "a stranger's ClientHello arrives before the participant's",
            run: |ctx| Box::pin(race(ctx)),
        },
        Attack {
            name: "wrong-fingerprint",
            about: "a DTLS certificate that is not the one signaling told of",
            run: |ctx| Box::pin(wrong_fingerprint(ctx)),
        },
    ]
}

/// One who sends audio and one who receives it.
struct Call {
    sender: Client,
    receiver: Client,
    mouth: Peer,
    _ear: Peer,
    stream: Arc<Stream>,
}

impl Call {
    async fn start(ctx: &Ctx, meeting: &MeetingGrant, interval: Duration) -> Outcome<Self> {
        let mut receiver =
            Client::open(&ctx.pod, meeting, "bob", &crate::keys::guest("guest-bob", "198.51.100.1")).await?;
        let receiving = receiver.transport("consumer").await?;
        let ear = connect(&mut receiver, &receiving, Vec::new()).await?;
        receiver.join("bob").await?;
        let mut sender = ctx.joined(meeting, "eve").await?;
        let stream = Arc::<Stream>::default();
        let sending = sender.transport("producer").await?;
        let mouth = connect(&mut sender, &sending, vec![audio(interval, &stream)]).await?;
        sender.ask("produce", produce(&sending["transportId"], "audio", SSRC)).await?;
        hear_of(&mut receiver, &ear, &stream).await?;
        Ok(Self { sender, receiver, mouth, _ear: ear, stream })
    }

    /// How many packets arrive within a second.
    async fn arrivals(&self) -> u32 {
        let from = self.stream.sent();
        sleep(Duration::from_secs(1)).await;
        let to = self.stream.sent();
        to - from - self.stream.missing(from, to)
    }
}

fn audio(interval: Duration, stream: &Arc<Stream>) -> Sending {
    Sending { kind: MediaKind::Audio, ssrc: SSRC, interval, stream: Arc::clone(stream) }
}

/// Accepts the consumer of the other's stream.
async fn hear_of(receiver: &mut Client, ear: &Peer, stream: &Arc<Stream>) -> Outcome {
    let offer = receiver.hear("newConsumer").await?;
    let ssrc = offer["data"]["rtpParameters"]["encodings"][0]["ssrc"].as_u64();
    ear.expect(MediaKind::Audio, ssrc.and_then(|ssrc| u32::try_from(ssrc).ok()).unwrap_or(0), Arc::clone(stream));
    Ok(())
}

async fn until_arriving(call: &Call) -> Outcome {
    let start = Instant::now();
    while call.arrivals().await == 0 {
        ensure(start.elapsed() < CONNECTED_BY, || "no media of the participant arrives".into())?;
    }
    Ok(())
}

async fn flood(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut call = Call::start(&ctx, &meeting, Duration::from_micros(500)).await?;
    sleep(ctx.time).await;
    is_answered(&mut call.receiver, SOON).await?;
    is_answered(&mut call.sender, SOON).await
}

async fn malformed(ctx: Ctx) -> Outcome {
    let mut call = Call::start(&ctx, &ctx.meeting(0), Duration::from_millis(20)).await?;
    until_arriving(&call).await?;
    call.mouth.spoil();
    let end = ctx.end();
    while Instant::now() < end {
        let arrived = call.arrivals().await;
        ensure(arrived > 30, || format!("beside broken packets only {arrived} good ones arrive in a second"))?;
    }
    is_answered(&mut call.receiver, SOON).await
}

/// An RTP packet of that stream, not encrypted; the number of a packet that is never sent.
fn forged(sequence: u16) -> Vec<u8> {
    let head = [&[0x80, 100][..], &sequence.to_be_bytes(), &[0; 4], &SSRC.to_be_bytes(), &u32::MAX.to_be_bytes()];
    [&head.concat()[..], &[0; 76]].concat()
}

async fn injection(ctx: Ctx) -> Outcome {
    let call = Call::start(&ctx, &ctx.meeting(0), Duration::from_millis(20)).await?;
    until_arriving(&call).await?;
    let stranger = UdpSocket::bind("127.0.0.1:0").await?;
    let end = ctx.end();
    let mut sequence = 0_u16;
    while Instant::now() < end {
        sequence = sequence.wrapping_add(1);
        stranger.send_to(&forged(sequence), ctx.pod.media).await?;
        sleep(Duration::from_millis(1)).await;
    }
    ensure(call.stream.missing(u32::MAX - 1, u32::MAX) == 1, || "a stranger's packet was forwarded".into())?;
    let arrived = call.arrivals().await;
    ensure(arrived > 30, || format!("only {arrived} packets of the participant arrive in a second"))
}

/// A DTLS `ClientHello`, as far as a server has to read it to answer.
fn client_hello() -> Vec<u8> {
    let suites = [0xc0, 0x2b, 0xc0, 0x2f];
    let body = [&[0xfe, 0xfd][..], &[7; 32], &[0, 0, 0, 4], &suites, &[1, 0, 0, 0]].concat();
    let length = u8::try_from(body.len()).unwrap_or(0);
    let handshake = [&[1, 0, 0, length, 0, 0, 0, 0, 0, 0, 0, length][..], &body].concat();
    let record = u8::try_from(handshake.len()).unwrap_or(0);
    [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, record][..], &handshake].concat()
}

async fn race(ctx: Ctx) -> Outcome {
    let pod = Arc::clone(&ctx.pod);
    let stranger = tokio::spawn(async move {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        loop {
            socket.send_to(&client_hello(), pod.media).await?;
            sleep(Duration::from_millis(1)).await;
        }
        #[allow(unreachable_code, reason = "gives the task its type")]
        Ok::<(), Failure>(())
    });
    let end = ctx.end();
    let mut round = 0;
    while round == 0 || Instant::now() < end {
        let call = Call::start(&ctx, &ctx.meeting(round), Duration::from_millis(20)).await?;
        until_arriving(&call).await?;
        round += 1;
    }
    stranger.abort();
    Ok(())
}

async fn wrong_fingerprint(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut receiver = ctx.joined(&meeting, "bob").await?;
    let mut eve = ctx.joined(&meeting, "eve").await?;
    let (stream, transport) = (Arc::<Stream>::default(), eve.transport("producer").await?);
    let _mouth = Peer::start(&transport, vec![audio(Duration::from_millis(20), &stream)])?;
    let fingerprint = json!({ "algorithm": "sha-256", "value": (["AB"; 32].join(":")) });
    let dtls = json!({ "role": "client", "fingerprints": [fingerprint] });
    eve.ask("connectWebRtcTransport", json!({ "transportId": transport["transportId"], "dtlsParameters": dtls }))
        .await?;
    let producer = eve.ask("produce", produce(&transport["transportId"], "audio", SSRC)).await?["producerId"].clone();
    sleep(ctx.time.max(Duration::from_secs(2))).await;
    let stats = eve.ask("getProducerStats", json!({ "producerId": producer })).await?;
    let packets = bytes(&stats);
    ensure(packets == 0, || format!("{packets} bytes were taken from a peer with another certificate"))?;
    is_answered(&mut receiver, SOON).await
}

/// Bytes that a producer has received, in either form of the statistics.
fn bytes(stats: &Value) -> u64 {
    let list = stats.get("stats").unwrap_or(stats).as_array().cloned().unwrap_or_default();
    list.iter().filter_map(|entry| entry["byteCount"].as_u64()).sum()
}
