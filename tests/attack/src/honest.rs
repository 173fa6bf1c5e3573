//! Two participants who only want to talk: each sends audio and video, counts what arrives of the other, and asks something every 20 ms.
//!
//! They run on threads with more priority than the attackers', so that what is measured is the pod and not this process.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use str0m::media::MediaKind;
use tokio::time::{MissedTickBehavior, interval, sleep};

use crate::client::Client;
use crate::count::{Stream, percentile};
use crate::failure::{Failure, Outcome, wrong};
use crate::keys::{self, meeting, moderator};
use crate::peer::{OPUS, Peer, Sending, VP8};
use crate::pod::Pod;

/// Name of their meeting.
pub(crate) const ROOM: &str = "honest";
const REQUEST_INTERVAL: Duration = Duration::from_millis(20);
/// An answer that has not come by then counts as one that took so long.
const LONGEST_ANSWER: Duration = Duration::from_secs(10);
const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
const VIDEO_INTERVAL: Duration = Duration::from_millis(10);
/// What is on its way may take so long.
const FLIGHT: Duration = Duration::from_secs(2);
const START_LIMIT: Duration = Duration::from_secs(20);
/// So much before the pod and the attackers.
const PRIORITY: i32 = -10;

/// What they noticed during an attack.
#[derive(Debug)]
pub(crate) struct Notice {
    pub(crate) sent: u32,
    pub(crate) lost: u32,
    pub(crate) requests: usize,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// Why one of them is no longer in the meeting, or what it was refused.
    pub(crate) trouble: Option<String>,
}

/// The pair in its call.
pub(crate) struct Pair {
    streams: Vec<Arc<Stream>>,
    counted: Mutex<Vec<u32>>,
    watch: Arc<Watch>,
}

#[derive(Default)]
struct Watch {
    milliseconds: Mutex<Vec<f64>>,
    trouble: Mutex<Option<String>>,
    is_over: AtomicBool,
}

impl Pair {
    /// Starts their call and waits until all four streams flow.
    pub(crate) async fn start(pod: &Arc<Pod>) -> Outcome<Self> {
        let watch = Arc::<Watch>::default();
        let streams: Vec<Arc<Stream>> = (0..4).map(|_| Arc::default()).collect();
        let (run_pod, run_streams, run_watch) = (Arc::clone(pod), streams.clone(), Arc::clone(&watch));
        std::thread::spawn(move || run(&run_pod, &run_streams, &run_watch));
        let pair = Self { streams, counted: Mutex::new(vec![0; 4]), watch };
        pair.wait_until_it_flows().await?;
        pair.take().await;
        Ok(pair)
    }

    async fn wait_until_it_flows(&self) -> Outcome {
        let start = Instant::now();
        while self
            .streams
            .iter()
            .any(|stream| stream.sent() < 50 || stream.missing(0, stream.sent()) > stream.sent() - 20)
        {
            if let Some(trouble) = self.watch.trouble() {
                return Err(wrong(format!("the honest pair cannot talk: {trouble}")));
            }
            if start.elapsed() > START_LIMIT {
                let flow: Vec<_> =
                    self.streams.iter().map(|stream| (stream.sent(), stream.missing(0, stream.sent()))).collect();
                return Err(Failure::Silent(format!("media of the honest pair; sent and missing: {flow:?}")));
            }
            sleep(Duration::from_millis(50)).await;
        }
        Ok(())
    }

    /// What they noticed since the last call.
    pub(crate) async fn take(&self) -> Notice {
        let to: Vec<u32> = self.streams.iter().map(|stream| stream.sent()).collect();
        let from = std::mem::replace(&mut *self.counted.lock().expect("no holder of this lock panics"), to.clone());
        let missing = || -> u32 {
            let ends = from.iter().zip(&to);
            self.streams.iter().zip(ends).map(|(stream, (from, to))| stream.missing(*from, *to)).sum()
        };
        let start = Instant::now();
        while missing() > 0 && start.elapsed() < FLIGHT {
            sleep(Duration::from_millis(20)).await;
        }
        let lost = missing();
        self.streams.iter().zip(&to).for_each(|(stream, to)| stream.forget(*to));
        let sent = to.iter().zip(&from).map(|(to, from)| to - from).sum();
        let mut times = std::mem::take(&mut *self.watch.times());
        let (requests, p50) = (times.len(), percentile(&mut times, 50.0));
        Notice { sent, lost, requests, p50, p99: percentile(&mut times, 99.0), trouble: self.watch.trouble() }
    }
}

impl Drop for Pair {
    fn drop(&mut self) {
        self.watch.is_over.store(true, Ordering::Relaxed);
    }
}

impl Watch {
    fn times(&self) -> std::sync::MutexGuard<'_, Vec<f64>> {
        self.milliseconds.lock().expect("no holder of this lock panics")
    }

    fn trouble(&self) -> Option<String> {
        self.trouble.lock().expect("no holder of this lock panics").clone()
    }

    fn note(&self, trouble: String) {
        self.trouble.lock().expect("no holder of this lock panics").get_or_insert(trouble);
    }
}

/// Both of them, on this thread and those that it starts.
fn run(pod: &Pod, streams: &[Arc<Stream>], watch: &Watch) {
    // Root only; without it the figures are worse than they should be.
    let _ = rustix::process::nice(PRIORITY);
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.expect("a runtime of one thread can be made");
    let (ada, bob) = (&streams[..2], &streams[2..]);
    let both = async { tokio::join!(talk(pod, "ada", (ada, bob), watch), talk(pod, "bob", (bob, ada), watch)) };
    let (ada, bob) = runtime.block_on(both);
    for failure in [ada, bob].into_iter().filter_map(Result::err) {
        watch.note(failure.to_string());
    }
}

