//! Participants who want the seat of somebody else, or one that was taken from them.

use std::time::Duration;

use convene_protocol::admission::{MeetingGrant, ParticipantGrant};
use serde_json::json;

use super::{Attack, Ctx, is_answered, is_kept_out};
use crate::client::Client;
use crate::failure::{Outcome, ensure, wrong};
use crate::keys::{self, guest, identity, moderator};
use crate::trial::until_room_ends;

const SOON: Duration = Duration::from_secs(2);
/// By then the pod has decided about a seat, and has let go of an old socket.
const DECIDED: Duration = Duration::from_secs(6);
const HERE: &str = "198.51.100.10";
const ELSEWHERE: &str = "203.0.113.20";

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "seat-takeover",
            about: "another participant's peerId without proof",
            run: |ctx| Box::pin(takeover(ctx)),
        },
        Attack {
            name: "seat-of-vouched",
            about: "the peerId of somebody an application vouches for",
            run: |ctx| Box::pin(takeover_of_vouched(ctx)),
        },
        Attack {
            name: "removed-guest",
            about: "a removed guest comes back: same guest, another name, another guest at the address",
            run: |ctx| Box::pin(removed_guest(ctx)),
        },
        Attack {
            name: "removed-identity",
            about: "a removed identity comes back with another peerId and address",
            run: |ctx| Box::pin(removed_identity(ctx)),
        },
        Attack {
            name: "locked-room",
            about: "strangers at a locked room, with a peerId from inside too",
            run: |ctx| Box::pin(locked(ctx)),
        },
        Attack {
            name: "proof-returns",
            about: "who proves it gets the seat back at once",
            run: |ctx| Box::pin(returns(ctx)),
        },
    ]
}

async fn enter(ctx: &Ctx, meeting: &MeetingGrant, peer: &str, who: &ParticipantGrant) -> Outcome<Client> {
    let mut client = Client::open(&ctx.pod, meeting, peer, who).await?;
    client.join(peer).await?;
    Ok(client)
}

/// The intruder is kept out while the victim stays and is served.
async fn fends_off(
    ctx: &Ctx,
    meeting: &MeetingGrant,
    victim: &mut Client,
    who: &ParticipantGrant,
    what: &str,
) -> Outcome {
    let intrude = async { is_kept_out(Client::open(&ctx.pod, meeting, "bob", who).await, what).await };
    let (intruded, stayed) = tokio::join!(intrude, victim.read_for(DECIDED));
    stayed.map_err(|failure| wrong(format!("{what} threw the participant out: {failure}")))?;
    intruded?;
    is_answered(victim, SOON).await
}

async fn takeover(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut bob = enter(&ctx, &meeting, "bob", &guest("guest-bob", HERE)).await?;
    let at_his_address = ParticipantGrant { address: Some(HERE.into()), ..keys::nobody() };
    let intruders = [
        ("somebody without any proof", keys::nobody()),
        ("another guest", guest("guest-eve", ELSEWHERE)),
        ("another guest at the same address", guest("guest-eve", HERE)),
        ("somebody without proof at the same address", at_his_address),
        ("an identity", identity("eve", ELSEWHERE)),
        ("a moderator", moderator(guest("guest-mod", ELSEWHERE))),
    ];
    for (what, who) in intruders.into_iter().take(if ctx.time < Duration::from_secs(10) { 3 } else { 6 }) {
        fends_off(&ctx, &meeting, &mut bob, &who, what).await?;
    }
    Ok(())
}

async fn takeover_of_vouched(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut bob = enter(&ctx, &meeting, "bob", &identity("bob", HERE)).await?;
    for (what, who) in [("a guest", guest("guest-eve", HERE)), ("another identity", identity("eve", HERE))] {
        fends_off(&ctx, &meeting, &mut bob, &who, what).await?;
    }
    Ok(())
}

async fn returns(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    for who in [guest("guest-bob", HERE), identity("bob", HERE)] {
        let mut old = enter(&ctx, &meeting, "bob", &who).await?;
        let mut new =
            enter(&ctx, &meeting, "bob", &ParticipantGrant { address: Some(ELSEWHERE.into()), ..who }).await?;
        let closed = old.closed_within(SOON).await;
        ensure(closed.as_ref().is_some_and(|(code, _)| *code == 4000), || format!("the old socket: {closed:?}"))?;
        is_answered(&mut new, SOON).await?;
        drop(new);
        // The next one has the same name and is somebody else: the seat has to be free.
        until_room_ends(&ctx.pod, &meeting.name).await?;
    }
    Ok(())
}

