//! Signaling fuzz with media: rooms with real streams whose participants send random messages, over WebSocket and the broadcaster API.
//! The messages depend only on the seed and on the ids that the pod assigned.

mod message;

use std::collections::VecDeque;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use convene_protocol::admission::{MeetingGrant, ParticipantGrant};
use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};
use serde_json::{Value, json};
use str0m::media::MediaKind;
use tokio::time::{Instant, sleep};

use crate::attacks::{Attack, Context};
use crate::client::Client;
use crate::failure::{Failure, Outcome, wrong};
use crate::honest::{connect, produce};
use crate::http::{Request, call};
use crate::keys::{self, NAMESPACE, identity, moderator};
use crate::peer::{Peer, Sending};

pub(crate) const NAME: &str = "fuzz";
const ROOMS: usize = 4;
const TALKERS: usize = 4;
/// Number of recent messages that are written to a file if a fault is found.
const RECENT_MESSAGES: usize = 2000;
const IDS: usize = 400;
const RETURN_AFTER: Duration = Duration::from_millis(100);
/// Pause between messages that keeps a client below its rate limit, so that most messages are processed.
const PACE: Duration = Duration::from_millis(10);

pub(crate) fn attack() -> Attack {
    Attack {
        name: NAME,
        about: "random messages in rooms with media, over WebSocket and HTTP",
        run: |context| Box::pin(fuzz(context)),
    }
}

/// Shared by all participants: ids that the pod assigned, and recent messages.
#[derive(Default)]
pub(crate) struct Common {
    ids: Mutex<VecDeque<String>>,
    recent: Mutex<VecDeque<String>>,
}

impl Common {
    fn learn(&self, message: &Value) {
        let mut ids = self.ids.lock().expect("no holder of this lock panics");
        collect_ids(message, &mut ids);
        let excess = ids.len().saturating_sub(IDS);
        ids.drain(..excess);
    }

    fn ids(&self) -> Vec<String> {
        self.ids.lock().expect("no holder of this lock panics").iter().cloned().collect()
    }

    fn record(&self, who: &str, text: &str) {
        let mut recent = self.recent.lock().expect("no holder of this lock panics");
        if recent.len() == RECENT_MESSAGES {
            recent.pop_front();
        }
        recent.push_back(format!("{who} {}", text.get(..4000).unwrap_or(text)));
    }

    /// Writes the recent messages to a file; returns its path.
    fn write(&self, seed: u64) -> Outcome<PathBuf> {
        let folder = Path::new("test-results/attack");
        std::fs::create_dir_all(folder)?;
        let path = folder.join(format!("fuzz-{seed}.txt"));
        let recent = self.recent.lock().expect("no holder of this lock panics");
        let lines: Vec<_> = recent.iter().map(String::as_str).collect();
        std::fs::write(&path, lines.join("\n"))?;
        Ok(path)
    }
}

fn collect_ids(value: &Value, ids: &mut VecDeque<String>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                match value.as_str() {
                    Some(id) if key == "id" || key.ends_with("Id") => ids.push_back(id.to_owned()),
                    _ => collect_ids(value, ids),
                }
            }
        }
        Value::Array(items) => items.iter().for_each(|value| collect_ids(value, ids)),
        _ => {}
    }
}

async fn fuzz(context: Context) -> Outcome {
    let (common, end) = (Arc::<Common>::default(), context.end());
    let places = (0..ROOMS).flat_map(|room| (0..=TALKERS).map(move |talker| (room, talker)));
    let tasks = places.map(|(room, talker)| {
        let (context, common) = (context.clone(), Arc::clone(&common));
        tokio::spawn(async move {
            if talker == TALKERS {
                call_repeatedly(&context, &common, room, end).await;
            } else {
                talk(&context, &common, room, talker, end).await;
            }
        })
    });
    for task in tasks.collect::<Vec<_>>() {
        task.await.map_err(|error| Failure::Broken(error.to_string()))?;
    }
    let panics = context.pod.panics().await;
    if panics == 0 && context.pod.is_alive() {
        return Ok(());
    }
    let path = common.write(context.seed)?;
    Err(wrong(format!("the pod panicked or died; the recent messages are in {}", path.display())))
}

