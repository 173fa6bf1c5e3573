//! Admissions that are reused, used for another purpose, or forged.

use serde_json::json;

use super::parameters::{broadcaster, done};
use super::{Attack, Context, is_connection_refused, is_refused};
use crate::client::Client;
use crate::failure::{Failure, Outcome};
use crate::keys::{self, Keys, NAMESPACE};

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "admission-reuse",
            about: "an admission for two sockets, two broadcasters, a socket and a broadcaster",
            run: |context| Box::pin(reuse(context)),
        },
        Attack {
            name: "admission-forged",
            about: "admissions with another key, for another room, or changed",
            run: |context| Box::pin(forged(context)),
        },
    ]
}

async fn reuse(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let _bob = context.joined(&meeting, "bob").await?;
    let admit = |name: &str| context.pod.keys.admit(&meeting, &keys::guest(name, "198.51.100.2"));

    let socket = admit("eve");
    let _eve = Client::open_with(&context.pod, &meeting.name, "eve", &socket).await?;
    is_connection_refused(Client::open_with(&context.pod, &meeting.name, "adam", &socket).await, "a second socket")
        .await?;
    is_refused(
        broadcaster(&context, &meeting.name, "caster-1", &socket).await,
        &[401, 403],
        "a broadcaster with a used admission",
    )?;

    let caster = admit("caster");
    let (base, _) = broadcaster(&context, &meeting.name, "caster-2", &caster).await?;
    is_refused(
        broadcaster(&context, &meeting.name, "caster-3", &caster).await,
        &[401, 403],
        "a second broadcaster with the same admission",
    )?;
    is_connection_refused(
        Client::open_with(&context.pod, &meeting.name, "mallory", &caster).await,
        "a socket with the admission of a broadcaster",
    )
    .await?;

    let stranger = context.pod.keys.admit(&meeting, &keys::guest("stranger", "203.0.113.7"));
    let body = json!({ "direction": "producer" }).to_string();
    let outcome = done(&context, &format!("{base}/transports"), &stranger, &body).await;
    is_refused(outcome, &[401, 403, 404], "a call on the broadcaster of another participant")
}

async fn forged(context: Context) -> Outcome {
    let (meeting, other) = (context.meeting(0), context.meeting(1));
    let _bob = context.joined(&meeting, "bob").await?;
    let good = context.pod.keys.admit(&other, &keys::anonymous());
    let (head, signature) = good.rsplit_once('.').unwrap_or_default();
    let tokens = [
        Keys::new().admit(&meeting, &keys::anonymous()),
        good.clone(),
        format!("{head}x.{signature}"),
        format!("{head}."),
        "x".repeat(100_000),
        context.pod.keys.admin(),
        String::new(),
    ];
    for (number, token) in tokens.iter().enumerate() {
        match Client::open_with(&context.pod, &meeting.name, "eve", token).await {
            // A header of this length may also close the connection.
            Err(Failure::Broken(_)) if token.len() > 10_000 => {}
            outcome => is_refused(outcome, &[400, 401, 403, 431], &format!("forged admission {number}"))?,
        }
        let body = json!({ "peerId": "caster", "displayName": "c", "device": { "name": "x" } }).to_string();
        match done(&context, &format!("/broadcast/{NAMESPACE}/{}/broadcasters", meeting.name), token, &body).await {
            Err(Failure::Broken(_)) if token.len() > 10_000 => {}
            outcome => {
                is_refused(outcome, &[400, 401, 403, 431], &format!("broadcaster with forged admission {number}"))?;
            }
        }
    }
    Ok(())
}
