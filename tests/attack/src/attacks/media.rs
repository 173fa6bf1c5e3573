//! Media: floods and malformed packets from a participant, packets from strangers, and strangers who interfere with DTLS. The chapter on
//! media of the OWASP ASVS (V17.2) requires these tests.

use std::sync::Arc;
use std::time::Duration;

use convene_protocol::admission::MeetingGrant;
use serde_json::{Value, json};
use str0m::media::MediaKind;
use tokio::net::UdpSocket;
use tokio::time::{Instant, sleep};

use super::{Attack, Context, is_answered};
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
            about: "a participant sends thousands of packets per second",
            run: |context| Box::pin(flood(context)),
        },
        Attack {
            name: "srtp-malformed",
            about: "every packet of a participant is repeated, corrupted and truncated",
            run: |context| Box::pin(malformed(context)),
        },
        Attack {
            name: "rtp-injection",
            about: "RTP from a stranger with the SSRC of a participant",
            run: |context| Box::pin(injection(context)),
        },
        Attack {
            name: "client-hello-race",
            about: "a stranger's ClientHello arrives before the participant's",
            run: |context| Box::pin(race(context)),
        },
        Attack {
            name: "wrong-fingerprint",
            about: "a DTLS certificate other than the one announced by signaling",
            run: |context| Box::pin(wrong_fingerprint(context)),
        },
    ]
}

/// A participant who sends audio, and another who receives it.
struct Call {
    sender: Client,
    receiver: Client,
    sending_peer: Peer,
    _receiving_peer: Peer,
    stream: Arc<Stream>,
}

impl Call {
    async fn start(context: &Context, meeting: &MeetingGrant, interval: Duration) -> Outcome<Self> {
        let mut receiver =
            Client::open(&context.pod, meeting, "bob", &crate::keys::guest("guest-bob", "198.51.100.1")).await?;
        let receiving = receiver.transport("consumer").await?;
        let receiving_peer = connect(&mut receiver, &receiving, Vec::new()).await?;
        receiver.join("bob").await?;
        let mut sender = context.joined(meeting, "eve").await?;
        let stream = Arc::<Stream>::default();
        let sending = sender.transport("producer").await?;
        let sending_peer = connect(&mut sender, &sending, vec![audio(interval, &stream)]).await?;
        sender.ask("produce", produce(&sending["transportId"], "audio", SSRC)).await?;
        accept_consumer(&mut receiver, &receiving_peer, &stream).await?;
        Ok(Self { sender, receiver, sending_peer, _receiving_peer: receiving_peer, stream })
    }

