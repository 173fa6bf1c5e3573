//! Participants who try to take the seat of another participant, or a seat that was taken from them.

use std::time::Duration;

use convene_protocol::admission::{MeetingGrant, ParticipantGrant};
use serde_json::json;

use super::{Attack, Context, is_answered, is_connection_refused};
use crate::client::Client;
use crate::failure::{Outcome, ensure, wrong};
use crate::keys::{self, guest, identity, moderator};
use crate::trial::wait_for_room_end;

const SOON: Duration = Duration::from_secs(2);
/// Time in which the pod decides about a seat and closes the old socket.
const DECISION_TIME: Duration = Duration::from_secs(6);
const HERE: &str = "198.51.100.10";
const ELSEWHERE: &str = "203.0.113.20";

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "seat-takeover",
            about: "another participant's peerId without proof",
            run: |context| Box::pin(takeover(context)),
        },
        Attack {
            name: "seat-of-vouched",
            about: "the peerId of a participant with an identity",
            run: |context| Box::pin(takeover_of_vouched(context)),
        },
        Attack {
            name: "removed-guest",
            about: "a removed guest returns: the same guest, with another name, as another guest at the address",
            run: |context| Box::pin(removed_guest(context)),
        },
        Attack {
            name: "removed-identity",
            about: "a removed identity returns with another peerId and address",
            run: |context| Box::pin(removed_identity(context)),
        },
        Attack {
            name: "locked-room",
            about: "strangers at a locked room, also with the peerId of a participant",
            run: |context| Box::pin(locked(context)),
        },
        Attack {
            name: "proof-returns",
            about: "a participant with proof gets the seat back immediately",
            run: |context| Box::pin(returns(context)),
        },
    ]
}

async fn enter(context: &Context, meeting: &MeetingGrant, peer: &str, who: &ParticipantGrant) -> Outcome<Client> {
    let mut client = Client::open(&context.pod, meeting, peer, who).await?;
    client.join(peer).await?;
    Ok(client)
}

/// Checks that the intruder is refused while the victim stays and gets responses.
async fn check_intruder(
    context: &Context,
    meeting: &MeetingGrant,
    victim: &mut Client,
    who: &ParticipantGrant,
    what: &str,
) -> Outcome {
    let intrude = async { is_connection_refused(Client::open(&context.pod, meeting, "bob", who).await, what).await };
    let (intruded, stayed) = tokio::join!(intrude, victim.read_for(DECISION_TIME));
    stayed.map_err(|failure| wrong(format!("{what} disconnected the participant: {failure}")))?;
    intruded?;
    is_answered(victim, SOON).await
}

async fn takeover(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut bob = enter(&context, &meeting, "bob", &guest("guest-bob", HERE)).await?;
    let at_his_address = ParticipantGrant { address: Some(HERE.into()), ..keys::anonymous() };
    let intruders = [
        ("a client without proof", keys::anonymous()),
        ("another guest", guest("guest-eve", ELSEWHERE)),
        ("another guest at the same address", guest("guest-eve", HERE)),
        ("a client without proof at the same address", at_his_address),
        ("an identity", identity("eve", ELSEWHERE)),
        ("a moderator", moderator(guest("guest-mod", ELSEWHERE))),
    ];
    for (what, who) in intruders.into_iter().take(if context.time < Duration::from_secs(10) { 3 } else { 6 }) {
        check_intruder(&context, &meeting, &mut bob, &who, what).await?;
    }
    Ok(())
}

async fn takeover_of_vouched(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut bob = enter(&context, &meeting, "bob", &identity("bob", HERE)).await?;
    for (what, who) in [("a guest", guest("guest-eve", HERE)), ("another identity", identity("eve", HERE))] {
        check_intruder(&context, &meeting, &mut bob, &who, what).await?;
    }
    Ok(())
}

async fn returns(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    for who in [guest("guest-bob", HERE), identity("bob", HERE)] {
        let mut old = enter(&context, &meeting, "bob", &who).await?;
        let mut new =
            enter(&context, &meeting, "bob", &ParticipantGrant { address: Some(ELSEWHERE.into()), ..who }).await?;
        let closed = old.closed_within(SOON).await;
        ensure(closed.as_ref().is_some_and(|(code, _)| *code == 4000), || format!("the old socket: {closed:?}"))?;
        is_answered(&mut new, SOON).await?;
        drop(new);
        // The next participant has the same name but another proof: the seat has to be free.
        wait_for_room_end(&context.pod, &meeting.name).await?;
    }
    Ok(())
}

