//! Much in few messages: what the pod would have to keep, to copy to everybody, or to write again and again.

use std::time::Duration;

use convene_protocol::admission::MeetingGrant;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Attack, Ctx, is_answered, is_refused};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::honest::rtp_parameters;
use crate::keys::{self, NAMESPACE};

const SOON: Duration = Duration::from_secs(2);
/// Messages a second just below what one client may send.
const FAST: Duration = Duration::from_millis(11);

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "join-950kb",
            about: "join with 950 kB of junk capabilities, again and again",
            run: |ctx| Box::pin(join_with(ctx, 950_000)),
        },
        Attack {
            name: "join-60kb",
            about: "join with 60 kB of junk capabilities, by many",
            run: |ctx| Box::pin(join_with(ctx, 60_000)),
        },
        Attack {
            name: "codec-parameter-50kb",
            about: "a codec parameter of 50 kB, produced again and again before receivers",
            run: |ctx| Box::pin(codec_parameter(ctx)),
        },
        Attack {
            name: "chat-history",
            about: "chat of 4096 control characters, its history asked for 100 times a second by ten",
            run: |ctx| Box::pin(chat_history(ctx)),
        },
        Attack {
            name: "not-reading",
            about: "twenty that do not read while others write",
            run: |ctx| Box::pin(not_reading(ctx)),
        },
        Attack {
            name: "large-frames",
            about: "frames of 1 GiB, fragments without end",
            run: |ctx| Box::pin(large_frames(ctx)),
        },
    ]
}

/// Capabilities that are read and mean nothing, of so many bytes.
pub(super) fn junk_capabilities(bytes: usize) -> Value {
    let codec = |number: usize| {
        json!({
            "kind": "video", "mimeType": "video/VP8", "preferredPayloadType": 96 + number % 31, "clockRate": 90000,
            "parameters": { format!("x-{number}"): "y" }, "rtcpFeedback": [],
        })
    };
    let one = codec(1000).to_string().len() + 1;
    json!({ "codecs": (0..bytes / one).map(codec).collect::<Vec<_>>(), "headerExtensions": [] })
}

async fn join_with(ctx: Ctx, bytes: usize) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut bob = ctx.joined(&meeting, "bob").await?;
    let join = json!({ "displayName": "Eve", "rtpCapabilities": junk_capabilities(bytes) });
    let mut crowd = Vec::new();
    let end = ctx.end();
    for number in 0.. {
        let who = keys::guest(&format!("eve-{number}"), "198.51.100.2");
        let mut eve = Client::open(&ctx.pod, &meeting, &format!("eve-{number}"), &who).await?;
        let outcome = eve.ask("join", join.clone()).await;
        is_answered(&mut bob, SOON).await?;
        if bytes > 64 * 1024 {
            // The pod reads no further, and the rest of the frame resets the connection.
            if !matches!(outcome, Err(Failure::Broken(_))) {
                is_refused(outcome, &[413, 1009], "a frame of 950 kB")?;
            }
        }
        // Each of them stays: what is kept for it is what counts.
        crowd.push(eve);
        if Instant::now() > end || crowd.len() == 60 {
            break;
        }
    }
    is_answered(&mut bob, SOON).await
}

async fn codec_parameter(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut receivers = Vec::new();
    for number in 0..10 {
        receivers.push(ctx.joined(&meeting, &format!("bob-{number}")).await?);
    }
    let mut eve = ctx.joined(&meeting, "eve").await?;
    let transport = eve.transport("producer").await?;
    let mut parameters = rtp_parameters("video", 1000);
    parameters["codecs"][0]["parameters"] = json!({ "x-junk": "x".repeat(50_000) });
    let produce = json!({ "transportId": transport["transportId"], "kind": "video", "rtpParameters": parameters });
    let readers = receivers.into_iter().map(|mut bob| {
        let time = ctx.time;
        tokio::spawn(async move { bob.read_for(time).await })
    });
    let readers: Vec<_> = readers.collect();
    let end = ctx.end();
    let mut accepted = 0;
    while Instant::now() < end {
        match eve.ask("produce", produce.clone()).await {
            Ok(answer) => {
                accepted += 1;
                eve.ask("closeProducer", json!({ "producerId": answer["producerId"] })).await?;
            }
            Err(Failure::Refused { .. }) => sleep(FAST).await,
            Err(failure) => return Err(failure),
        }
    }
    for reader in readers {
        // A receiver that was thrown out by what somebody else sent.
        reader.await.unwrap_or(Ok(()))?;
    }
    if accepted == 0 { Ok(()) } else { is_refused(Ok(accepted), &[400, 413], "a codec parameter of 50 kB") }
}

