//! Clients that prepare to join and never do.

use std::time::Duration;

use serde_json::json;
use tokio::time::Instant;

use super::{Attack, Context, is_answered};
use crate::client::{Client, TIMEOUT};
use crate::failure::{Outcome, ensure};
use crate::keys::guest;

/// More than the limit of a room, however short the attack is.
const MIN_PAGES: usize = 250;
const MAX_PAGES: usize = 1000;
/// Prepared connections of a room, and transports of each.
const LIMIT: usize = 200;
const TRANSPORTS: usize = 4;
const READ_TIME: Duration = Duration::from_millis(2);

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "prepared-pages",
            about: "up to 1,000 clients prepare in one room, with as many transports as they may have, and never join",
            run: |context| Box::pin(pages(context)),
        },
        Attack {
            name: "left-pages",
            about: "up to 1,000 clients prepare in one room and leave, half of them without a word: nothing remains",
            run: |context| Box::pin(left(context)),
        },
    ]
}

async fn pages(context: Context) -> Outcome {
    let (meeting, end) = (context.meeting(0), context.end());
    let mut bob = context.joined(&meeting, "bob").await?;
    let mut pages = Vec::new();
    while pages.len() < MIN_PAGES || (pages.len() < MAX_PAGES && Instant::now() < end) {
        let peer = format!("page-{}", pages.len());
        let who = guest(&format!("guest-of-{peer}"), "198.51.100.7");
        let mut page = Client::prepare(&context.pod, &meeting, &peer, &who).await?;
        for direction in ["producer", "consumer"].repeat(TRANSPORTS / 2) {
            page.transport(direction).await?;
        }
        pages.push(page);
        // A participant who does not read would count as disconnected.
        bob.read_for(READ_TIME).await?;
    }
    let stats = context.pod.stats().await?;
    ensure(stats["prepared"] == LIMIT, || format!("{} prepared connections", stats["prepared"]))?;
    let closed = pages[0].closed_within(TIMEOUT).await;
    ensure(closed.as_ref().is_some_and(|(code, _)| *code == 1012), || format!("the oldest: {closed:?}"))?;
    is_answered(&mut bob, TIMEOUT).await?;
    let mut late = context.joined(&meeting, "late").await?;
    late.transport("producer").await?;
    late.ask("getChatHistory", json!({})).await?;
    for page in pages {
        // Those that the pod has closed cannot be closed again.
        let _ = page.leave().await;
    }
    Ok(())
}

/// That nothing remains is checked after every attack.
async fn left(context: Context) -> Outcome {
    let (meeting, end) = (context.meeting(0), context.end());
    // Keeps the room open.
    let mut bob = context.joined(&meeting, "bob").await?;
    let mut number = 0;
    while number < MIN_PAGES || (number < MAX_PAGES && Instant::now() < end) {
        let peer = format!("page-{number}");
        let mut page = Client::prepare(&context.pod, &meeting, &peer, &guest(&peer, "198.51.100.8")).await?;
        for direction in ["producer", "consumer"] {
            page.transport(direction).await?;
        }
        // The others are dropped: their sockets end without a close frame, as when a browser crashes.
        if number % 2 == 0 {
            page.leave().await?;
        }
        bob.read_for(READ_TIME).await?;
        number += 1;
    }
    is_answered(&mut bob, TIMEOUT).await
}