async fn remove(chair: &mut Client, eve: &mut Client, peer: &str) -> Outcome {
    chair.ask("removeParticipant", json!({ "peerId": peer })).await?;
    let closed = eve.closed_within(SOON).await;
    ensure(closed.as_ref().is_some_and(|(code, _)| *code == 4000), || format!("the removed participant: {closed:?}"))
}

/// Whether a new client waits in the lobby.
async fn is_in_lobby(context: &Context, meeting: &MeetingGrant, peer: &str, who: &ParticipantGrant) -> Outcome<bool> {
    let mut client = Client::open(&context.pod, meeting, peer, who).await?;
    let state = client
        .until("lobby or permissions", |message| message["method"] == "lobby" || message["method"] == "permissions");
    let state = state.await?;
    Ok(state["method"] == "lobby" && state["data"]["state"] == "waiting")
}

async fn removed_guest(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut chair = enter(&context, &meeting, "chair", &moderator(identity("chair", HERE))).await?;
    let mut eve = enter(&context, &meeting, "eve", &guest("guest-eve", ELSEWHERE)).await?;
    remove(&mut chair, &mut eve, "eve").await?;
    is_connection_refused(
        Client::open(&context.pod, &meeting, "eve", &guest("guest-eve", ELSEWHERE)).await,
        "the removed guest",
    )
    .await?;
    let renamed = Client::open(&context.pod, &meeting, "adam", &guest("guest-eve", HERE)).await;
    is_connection_refused(renamed, "the removed guest with another peerId and address").await?;
    let fresh = is_in_lobby(&context, &meeting, "fresh", &guest("guest-fresh", ELSEWHERE)).await?;
    ensure(fresh, || "a new guest at the address of the removed one does not wait in the lobby".into())?;
    let other = is_in_lobby(&context, &meeting, "other", &guest("guest-other", "203.0.113.99")).await?;
    ensure(!other, || "a guest from another address has to wait".into())?;
    is_answered(&mut chair, SOON).await
}

async fn removed_identity(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut chair = enter(&context, &meeting, "chair", &moderator(identity("chair", HERE))).await?;
    let mut eve = enter(&context, &meeting, "eve", &identity("eve", ELSEWHERE)).await?;
    remove(&mut chair, &mut eve, "eve").await?;
    let back = Client::open(&context.pod, &meeting, "adam", &identity("eve", "203.0.113.99")).await;
    is_connection_refused(back, "the removed identity").await?;
    is_answered(&mut chair, SOON).await
}

async fn locked(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut chair = enter(&context, &meeting, "chair", &moderator(identity("chair", HERE))).await?;
    let mut bob = enter(&context, &meeting, "bob", &guest("guest-bob", HERE)).await?;
    chair.ask("setRoomLock", json!({ "locked": true })).await?;
    is_connection_refused(Client::open(&context.pod, &meeting, "eve", &guest("guest-eve", HERE)).await, "a stranger")
        .await?;
    let at_his_address = ParticipantGrant { address: Some(HERE.into()), ..keys::anonymous() };
    let watch = |who| {
        let (context, meeting) = (context.clone(), meeting.clone());
        async move {
            is_connection_refused(
                Client::open(&context.pod, &meeting, "bob", &who).await,
                "a stranger with the peerId of a participant",
            )
            .await
        }
    };
    for who in [guest("guest-eve", ELSEWHERE), at_his_address] {
        let (kept, stayed) = tokio::join!(watch(who), bob.read_for(SOON));
        stayed.map_err(|failure| wrong(format!("a stranger disconnected a participant: {failure}")))?;
        kept?;
    }
    drop(bob);
    // The same once the seat is empty.
    let late = Client::open(&context.pod, &meeting, "bob", &keys::anonymous()).await;
    is_connection_refused(late, "a stranger with the peerId of a participant who has left").await?;
    is_answered(&mut chair, SOON).await
}