async fn chat_history(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut bob = ctx.joined(&meeting, "bob").await?;
    let mut eve = ctx.joined(&meeting, "eve").await?;
    let text = "\u{1}".repeat(4096);
    for _ in 0..250 {
        let _ = eve.request("sendChatMessage", &json!({ "text": text })).await;
        sleep(FAST).await;
    }
    let end = ctx.end();
    let askers = (0..10).map(|number| tokio::spawn(ask_history(ctx.clone(), meeting.clone(), number, end)));
    let askers: Vec<_> = askers.collect();
    while Instant::now() < end {
        is_answered(&mut bob, SOON).await?;
        sleep(Duration::from_millis(100)).await;
    }
    for asker in askers {
        asker.abort();
    }
    Ok(())
}

async fn ask_history(ctx: Ctx, meeting: MeetingGrant, number: usize, end: Instant) -> Outcome {
    let mut eve = ctx.joined(&meeting, &format!("asker-{number}")).await?;
    while Instant::now() < end {
        eve.request("getChatHistory", &json!({ "follow": true })).await?;
        eve.read_for(FAST).await?;
    }
    Ok(())
}

async fn not_reading(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut bob = ctx.joined(&meeting, "bob").await?;
    // Bob sends so much that he is read slowly: who must be answered is Carol.
    let mut carol = ctx.joined(&meeting, "carol").await?;
    let mut deaf = Vec::new();
    for number in 0..20 {
        deaf.push(deaf_one(&ctx, &meeting, number).await?);
    }
    let text = "\u{1}".repeat(4096);
    let end = ctx.end();
    let mut number = 0;
    while Instant::now() < end {
        let _ = bob.request("sendChatMessage", &json!({ "text": text })).await;
        // They ask too, until their sockets are full or the pod has had enough of them.
        for eve in &mut deaf {
            let ask = json!({ "request": true, "id": number, "method": "getChatHistory", "data": { "follow": true } });
            let _ = tokio::time::timeout(Duration::from_millis(1), eve.send(ask.to_string())).await;
        }
        number += 1;
        bob.read_for(FAST).await?;
        carol.read_for(Duration::from_millis(1)).await?;
    }
    is_answered(&mut carol, SOON).await
}

async fn deaf_one(ctx: &Ctx, meeting: &MeetingGrant, number: usize) -> Outcome<Client> {
    let peer = format!("deaf-{number}");
    let token = ctx.pod.keys.admit(meeting, &keys::guest(&peer, "198.51.100.3"));
    let path = format!("/signal/{NAMESPACE}/{}?peerId={peer}", meeting.name);
    let mut eve = Client::open_at(&ctx.pod, &path, &token, Some(4096)).await?;
    eve.join(&peer).await?;
    eve.ask("getChatHistory", json!({ "follow": true })).await?;
    Ok(eve)
}

async fn large_frames(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut bob = ctx.joined(&meeting, "bob").await?;
    let mut eves = Vec::new();
    for number in 0..20 {
        let mut eve = ctx.joined(&meeting, &format!("eve-{number}")).await?;
        if number % 2 == 0 {
            // Its head says 1 GiB.
            eve.send_raw(&[0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4]).await?;
        }
        eves.push(eve);
    }
    let end = ctx.end();
    // A text without end, in fragments of 32 kB.
    let filler = vec![b'x'; 0x8000];
    let fragment = [&[0x01, 0xfe, 0x80, 0, 0, 0, 0, 0][..], &filler].concat();
    let next = [&[0x00, 0xfe, 0x80, 0, 0, 0, 0, 0][..], &filler].concat();
    let mut bytes = &fragment;
    while Instant::now() < end {
        for eve in eves.iter_mut().skip(1).step_by(2) {
            let _ = tokio::time::timeout(Duration::from_millis(20), eve.send_raw(bytes)).await;
        }
        bytes = &next;
        is_answered(&mut bob, SOON).await?;
        // Where all of them are closed nothing else slows this down, and Bob would be who asks too much.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
