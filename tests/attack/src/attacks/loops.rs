//! Objects that are created and closed repeatedly, and as many of them as the limits allow.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{Attack, Context, is_answered};
use crate::client::Client;
use crate::failure::{Failure, Outcome, ensure};
use crate::honest::produce;
use crate::keys;

const SOON: Duration = Duration::from_secs(2);
const MANY_TRANSPORTS: usize = 64;

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "produce-close-loop",
            about: "producers created and closed as fast as the pod responds, with receivers",
            run: |context| Box::pin(produce_and_close(context)),
        },
        Attack {
            name: "restart-ice-loop",
            about: "restartIce as fast as the pod responds",
            run: |context| Box::pin(restart_ice(context)),
        },
        Attack {
            name: "transports",
            about: "transports up to the limit, by 30 participants",
            run: |context| Box::pin(transports(context)),
        },
        Attack {
            name: "reconnect-loop",
            about: "sockets opened and dropped as fast as the pod responds",
            run: |context| Box::pin(reconnect(context)),
        },
    ]
}

/// The result, or `None` if the request was rate limited.
fn allowed<T>(outcome: Outcome<T>) -> Outcome<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(Failure::Refused { code: 429, .. }) => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn produce_and_close(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut readers = Vec::new();
    for number in 0..5 {
        let mut bob = context.joined(&meeting, &format!("bob-{number}")).await?;
        let time = context.time;
        readers.push(tokio::spawn(async move { bob.read_for(time).await.map(|()| bob) }));
    }
    let mut eve = context.joined(&meeting, "eve").await?;
    let transport = eve.transport("producer").await?;
    let end = context.end();
    let mut ssrc = 1000;
    while Instant::now() < end {
        ssrc += 1;
        let made = eve.ask("produce", produce(&transport["transportId"], "video", ssrc)).await;
        // It does not stop, so the pod disconnects it.
        if let Err(Failure::Closed { code: 4000, .. }) = made {
            break;
        }
        // The last close was refused, so its MID is still in use.
        if let Err(Failure::Refused { code: 400, .. }) = made {
            continue;
        }
        let Some(made) = allowed(made)? else { continue };
        let closed = eve.ask("closeProducer", json!({ "producerId": made["producerId"] })).await;
        if let Err(Failure::Closed { code: 4000, .. }) = closed {
            break;
        }
        allowed(closed)?;
    }
    for reader in readers {
        let mut bob = reader.await.map_err(|error| Failure::Broken(error.to_string()))??;
        is_answered(&mut bob, SOON).await?;
    }
    Ok(())
}

async fn restart_ice(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut bob = context.joined(&meeting, "bob").await?;
    let mut eve = context.joined(&meeting, "eve").await?;
    let transport = eve.transport("producer").await?["transportId"].clone();
    let end = context.end();
    while Instant::now() < end {
        match eve.ask("restartIce", json!({ "transportId": transport })).await {
            // It does not stop, so the pod disconnects it.
            Err(Failure::Closed { code: 4000, .. }) => break,
            answer => drop(allowed(answer)?),
        }
    }
    is_answered(&mut bob, SOON).await
}

async fn transports(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut crowd = Vec::new();
    for number in 0..30 {
        let mut eve = context.joined(&meeting, &format!("eve-{number}")).await?;
        let mut count = 1;
        while allowed(eve.transport("producer").await)?.is_some() {
            count += 1;
            ensure(count <= MANY_TRANSPORTS, || format!("one participant has more than {MANY_TRANSPORTS} transports"))?;
        }
        crowd.push(eve);
    }
    match crowd.last_mut() {
        Some(eve) => is_answered(eve, SOON).await,
        None => Ok(()),
    }
}

async fn reconnect(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut bob = context.joined(&meeting, "bob").await?;
    let end = context.end();
    while Instant::now() < end {
        let mut eve = Client::open(&context.pod, &meeting, "eve", &keys::guest("guest-eve", "198.51.100.2")).await?;
        eve.request("join", &json!({ "displayName": "Eve" })).await?;
        drop(eve);
        bob.read_for(Duration::from_millis(1)).await?;
    }
    bob.read_for(Duration::from_millis(100)).await?;
    is_answered(&mut bob, SOON).await
}
