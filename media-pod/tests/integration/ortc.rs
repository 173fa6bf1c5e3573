//! From wire JSON through mediasoup's negotiation (`ortc`): values that pass our own checks must not make it panic, for a producer and its
//! consumers. The crate's `ortc` module is private, so it is called as the pod does it, by a router with a real worker, on a transport
//! without a network.
//!
//! It is a long test and not a target of `fuzz/`, where everything is compiled with coverage counters, which the worker's C++ code does not
//! support. `CONVENE_FUZZ_SECONDS=N` runs it for N seconds from a new seed.

#![allow(clippy::print_stdout, reason = "the seed is needed to run it again")]

use std::time::{Duration, Instant};

use convene_media_pod::sfu::codecs::media_codecs;
use convene_protocol::message::bounds::{check_rtp_capabilities, check_rtp_parameters, prune_rtp_capabilities};
use mediasoup::prelude::*;
use mediasoup::worker::WorkerLogLevel;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};

/// Rounds if no time is given.
const ROUNDS: usize = 3000;

/// The checks of a room before a value reaches mediasoup.
fn passes_our_checks(parameters: &Value, capabilities: &mut Value) -> bool {
    let is_fit = check_rtp_parameters(parameters).is_ok() && check_rtp_capabilities(capabilities).is_ok();
    prune_rtp_capabilities(capabilities);
    is_fit
}

fn honest_parameters() -> Value {
    json!({
        "mid": "1",
        "codecs": [
            { "mimeType": "video/VP8", "payloadType": 101, "clockRate": 90000, "parameters": { "x-google-start-bitrate": 1000 },
              "rtcpFeedback": [{ "type": "nack", "parameter": "" }, { "type": "nack", "parameter": "pli" }] },
            { "mimeType": "video/rtx", "payloadType": 102, "clockRate": 90000, "parameters": { "apt": 101 }, "rtcpFeedback": [] },
            { "mimeType": "video/H264", "payloadType": 103, "clockRate": 90000, "rtcpFeedback": [],
              "parameters": { "packetization-mode": 1, "profile-level-id": "42e01f", "level-asymmetry-allowed": 1 } },
            { "mimeType": "video/VP9", "payloadType": 104, "clockRate": 90000, "parameters": { "profile-id": 0 }, "rtcpFeedback": [] },
        ],
        "headerExtensions": [
            { "uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 1, "encrypt": false, "parameters": {} },
            { "uri": "urn:ietf:params:rtp-hdrext:sdes:rtp-stream-id", "id": 2, "encrypt": false, "parameters": {} },
        ],
        "encodings": [{ "ssrc": 11, "scalabilityMode": "L1T3", "maxBitrate": 500_000, "dtx": false }],
        "rtcp": { "cname": "x", "reducedSize": true },
        "msid": "stream track",
    })
}

/// All positions in a value, as JSON pointers.
fn places(value: &Value, at: String, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => {
            fields.iter().for_each(|(key, value)| places(value, format!("{at}/{}", key.replace('/', "~1")), found));
        }
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(i, value)| places(value, format!("{at}/{i}"), found));
        }
        _ => {}
    }
    found.push(at);
}

fn odd() -> Vec<Value> {
    vec![
        json!(null),
        json!(0),
        json!(1),
        json!(-1),
        json!(101),
        json!(127),
        json!(128),
        json!(255),
        json!(256),
        json!(65_535),
        json!(4_294_967_295_u64),
        json!(""),
        json!("x".repeat(300)),
        json!([]),
        json!({}),
        json!("L9T9"),
        json!("L1T1"),
        json!("L99T99"),
        json!("S3T3_KEY"),
        json!("L3T3_KEY_SHIFT"),
        json!("video/rtx"),
        json!("video/AV1"),
        json!("audio/opus"),
        json!("audio/multiopus"),
        json!("42e01f"),
        json!("ffffff"),
        json!("urn:ietf:params:rtp-hdrext:sdes:mid"),
        json!("http://www.ietf.org/id/draft-holmer-rmcat-transport-wide-cc-extensions-01"),
    ]
}

fn mutate(value: &mut Value, random: &mut StdRng) {
    let mut all = Vec::new();
    places(value, String::new(), &mut all);
    let place = all[random.random_range(0..all.len())].clone();
    let other = value.pointer(&all[random.random_range(0..all.len())]).unwrap().clone();
    let target = value.pointer_mut(&place).unwrap();
    match (random.random_range(0..6), target) {
        (0, Value::Array(items)) => {
            let count = items.len() * [2, 8, 40, 120][random.random_range(0..4)];
            *items = items.iter().cycle().take(count).cloned().collect();
        }
        (1, Value::Object(fields)) => drop(fields.keys().next().cloned().and_then(|key| fields.remove(&key))),
        (2, target) => *target = other,
        (_, target) => {
            let odd = odd();
            *target = odd[random.random_range(0..odd.len())].clone();
        }
    }
}

