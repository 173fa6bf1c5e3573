//! Admissions used more than once, for something else, or made by somebody else.

use serde_json::json;

use super::parameters::{broadcaster, done};
use super::{Attack, Ctx, is_kept_out, is_refused};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::keys::{self, Keys, NAMESPACE};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "admission-reuse",
            about: "an admission for two sockets, two broadcasters, a socket and a broadcaster",
            run: |ctx| Box::pin(reuse(ctx)),
        },
        Attack {
            name: "admission-forged",
            about: "admissions of another key, for another room, changed",
            run: |ctx| Box::pin(forged(ctx)),
        },
    ]
}

async fn reuse(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let _bob = ctx.joined(&meeting, "bob").await?;
    let admit = |name: &str| ctx.pod.keys.admit(&meeting, &keys::guest(name, "198.51.100.2"));

    let socket = admit("eve");
    let _eve = Client::open_with(&ctx.pod, &meeting.name, "eve", &socket).await?;
    is_kept_out(Client::open_with(&ctx.pod, &meeting.name, "adam", &socket).await, "a second socket").await?;
    is_refused(
        broadcaster(&ctx, &meeting.name, "caster-1", &socket).await,
        &[401, 403],
        "a broadcaster by a spent admission",
    )?;

    let caster = admit("caster");
    let (base, _) = broadcaster(&ctx, &meeting.name, "caster-2", &caster).await?;
    is_refused(
        broadcaster(&ctx, &meeting.name, "caster-3", &caster).await,
        &[401, 403],
        "a second broadcaster by the same admission",
    )?;
    is_kept_out(
        Client::open_with(&ctx.pod, &meeting.name, "mallory", &caster).await,
        "a socket by a broadcaster's admission",
    )
    .await?;

    let stranger = ctx.pod.keys.admit(&meeting, &keys::guest("stranger", "203.0.113.7"));
    let body = json!({ "direction": "producer" }).to_string();
    let outcome = done(&ctx, &format!("{base}/transports"), &stranger, &body).await;
    is_refused(outcome, &[401, 403, 404], "a call on somebody else's broadcaster")
}

async fn forged(ctx: Ctx) -> Outcome {
    let (meeting, other) = (ctx.meeting(0), ctx.meeting(1));
    let _bob = ctx.joined(&meeting, "bob").await?;
    let good = ctx.pod.keys.admit(&other, &keys::nobody());
    let (head, signature) = good.rsplit_once('.').unwrap_or_default();
    let tokens = [
        Keys::new().admit(&meeting, &keys::nobody()),
        good.clone(),
        format!("{head}x.{signature}"),
        format!("{head}."),
        "x".repeat(100_000),
        ctx.pod.keys.admin(),
        String::new(),
    ];
    for (number, token) in tokens.iter().enumerate() {
        match Client::open_with(&ctx.pod, &meeting.name, "eve", token).await {
            // A header of that length may also end the connection.
            Err(Failure::Broken(_)) if token.len() > 10_000 => {}
            outcome => is_refused(outcome, &[400, 401, 403, 431], &format!("forged admission {number}"))?,
        }
        let body = json!({ "peerId": "caster", "displayName": "c", "device": { "name": "x" } }).to_string();
        match done(&ctx, &format!("/broadcast/{NAMESPACE}/{}/broadcasters", meeting.name), token, &body).await {
            Err(Failure::Broken(_)) if token.len() > 10_000 => {}
            outcome => {
                is_refused(outcome, &[400, 401, 403, 431], &format!("broadcaster by forged admission {number}"))?;
            }
        }
    }
    Ok(())
}
