//! Chat by data channel at a rate that no human types, while an honest participant with a slow connection follows it.

use std::time::Duration;

use serde_json::json;
use tokio::time::{Instant, sleep};

use super::{Attack, Context};
use crate::client::Client;
use crate::failure::{Failure, Outcome, wrong};
use crate::honest::connect;
use crate::keys::{self, NAMESPACE};

const FLOOD_INTERVAL: Duration = Duration::from_micros(1100);
/// Pause of the slow follower between two messages.
const READ_INTERVAL: Duration = Duration::from_millis(40);

pub(super) fn attacks() -> Vec<Attack> {
    vec![Attack {
        name: "data-channel-flood",
        about: "chat by data channel at 900 messages a second, with a slow honest follower",
        run: |context| Box::pin(flood(context)),
    }]
}

async fn flood(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let token = context.pod.keys.admit(&meeting, &keys::guest("follower", "198.51.100.1"));
    let path = format!("/signal/{NAMESPACE}/{}?peerId=follower", meeting.name);
    let mut follower = Client::open_at(&context.pod, &path, &token, Some(4096)).await?;
    follower.join("follower").await?;
    follower.ask("getChatHistory", json!({ "follow": true })).await?;

    let mut eve = context.joined(&meeting, "eve").await?;
    let transport = eve.transport("producer").await?;
    let peer = connect(&mut eve, &transport, Vec::new()).await?;
    let data = json!({
        "transportId": transport["transportId"], "label": "chat", "protocol": "", "appData": { "channel": "chat" },
        "sctpStreamParameters": { "streamId": 0, "ordered": true },
    });
    eve.ask("produceData", data).await?;
    wait_for_connection(&peer).await?;
    peer.open(0);
    peer.flood(0, FLOOD_INTERVAL, &"x".repeat(1000));
    let eve = tokio::spawn(async move { eve.read_for(Duration::from_mins(10)).await });
    let outcome = follow(&mut follower, context.end()).await;
    eve.abort();
    outcome.map_err(|failure| wrong(format!("the honest follower lost the seat: {failure}")))?;
    drop(peer);
    // Messages that it missed are dropped. The rest is soon read, and then requests are answered.
    follower.ask("getRtcStatsUrl", json!({})).await.map(drop)
}

async fn wait_for_connection(peer: &crate::peer::Peer) -> Outcome {
    let start = Instant::now();
    while !peer.is_connected() {
        if start.elapsed() > crate::client::TIMEOUT {
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