async fn remove(chair: &mut Client, eve: &mut Client, peer: &str) -> Outcome {
    chair.ask("removeParticipant", json!({ "peerId": peer })).await?;
    let closed = eve.closed_within(SOON).await;
    ensure(closed.as_ref().is_some_and(|(code, _)| *code == 4000), || format!("the removed participant: {closed:?}"))
}

/// Whether a newcomer waits in the lobby.
async fn waits(ctx: &Ctx, meeting: &MeetingGrant, peer: &str, who: &ParticipantGrant) -> Outcome<bool> {
    let mut client = Client::open(&ctx.pod, meeting, peer, who).await?;
    let told = client
        .until("lobby or permissions", |message| message["method"] == "lobby" || message["method"] == "permissions");
    let told = told.await?;
    Ok(told["method"] == "lobby" && told["data"]["state"] == "waiting")
}

async fn removed_guest(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut chair = enter(&ctx, &meeting, "chair", &moderator(identity("chair", HERE))).await?;
    let mut eve = enter(&ctx, &meeting, "eve", &guest("guest-eve", ELSEWHERE)).await?;
    remove(&mut chair, &mut eve, "eve").await?;
    is_kept_out(Client::open(&ctx.pod, &meeting, "eve", &guest("guest-eve", ELSEWHERE)).await, "the removed guest")
        .await?;
    let renamed = Client::open(&ctx.pod, &meeting, "adam", &guest("guest-eve", HERE)).await;
    is_kept_out(renamed, "the removed guest with another peerId and address").await?;
    let fresh = waits(&ctx, &meeting, "fresh", &guest("guest-fresh", ELSEWHERE)).await?;
    ensure(fresh, || "a fresh guest at the address of the removed one does not wait in the lobby".into())?;
    let other = waits(&ctx, &meeting, "other", &guest("guest-other", "203.0.113.99")).await?;
    ensure(!other, || "a guest from another address has to wait".into())?;
    is_answered(&mut chair, SOON).await
}

async fn removed_identity(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut chair = enter(&ctx, &meeting, "chair", &moderator(identity("chair", HERE))).await?;
    let mut eve = enter(&ctx, &meeting, "eve", &identity("eve", ELSEWHERE)).await?;
    remove(&mut chair, &mut eve, "eve").await?;
    let back = Client::open(&ctx.pod, &meeting, "adam", &identity("eve", "203.0.113.99")).await;
    is_kept_out(back, "the removed identity").await?;
    is_answered(&mut chair, SOON).await
}

async fn locked(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut chair = enter(&ctx, &meeting, "chair", &moderator(identity("chair", HERE))).await?;
    let mut bob = enter(&ctx, &meeting, "bob", &guest("guest-bob", HERE)).await?;
    chair.ask("setRoomLock", json!({ "locked": true })).await?;
    is_kept_out(Client::open(&ctx.pod, &meeting, "eve", &guest("guest-eve", HERE)).await, "a stranger").await?;
    let at_his_address = ParticipantGrant { address: Some(HERE.into()), ..keys::nobody() };
    let watch = |who| {
        let (ctx, meeting) = (ctx.clone(), meeting.clone());
        async move {
            is_kept_out(Client::open(&ctx.pod, &meeting, "bob", &who).await, "a stranger with a peerId from inside")
                .await
        }
    };
    for who in [guest("guest-eve", ELSEWHERE), at_his_address] {
        let (kept, stayed) = tokio::join!(watch(who), bob.read_for(SOON));
        stayed.map_err(|failure| wrong(format!("a stranger threw a participant out: {failure}")))?;
        kept?;
    }
    drop(bob);
    // Also once the seat is empty.
    let late = Client::open(&ctx.pod, &meeting, "bob", &keys::nobody()).await;
    is_kept_out(late, "a stranger with the peerId of one who has left").await?;
    is_answered(&mut chair, SOON).await
}