/// A worker with a router and a transport for producers and consumers.
struct Bench {
    router: Router,
    transport: DirectTransport,
    capabilities: Value,
}

impl Bench {
    async fn new() -> Self {
        let mut settings = WorkerSettings::default();
        settings.log_level = WorkerLogLevel::Error;
        settings.log_tags = Vec::new();
        let worker = WorkerManager::new().create_worker(settings).await.unwrap();
        let router = worker.create_router(RouterOptions::new(media_codecs())).await.unwrap();
        let transport = router.create_direct_transport(DirectTransportOptions::default()).await.unwrap();
        let capabilities = serde_json::to_value(router.rtp_capabilities()).unwrap();
        Self { router, transport, capabilities }
    }
}

/// How far an input got.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Reached {
    Nothing,
    Types,
    Producer,
    Consumer,
}

async fn negotiate(router: Router, transport: DirectTransport, kind: MediaKind, input: (Value, Value)) -> Reached {
    let (parameters, mut capabilities) = input;
    if !passes_our_checks(&parameters, &mut capabilities) {
        return Reached::Nothing;
    }
    let Ok(parameters) = serde_json::from_value::<RtpParameters>(parameters) else { return Reached::Nothing };
    let Ok(producer) = transport.produce(ProducerOptions::new(kind, parameters)).await else { return Reached::Types };
    let Ok(capabilities) = serde_json::from_value::<RtpCapabilities>(capabilities) else { return Reached::Producer };
    if !router.can_consume(&producer.id(), &capabilities) {
        return Reached::Producer;
    }
    let mut options = ConsumerOptions::new(producer.id(), capabilities);
    options.enable_rtx = Some(true);
    options.paused = true;
    match transport.consume(options).await {
        Ok(_) => Reached::Consumer,
        Err(_) => Reached::Producer,
    }
}

fn input(random: &mut StdRng, capabilities: &Value) -> (Value, Value) {
    let (mut parameters, mut capabilities) = (honest_parameters(), capabilities.clone());
    // Both must be unique among the producers of a transport; an earlier one may not be closed yet.
    parameters["mid"] = json!(random.random_range(0..u32::MAX).to_string());
    parameters["encodings"][0]["ssrc"] = json!(random.random_range(1..u32::MAX));
    if random.random_bool(0.3) {
        parameters["encodings"] =
            json!([{ "rid": "r0", "scalabilityMode": "L1T3" }, { "rid": "r1", "scalabilityMode": "L1T3" }]);
    }
    // Several codecs of one stream are rarely all valid; most senders have one.
    if random.random_bool(0.7) {
        let codecs = parameters["codecs"].as_array_mut().unwrap();
        let keep = random.random_range(0..3);
        *codecs = if keep == 0 { codecs[..2].to_vec() } else { vec![codecs[keep + 1].clone()] };
    }
    (0..random.random_range(0..4)).for_each(|_| mutate(&mut parameters, random));
    (0..random.random_range(0..4)).for_each(|_| mutate(&mut capabilities, random));
    (parameters, capabilities)
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_passes_our_checks_makes_the_negotiation_panic() {
    let seconds = std::env::var("CONVENE_FUZZ_SECONDS").ok().and_then(|seconds| seconds.parse().ok());
    let seed = if seconds.is_some() { rand::random() } else { 7 };
    let mut random = StdRng::seed_from_u64(seed);
    let (bench, start) = (Bench::new().await, Instant::now());
    let mut reached = std::collections::BTreeMap::new();
    for round in 0.. {
        let is_over = seconds.map_or(round >= ROUNDS, |seconds| start.elapsed() > Duration::from_secs(seconds));
        if is_over {
            break;
        }
        let input = input(&mut random, &bench.capabilities);
        let kind = if random.random_bool(0.1) { MediaKind::Audio } else { MediaKind::Video };
        let run = negotiate(bench.router.clone(), bench.transport.clone(), kind, input.clone());
        let outcome = tokio::spawn(run).await;
        let (parameters, capabilities) = &input;
        let outcome = outcome.unwrap_or_else(|_| panic!("seed {seed}: {kind:?} {parameters} for {capabilities}"));
        *reached.entry(outcome).or_insert(0) += 1;
    }
    println!("seed {seed}: {reached:?}");
    assert!(reached[&Reached::Consumer] > 50, "enough of it must get as far as a consumer: {reached:?}");
}
