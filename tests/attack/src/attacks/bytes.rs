//! Large amounts of data in few messages, which the pod would have to keep, copy to all participants, or send repeatedly.

use std::time::Duration;

use convene_protocol::admission::MeetingGrant;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use super::{Attack, Context, is_answered, is_refused};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::honest::rtp_parameters;
use crate::keys::{self, NAMESPACE};

const SOON: Duration = Duration::from_secs(2);
/// Pause between messages that keeps a client just below its rate limit.
const FAST: Duration = Duration::from_millis(11);

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "join-950kb",
            about: "join with 950 kB of junk capabilities, repeatedly",
            run: |context| Box::pin(join_with(context, 950_000)),
        },
        Attack {
            name: "join-60kb",
            about: "join with 60 kB of junk capabilities, by many clients",
            run: |context| Box::pin(join_with(context, 60_000)),
        },
        Attack {
            name: "codec-parameter-50kb",
            about: "a codec parameter of 50 kB, produced repeatedly in a room with receivers",
            run: |context| Box::pin(codec_parameter(context)),
        },
        Attack {
            name: "chat-history",
            about: "chat of 4096 control characters, whose history ten clients request 100 times a second",
            run: |context| Box::pin(chat_history(context)),
        },
        Attack {
            name: "not-reading",
            about: "20 clients that do not read while others write",
            run: |context| Box::pin(not_reading(context)),
        },
        Attack {
            name: "large-frames",
            about: "frames of 1 GiB, and endless fragments",
            run: |context| Box::pin(large_frames(context)),
        },
    ]
}

/// Valid capabilities without meaning, of about this many bytes.
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

async fn join_with(context: Context, bytes: usize) -> Outcome {
    let meeting = context.meeting(0);
    let mut bob = context.joined(&meeting, "bob").await?;
    let join = json!({ "displayName": "Eve", "rtpCapabilities": junk_capabilities(bytes) });
    let mut crowd = Vec::new();
    let end = context.end();
    for number in 0.. {
        let who = keys::guest(&format!("eve-{number}"), "198.51.100.2");
        let mut eve = Client::open(&context.pod, &meeting, &format!("eve-{number}"), &who).await?;
        let outcome = eve.ask("join", join.clone()).await;
        is_answered(&mut bob, SOON).await?;
        if bytes > 64 * 1024 {
            // The pod stops reading, and the rest of the frame resets the connection.
            if !matches!(outcome, Err(Failure::Broken(_))) {
                is_refused(outcome, &[413, 1009], "a frame of 950 kB")?;
            }
        }
        // All of them stay, so that the memory that is kept for each counts.
        crowd.push(eve);
        if Instant::now() > end || crowd.len() == 60 {
            break;
        }
    }
    is_answered(&mut bob, SOON).await
}

async fn codec_parameter(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut receivers = Vec::new();
    for number in 0..10 {
        receivers.push(context.joined(&meeting, &format!("bob-{number}")).await?);
    }
    let mut eve = context.joined(&meeting, "eve").await?;
    let transport = eve.transport("producer").await?;
    let mut parameters = rtp_parameters("video", 1000);
    parameters["codecs"][0]["parameters"] = json!({ "x-junk": "x".repeat(50_000) });
    let produce = json!({ "transportId": transport["transportId"], "kind": "video", "rtpParameters": parameters });
    let readers = receivers.into_iter().map(|mut bob| {
        let time = context.time;
        tokio::spawn(async move { bob.read_for(time).await })
    });
    let readers: Vec<_> = readers.collect();
    let end = context.end();
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
        // Fails if a receiver was disconnected because of what another participant sent.
        reader.await.unwrap_or(Ok(()))?;
    }
    if accepted == 0 { Ok(()) } else { is_refused(Ok(accepted), &[400, 413], "a codec parameter of 50 kB") }
}

async fn chat_history(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut bob = context.joined(&meeting, "bob").await?;
    let mut eve = context.joined(&meeting, "eve").await?;
    let text = "\u{1}".repeat(4096);
    for _ in 0..250 {
        let _ = eve.request("sendChatMessage", &json!({ "text": text })).await;
        sleep(FAST).await;
    }
    let end = context.end();
    let askers = (0..10).map(|number| tokio::spawn(ask_history(context.clone(), meeting.clone(), number, end)));
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

async fn ask_history(context: Context, meeting: MeetingGrant, number: usize, end: Instant) -> Outcome {
    let mut eve = context.joined(&meeting, &format!("asker-{number}")).await?;
    while Instant::now() < end {
        eve.request("getChatHistory", &json!({ "follow": true })).await?;
        eve.read_for(FAST).await?;
    }
    Ok(())
}

async fn not_reading(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut bob = context.joined(&meeting, "bob").await?;
    // Bob sends so much that he is read slowly, so Carol checks for responses.
    let mut carol = context.joined(&meeting, "carol").await?;
    let mut deaf = Vec::new();
    for number in 0..20 {
        deaf.push(join_without_reading(&context, &meeting, number).await?);
    }
    let text = "\u{1}".repeat(4096);
    let end = context.end();
    let mut number = 0;
    while Instant::now() < end {
        let _ = bob.request("sendChatMessage", &json!({ "text": text })).await;
        // They send requests too, until their sockets are full or the pod disconnects them.
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

async fn join_without_reading(context: &Context, meeting: &MeetingGrant, number: usize) -> Outcome<Client> {
    let peer = format!("deaf-{number}");
    let token = context.pod.keys.admit(meeting, &keys::guest(&peer, "198.51.100.3"));
    let path = format!("/signal/{NAMESPACE}/{}?peerId={peer}", meeting.name);
    let mut eve = Client::open_at(&context.pod, &path, &token, Some(4096)).await?;
    eve.join(&peer).await?;
    eve.ask("getChatHistory", json!({ "follow": true })).await?;
    Ok(eve)
}

async fn large_frames(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut bob = context.joined(&meeting, "bob").await?;
    let mut eves = Vec::new();
    for number in 0..20 {
        let mut eve = context.joined(&meeting, &format!("eve-{number}")).await?;
        if number % 2 == 0 {
            // Its header announces 1 GiB.
            eve.send_raw(&[0x81, 0xff, 0, 0, 0, 0, 0x40, 0, 0, 0, 1, 2, 3, 4]).await?;
        }
        eves.push(eve);
    }
    let end = context.end();
    // An endless text in fragments of 32 kB.
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
        // Once all of them are closed nothing else slows down the loop, and Bob himself would be rate limited.
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
