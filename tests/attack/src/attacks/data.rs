//! Chat by data channel at a rate at which no human types, while an honest participant with a slow line follows it.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{Attack, Ctx};
use crate::client::Client;
use crate::failure::{Failure, Outcome, wrong};
use crate::honest::connect;
use crate::keys::{self, NAMESPACE};

const FLOOD_INTERVAL: Duration = Duration::from_micros(1100);
/// So slow is the follower.
const READ_INTERVAL: Duration = Duration::from_millis(40);

pub(super) fn attacks() -> Vec<Attack> {
    vec![Attack {
        name: "data-channel-flood",
        about: "chat by data channel at 900 messages a second, with a slow honest follower",
        run: |ctx| Box::pin(flood(ctx)),
    }]
}

async fn flood(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let token = ctx.pod.keys.admit(&meeting, &keys::guest("follower", "198.51.100.1"));
    let path = format!("/signal/{NAMESPACE}/{}?peerId=follower", meeting.name);
    let mut follower = Client::open_at(&ctx.pod, &path, &token, Some(4096)).await?;
    follower.join("follower").await?;
    follower.ask("getChatHistory", json!({ "follow": true })).await?;

    let mut eve = ctx.joined(&meeting, "eve").await?;
    let transport = eve.transport("producer").await?;
    let peer = connect(&mut eve, &transport, Vec::new()).await?;
    let data = json!({
        "transportId": transport["transportId"], "label": "chat", "protocol": "", "appData": { "channel": "chat" },
        "sctpStreamParameters": { "streamId": 0, "ordered": true },
    });
    eve.ask("produceData", data).await?;
    until_connected(&peer).await?;
    peer.open(0);
    peer.flood(0, FLOOD_INTERVAL, &"x".repeat(1000));
    let eve = tokio::spawn(async move { eve.read_for(Duration::from_mins(10)).await });
    let outcome = follow(&mut follower, ctx.end()).await;
    eve.abort();
    outcome.map_err(|failure| wrong(format!("the honest follower lost the seat: {failure}")))?;
    drop(peer);
    // What it has missed is gone; what is left of it is soon read, and then it is answered.
    follower.ask("getRtcStatsUrl", json!({})).await.map(drop)
}

async fn until_connected(peer: &crate::peer::Peer) -> Outcome {
    let start = Instant::now();
    while !peer.is_connected() {
        if start.elapsed() > crate::client::PATIENCE {
            return Err(Failure::Silent("ICE and DTLS of an attacker".into()));
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}

async fn follow(follower: &mut Client, end: Instant) -> Outcome {
    while Instant::now() < end {
        match tokio::time::timeout(READ_INTERVAL, follower.next()).await {
            Ok(Err(failure)) => return Err(failure),
            Ok(Ok(_)) => sleep(READ_INTERVAL).await,
            Err(_) => {}
        }
    }
    Ok(())
}
