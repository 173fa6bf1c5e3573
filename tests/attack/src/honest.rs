//! Two honest participants: each sends audio and video, counts the packets that arrive from the other, and sends a request every 20 ms.
//!
//! They run on threads with a higher priority than the attackers, so that the pod is measured and not this process.

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

/// Name of the meeting of the honest pair.
pub(crate) const ROOM: &str = "honest";
const REQUEST_INTERVAL: Duration = Duration::from_millis(20);
/// A response that has not arrived by then counts with this time.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(10);
const AUDIO_INTERVAL: Duration = Duration::from_millis(20);
const VIDEO_INTERVAL: Duration = Duration::from_millis(10);
/// Time for packets in flight to arrive.
const FLIGHT_TIME: Duration = Duration::from_secs(2);
const START_LIMIT: Duration = Duration::from_secs(20);
/// Scheduling priority (nice value) above the pod and the attackers.
const PRIORITY: i32 = -10;

/// Observations of the pair during an attack.
#[derive(Debug)]
pub(crate) struct Observations {
    pub(crate) sent: u32,
    pub(crate) lost: u32,
    pub(crate) requests: usize,
    pub(crate) p50: f64,
    pub(crate) p99: f64,
    /// The reason one of them left the meeting, or the request that was refused.
    pub(crate) trouble: Option<String>,
}

/// The honest pair in a call.
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
    /// Starts the call and waits until all four streams arrive.
    pub(crate) async fn start(pod: &Arc<Pod>) -> Outcome<Self> {
        let watch = Arc::<Watch>::default();
        let streams: Vec<Arc<Stream>> = (0..4).map(|_| Arc::default()).collect();
        let (run_pod, run_streams, run_watch) = (Arc::clone(pod), streams.clone(), Arc::clone(&watch));
        std::thread::spawn(move || run(&run_pod, &run_streams, &run_watch));
        let pair = Self { streams, counted: Mutex::new(vec![0; 4]), watch };
        pair.wait_for_media().await?;
        pair.take().await;
        Ok(pair)
    }

    async fn wait_for_media(&self) -> Outcome {
        let start = Instant::now();
        while self
            .streams
            .iter()
            .any(|stream| stream.sent() < 50 || stream.missing(0, stream.sent()) > stream.sent() - 20)
        {
            if let Some(trouble) = self.watch.trouble() {
                return Err(wrong(format!("the honest pair could not talk: {trouble}")));
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

    /// Observations since the last call of this function.
    pub(crate) async fn take(&self) -> Observations {
        let to: Vec<u32> = self.streams.iter().map(|stream| stream.sent()).collect();
        let from = std::mem::replace(&mut *self.counted.lock().expect("no holder of this lock panics"), to.clone());
        let missing = || -> u32 {
            let ends = from.iter().zip(&to);
            self.streams.iter().zip(ends).map(|(stream, (from, to))| stream.missing(*from, *to)).sum()
        };
        let start = Instant::now();
        while missing() > 0 && start.elapsed() < FLIGHT_TIME {
            sleep(Duration::from_millis(20)).await;
        }
        let lost = missing();
        self.streams.iter().zip(&to).for_each(|(stream, to)| stream.forget(*to));
        let sent = to.iter().zip(&from).map(|(to, from)| to - from).sum();
        let mut times = std::mem::take(&mut *self.watch.times());
        let (requests, p50) = (times.len(), percentile(&mut times, 50.0));
        Observations { sent, lost, requests, p50, p99: percentile(&mut times, 99.0), trouble: self.watch.trouble() }
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

/// Runs both participants on this thread and the threads that it starts.
fn run(pod: &Pod, streams: &[Arc<Stream>], watch: &Watch) {
    // Needs root; otherwise the measured times are worse than they should be.
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
    request_repeatedly(&mut client, &sending, (&receiver, other), watch).await
}

fn streams_of(own: &[Arc<Stream>]) -> Vec<Sending> {
    let sending =
        |kind, ssrc, interval, index: usize| Sending { kind, ssrc, interval, stream: Arc::clone(&own[index]) };
    vec![sending(MediaKind::Audio, 1111, AUDIO_INTERVAL, 0), sending(MediaKind::Video, 2222, VIDEO_INTERVAL, 1)]
}

/// Connects a new peer to a transport.
pub(crate) async fn connect(client: &mut Client, transport: &Value, sending: Vec<Sending>) -> Outcome<Peer> {
    let peer = Peer::start(transport, sending)?;
    let data = json!({ "transportId": transport["transportId"], "dtlsParameters": peer.dtls_parameters });
    client.ask("connectWebRtcTransport", data).await?;
    Ok(peer)
}

/// The `produce` request of an honest client for audio or video.
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

async fn request_repeatedly(
    client: &mut Client,
    transport: &Value,
    (receiver, other): (&Peer, &[Arc<Stream>]),
    watch: &Watch,
) -> Outcome {
    let mut tick = interval(REQUEST_INTERVAL);
    tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let mut pending = BTreeMap::new();
    for message in client.take_queued() {
        handle(&message, &mut pending, (receiver, other), watch);
    }
    while !watch.is_over.load(Ordering::Relaxed) {
        tokio::select! {
            _ = tick.tick() => {
                let id = send_request(client, transport).await?;
                pending.insert(id, Instant::now());
                expire(&mut pending, watch);
            }
            message = client.next() => handle(&message?, &mut pending, (receiver, other), watch),
        }
    }
    Ok(())
}

/// Most requests are handled by the room, every tenth by its worker.
async fn send_request(client: &mut Client, transport: &Value) -> Outcome<u64> {
    match client.count() % 10 {
        0 => client.request("getTransportStats", &json!({ "transportId": transport["transportId"] })).await,
        _ => client.request("getRtcStatsUrl", &json!({})).await,
    }
}

fn expire(pending: &mut BTreeMap<u64, Instant>, watch: &Watch) {
    while let Some(oldest) = pending.first_entry().filter(|oldest| oldest.get().elapsed() > REQUEST_TIMEOUT) {
        oldest.remove();
        watch.times().push(REQUEST_TIMEOUT.as_secs_f64() * 1000.0);
    }
}

fn handle(
    message: &Value,
    pending: &mut BTreeMap<u64, Instant>,
    (receiver, other): (&Peer, &[Arc<Stream>]),
    watch: &Watch,
) {
    if let Some(since) =
        message["id"].as_u64().filter(|_| message["response"] == true).and_then(|id| pending.remove(&id))
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