    /// Number of packets that arrive within one second.
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

/// Accepts the consumer of the sender's stream.
async fn accept_consumer(receiver: &mut Client, peer: &Peer, stream: &Arc<Stream>) -> Outcome {
    let offer = receiver.message("newConsumer").await?;
    let ssrc = offer["data"]["rtpParameters"]["encodings"][0]["ssrc"].as_u64();
    peer.expect(MediaKind::Audio, ssrc.and_then(|ssrc| u32::try_from(ssrc).ok()).unwrap_or(0), Arc::clone(stream));
    Ok(())
}

async fn wait_for_arrivals(call: &Call) -> Outcome {
    let start = Instant::now();
    while call.arrivals().await == 0 {
        ensure(start.elapsed() < CONNECTED_BY, || "no media of the participant arrived".into())?;
    }
    Ok(())
}

async fn flood(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut call = Call::start(&context, &meeting, Duration::from_micros(500)).await?;
    sleep(context.time).await;
    is_answered(&mut call.receiver, SOON).await?;
    is_answered(&mut call.sender, SOON).await
}

async fn malformed(context: Context) -> Outcome {
    let mut call = Call::start(&context, &context.meeting(0), Duration::from_millis(20)).await?;
    wait_for_arrivals(&call).await?;
    call.sending_peer.corrupt();
    let end = context.end();
    while Instant::now() < end {
        let arrived = call.arrivals().await;
        ensure(arrived > 30, || format!("only {arrived} valid packets per second arrive besides the corrupted ones"))?;
    }
    is_answered(&mut call.receiver, SOON).await
}

/// An unencrypted RTP packet of the stream, with a number that is never sent.
fn forged(sequence: u16) -> Vec<u8> {
    let head = [&[0x80, 100][..], &sequence.to_be_bytes(), &[0; 4], &SSRC.to_be_bytes(), &u32::MAX.to_be_bytes()];
    [&head.concat()[..], &[0; 76]].concat()
}

async fn injection(context: Context) -> Outcome {
    let call = Call::start(&context, &context.meeting(0), Duration::from_millis(20)).await?;
    wait_for_arrivals(&call).await?;
    let stranger = UdpSocket::bind("127.0.0.1:0").await?;
    let end = context.end();
    let mut sequence = 0_u16;
    while Instant::now() < end {
        sequence = sequence.wrapping_add(1);
        stranger.send_to(&forged(sequence), context.pod.media).await?;
        sleep(Duration::from_millis(1)).await;
    }
    ensure(call.stream.missing(u32::MAX - 1, u32::MAX) == 1, || "a stranger's packet was forwarded".into())?;
    let arrived = call.arrivals().await;
    ensure(arrived > 30, || format!("only {arrived} packets per second of the participant arrive"))
}

/// A DTLS `ClientHello`, complete enough for a server to respond.
fn client_hello() -> Vec<u8> {
    let suites = [0xc0, 0x2b, 0xc0, 0x2f];
    let body = [&[0xfe, 0xfd][..], &[7; 32], &[0, 0, 0, 4], &suites, &[1, 0, 0, 0]].concat();
    let length = u8::try_from(body.len()).unwrap_or(0);
    let handshake = [&[1, 0, 0, length, 0, 0, 0, 0, 0, 0, 0, length][..], &body].concat();
    let record = u8::try_from(handshake.len()).unwrap_or(0);
    [&[22, 0xfe, 0xfd, 0, 0, 0, 0, 0, 0, 0, 0, 0, record][..], &handshake].concat()
}

async fn race(context: Context) -> Outcome {
    let pod = Arc::clone(&context.pod);
    let stranger = tokio::spawn(async move {
        let socket = UdpSocket::bind("127.0.0.1:0").await?;
        loop {
            socket.send_to(&client_hello(), pod.media).await?;
            sleep(Duration::from_millis(1)).await;
        }
        #[allow(unreachable_code, reason = "gives the task its type")]
        Ok::<(), Failure>(())
    });
    let end = context.end();
    let mut round = 0;
    while round == 0 || Instant::now() < end {
        let call = Call::start(&context, &context.meeting(round), Duration::from_millis(20)).await?;
        wait_for_arrivals(&call).await?;
        round += 1;
    }
    stranger.abort();
    Ok(())
}

async fn wrong_fingerprint(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut receiver = context.joined(&meeting, "bob").await?;
    let mut eve = context.joined(&meeting, "eve").await?;
    let (stream, transport) = (Arc::<Stream>::default(), eve.transport("producer").await?);
    let _mouth = Peer::start(&transport, vec![audio(Duration::from_millis(20), &stream)])?;
    let fingerprint = json!({ "algorithm": "sha-256", "value": (["AB"; 32].join(":")) });
    let dtls = json!({ "role": "client", "fingerprints": [fingerprint] });
    eve.ask("connectWebRtcTransport", json!({ "transportId": transport["transportId"], "dtlsParameters": dtls }))
        .await?;
    let producer = eve.ask("produce", produce(&transport["transportId"], "audio", SSRC)).await?["producerId"].clone();
    sleep(context.time.max(Duration::from_secs(2))).await;
    let stats = eve.ask("getProducerStats", json!({ "producerId": producer })).await?;
    let packets = bytes(&stats);
    ensure(packets == 0, || format!("{packets} bytes were accepted from a peer with another certificate"))?;
    is_answered(&mut receiver, SOON).await
}

/// Bytes that a producer has received, in either format of the statistics.
fn bytes(stats: &Value) -> u64 {
    let list = stats.get("stats").unwrap_or(stats).as_array().cloned().unwrap_or_default();
    list.iter().filter_map(|entry| entry["byteCount"].as_u64()).sum()
}
