//! Fifty hostile guests in fifty rooms, who use many attacks at the same time.

use std::time::Duration;

use convene_protocol::admission::MeetingGrant;
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::bytes::junk_capabilities;
use super::{Attack, Context};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::honest::produce;
use crate::keys;

const GUESTS: usize = 50;
/// Pause before a disconnected guest reconnects.
const RETURN_AFTER: Duration = Duration::from_millis(200);

pub(super) fn attacks() -> Vec<Attack> {
    vec![Attack {
        name: "fifty-guests",
        about: "50 hostile guests in 50 rooms use many attacks at the same time",
        run: |context| Box::pin(fifty(context)),
    }]
}

async fn fifty(context: Context) -> Outcome {
    let end = context.end();
    let guests = (0..GUESTS).map(|number| tokio::spawn(visit_repeatedly(context.clone(), number, end)));
    let guests: Vec<_> = guests.collect();
    for guest in guests {
        guest.await.map_err(|error| Failure::Broken(error.to_string()))?;
    }
    Ok(())
}

/// Reconnects whenever it is disconnected.
async fn visit_repeatedly(context: Context, number: usize, end: Instant) {
    let meeting = context.meeting(number);
    let mut random = StdRng::seed_from_u64(context.seed + number as u64);
    while Instant::now() < end {
        let _ = one_visit(&context, &meeting, &mut random, end).await;
        sleep(RETURN_AFTER).await;
    }
}

async fn one_visit(context: &Context, meeting: &MeetingGrant, random: &mut StdRng, end: Instant) -> Outcome {
    let who = keys::moderator(keys::guest(&format!("guest-of-{}", meeting.name), "198.51.100.4"));
    let mut eve = Client::open(&context.pod, meeting, "eve", &who).await?;
    let _ = eve.ask("join", json!({ "displayName": "Eve", "rtpCapabilities": junk_capabilities(60_000) })).await;
    let transport = eve.transport("producer").await?["transportId"].clone();
    if random.random_bool(0.5) {
        let _ = eve.join("Eve").await;
    }
    while Instant::now() < end {
        let (method, data) = random_request(random, &transport);
        eve.request(method, &data).await?;
        // Sometimes it does not read.
        if random.random_bool(0.8) {
            eve.read_for(Duration::from_millis(2)).await?;
        }
    }
    Ok(())
}

fn random_request(random: &mut StdRng, transport: &Value) -> (&'static str, Value) {
    let ssrc = random.random();
    match random.random_range(0..10) {
        0 => ("sendChatMessage", json!({ "text": "\u{1}".repeat(4096) })),
        1 | 2 => ("getChatHistory", json!({ "follow": true })),
        3 => ("produce", produce(transport, "video", ssrc)),
        4 => ("produce", many_encodings(transport)),
        5 => ("restartIce", json!({ "transportId": transport })),
        6 => ("createWebRtcTransport", json!({ "appData": { "direction": "consumer" } })),
        7 => ("changeDisplayName", json!({ "displayName": "x".repeat(50_000) })),
        8 => ("getRouterRtpCapabilities", json!({})),
        _ => ("getTransportStats", json!({ "transportId": transport })),
    }
}

fn many_encodings(transport: &Value) -> Value {
    let mut data = produce(transport, "video", 1);
    data["rtpParameters"]["encodings"] = (1..500).map(|ssrc| json!({ "ssrc": ssrc })).collect();
    data
}
