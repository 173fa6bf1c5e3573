//! Things made and ended again and again, and as many of them as there may be.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{Attack, Ctx, is_answered};
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
            about: "producers made and closed as fast as the pod answers, with receivers",
            run: |ctx| Box::pin(produce_and_close(ctx)),
        },
        Attack {
            name: "restart-ice-loop",
            about: "restartIce as fast as the pod answers",
            run: |ctx| Box::pin(restart_ice(ctx)),
        },
        Attack {
            name: "transports",
            about: "transports to the limit, by thirty participants",
            run: |ctx| Box::pin(transports(ctx)),
        },
        Attack {
            name: "reconnect-loop",
            about: "sockets opened and dropped as fast as the pod answers",
            run: |ctx| Box::pin(reconnect(ctx)),
        },
    ]
}

/// 429 is an answer too.
fn allowed<T>(outcome: Outcome<T>) -> Outcome<Option<T>> {
    match outcome {
        Ok(value) => Ok(Some(value)),
        Err(Failure::Refused { code: 429, .. }) => Ok(None),
        Err(failure) => Err(failure),
    }
}

async fn produce_and_close(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut readers = Vec::new();
    for number in 0..5 {
        let mut bob = ctx.joined(&meeting, &format!("bob-{number}")).await?;
        let time = ctx.time;
        readers.push(tokio::spawn(async move { bob.read_for(time).await.map(|()| bob) }));
    }
    let mut eve = ctx.joined(&meeting, "eve").await?;
    let transport = eve.transport("producer").await?;
    let end = ctx.end();
    let mut ssrc = 1000;
    while Instant::now() < end {
        ssrc += 1;
        let made = eve.ask("produce", produce(&transport["transportId"], "video", ssrc)).await;
        // It does not stop, and is sent away.
        if let Err(Failure::Closed { code: 4000, .. }) = made {
            break;
        }
        // The close of the last one was refused, and its MID is taken.
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

async fn restart_ice(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut bob = ctx.joined(&meeting, "bob").await?;
    let mut eve = ctx.joined(&meeting, "eve").await?;
    let transport = eve.transport("producer").await?["transportId"].clone();
    let end = ctx.end();
    while Instant::now() < end {
        match eve.ask("restartIce", json!({ "transportId": transport })).await {
            // It does not stop, and is sent away.
            Err(Failure::Closed { code: 4000, .. }) => break,
            answer => drop(allowed(answer)?),
        }
    }
    is_answered(&mut bob, SOON).await
}

async fn transports(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut crowd = Vec::new();
    for number in 0..30 {
        let mut eve = ctx.joined(&meeting, &format!("eve-{number}")).await?;
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

async fn reconnect(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut bob = ctx.joined(&meeting, "bob").await?;
    let end = ctx.end();
    while Instant::now() < end {
        let mut eve = Client::open(&ctx.pod, &meeting, "eve", &keys::guest("guest-eve", "198.51.100.2")).await?;
        eve.request("join", &json!({ "displayName": "Eve" })).await?;
        drop(eve);
        bob.read_for(Duration::from_millis(1)).await?;
    }
    bob.read_for(Duration::from_millis(100)).await?;
    is_answered(&mut bob, SOON).await
}