fn random(context: &Context, room: usize, talker: usize) -> StdRng {
    StdRng::seed_from_u64(context.seed.wrapping_mul(1000) + (room * 10 + talker) as u64)
}

/// A participant who reconnects whenever it is disconnected. The first one of a room moderates and always has media.
async fn talk(context: &Context, common: &Common, room: usize, talker: usize, end: Instant) {
    let (meeting, mut random) = (context.meeting(room), random(context, room, talker));
    while Instant::now() < end {
        let _ = visit(context, common, &meeting, talker, &mut random, end).await;
        sleep(RETURN_AFTER).await;
    }
}

async fn visit(
    context: &Context,
    common: &Common,
    meeting: &MeetingGrant,
    talker: usize,
    random: &mut StdRng,
    end: Instant,
) -> Outcome {
    let peer = format!("talker-{talker}");
    // A new identity each time, so that a removal does not end the fuzz of this room.
    let who = identity(&format!("{peer}-{:08x}", random.random::<u32>()), "198.51.100.5");
    let who = if talker == 0 { moderator(who) } else { who };
    let mut client = if random.random_bool(0.3) {
        Client::prepare(&context.pod, meeting, &peer, &who).await?
    } else {
        Client::open(&context.pod, meeting, &peer, &who).await?
    };
    let media =
        if talker < 2 || random.random_bool(0.3) { Some(with_media(&mut client, common, &peer).await?) } else { None };
    let visit = random.random_range(50..1500);
    for _ in 0..visit {
        if Instant::now() > end {
            break;
        }
        let text = message::message(random, &common.ids());
        common.record(&format!("{}/{peer}", meeting.name), &text);
        client.send(text).await?;
        let until = Instant::now() + PACE;
        while let Ok(message) = tokio::time::timeout_at(until, client.next()).await {
            common.learn(&message?);
        }
    }
    drop(media);
    client.leave().await
}

/// Connects real media in both directions.
async fn with_media(client: &mut Client, common: &Common, name: &str) -> Outcome<(Peer, Peer)> {
    let receiving = client.transport("consumer").await?;
    let receiver = connect(client, &receiving, Vec::new()).await?;
    client.join(name).await?;
    let sending = client.transport("producer").await?;
    let stream = |kind, ssrc| Sending { kind, ssrc, interval: Duration::from_millis(20), stream: Arc::default() };
    let streams = vec![stream(MediaKind::Audio, 1111), stream(MediaKind::Video, 2222)];
    let sender = connect(client, &sending, streams).await?;
    for (kind, ssrc) in [("audio", 1111), ("video", 2222)] {
        common.learn(&client.ask("produce", produce(&sending["transportId"], kind, ssrc)).await?);
    }
    for transport in [&receiving, &sending] {
        common.learn(transport);
    }
    Ok((sender, receiver))
}

/// Calls the broadcaster API of a room with random requests.
async fn call_repeatedly(context: &Context, common: &Common, room: usize, end: Instant) {
    let (meeting, mut random) = (context.meeting(room), random(context, room, TALKERS));
    while Instant::now() < end {
        let who = ParticipantGrant { receive_plain: true, ..keys::guest("caster", "198.51.100.6") };
        let token = context.pod.keys.admit(&meeting, &who);
        for _ in 0..random.random_range(1..40) {
            let (method, path, body) = message::broadcast(&mut random, &common.ids());
            let path = format!("/broadcast/{NAMESPACE}/{}{path}", meeting.name);
            common.record(&meeting.name, &format!("{method} {path} {body}"));
            let asked = Request { method, path: &path, token: Some(&token), body: &body };
            if let Ok(answer) = call(context.pod.address, asked).await {
                common.learn(&answer.json().unwrap_or(json!(null)));
            }
            sleep(PACE).await;
        }
    }
}