async fn talk(pod: &Pod, name: &str, (own, other): (&[Arc<Stream>], &[Arc<Stream>]), watch: &Watch) -> Outcome {
    let who = moderator(keys::guest(&format!("guest-{name}"), "192.0.2.10"));
    let mut client = Client::open(pod, &meeting(ROOM), name, &who).await?;
    let receiving = client.transport("consumer").await?;
    let receiver = connect(&mut client, &receiving, Vec::new()).await?;
    client.join(name).await?;
    let sending = client.transport("producer").await?;
    let _sender = connect(&mut client, &sending, streams_of(own)).await?;
    for (kind, ssrc) in [("audio", 1111), ("video", 2222)] {
        client.ask("produce", produce(&sending["transportId"], kind, ssrc)).await?;
    }
    ask_for_ever(&mut client, &sending, (&receiver, other), watch).await
}

fn streams_of(own: &[Arc<Stream>]) -> Vec<Sending> {
    let sending =
        |kind, ssrc, interval, index: usize| Sending { kind, ssrc, interval, stream: Arc::clone(&own[index]) };
    vec![sending(MediaKind::Audio, 1111, AUDIO_INTERVAL, 0), sending(MediaKind::Video, 2222, VIDEO_INTERVAL, 1)]
}

/// Connects a peer of its own to a transport.
pub(crate) async fn connect(client: &mut Client, transport: &Value, sending: Vec<Sending>) -> Outcome<Peer> {
    let peer = Peer::start(transport, sending)?;
    let data = json!({ "transportId": transport["transportId"], "dtlsParameters": peer.dtls_parameters });
    client.ask("connectWebRtcTransport", data).await?;
    Ok(peer)
}

/// What an honest client says when it sends audio or video.
pub(crate) fn produce(transport: &Value, kind: &str, ssrc: u32) -> Value {
    json!({
        "transportId": transport, "kind": kind, "appData": { "source": kind },
        "rtpParameters": rtp_parameters(kind, ssrc),
    })
}

pub(crate) fn rtp_parameters(kind: &str, ssrc: u32) -> Value {
    let audio = json!({
        "mimeType": "audio/opus", "payloadType": OPUS, "clockRate": 48000, "channels": 2, "parameters": {}, "rtcpFeedback": [],
    });
    let video = json!({ "mimeType": "video/VP8", "payloadType": VP8, "clockRate": 90000, "parameters": {}, "rtcpFeedback": [] });
    json!({
        "mid": if kind == "audio" { "0" } else { "1" },
        "codecs": [if kind == "audio" { audio } else { video }],
        "headerExtensions": [], "encodings": [{ "ssrc": ssrc }], "rtcp": { "cname": "", "reducedSize": true },
    })
}

async fn ask_for_ever(
    client: &mut Client,
    transport: &Value,
    (receiver, other): (&Peer, &[Arc<Stream>]),
    watch: &Watch,
) -> Outcome {
    let mut tick = interval(REQUEST_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut asked = BTreeMap::new();
    for message in client.take_kept() {
        hear(&message, &mut asked, (receiver, other), watch);
    }
    while !watch.is_over.load(Ordering::Relaxed) {
        tokio::select! {
            _ = tick.tick() => {
                let id = ask_something(client, transport).await?;
                asked.insert(id, Instant::now());
                give_up(&mut asked, watch);
            }
            message = client.next() => hear(&message?, &mut asked, (receiver, other), watch),
        }
    }
    Ok(())
}

/// Mostly of the room, and every tenth of its worker.
async fn ask_something(client: &mut Client, transport: &Value) -> Outcome<u64> {
    match client.count() % 10 {
        0 => client.request("getTransportStats", &json!({ "transportId": transport["transportId"] })).await,
        _ => client.request("getRtcStatsUrl", &json!({})).await,
    }
}

fn give_up(asked: &mut BTreeMap<u64, Instant>, watch: &Watch) {
    while let Some(oldest) = asked.first_entry().filter(|oldest| oldest.get().elapsed() > LONGEST_ANSWER) {
        oldest.remove();
        watch.times().push(LONGEST_ANSWER.as_secs_f64() * 1000.0);
    }
}

fn hear(
    message: &Value,
    asked: &mut BTreeMap<u64, Instant>,
    (receiver, other): (&Peer, &[Arc<Stream>]),
    watch: &Watch,
) {
    if let Some(since) = message["id"].as_u64().filter(|_| message["response"] == true).and_then(|id| asked.remove(&id))
    {
        watch.times().push(since.elapsed().as_secs_f64() * 1000.0);
        if message["ok"] != true {
            watch.note(format!("an honest request was refused: {message}"));
        }
    }
    if message["method"] == "newConsumer" {
        let data = &message["data"];
        let kind = if data["kind"] == "audio" { MediaKind::Audio } else { MediaKind::Video };
        let ssrc = data["rtpParameters"]["encodings"][0]["ssrc"].as_u64().and_then(|ssrc| u32::try_from(ssrc).ok());
        let stream = &other[usize::from(kind == MediaKind::Video)];
        receiver.expect(kind, ssrc.unwrap_or_default(), Arc::clone(stream));
    }
}
