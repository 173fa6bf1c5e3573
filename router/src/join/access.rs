//! The access decision: who somebody is, and what they may do in this meeting.
//!
//! Pure. A token that is wrong is refused even where none is needed: whoever shows one means to be somebody. Whether a locked meeting takes
//! somebody is not decided here: only its media pod knows who has been in already.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_crds::AccessPolicy;
use convene_join_token::MeetingKey;
use convene_join_token::{JoinGrant, JoinKeys, TokenError, verify};
use convene_protocol::admission::{AdmissionError, GuestId, JoinTicket, KeySet, ParticipantGrant, Vouched};

use crate::edge::refusal::JoinRefusal;
use crate::index::record::MeetingRecord;

/// What somebody has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// Nothing.
    Guest,
    /// A join token, which is good.
    Token(Box<JoinGrant>),
    /// A ticket of this router or a replica, which is good.
    Ticket(Box<JoinTicket>),
}

/// Who has shown `token`. A ticket is told from a join token by the key it names: routers' keys and applications' keys are different ones.
pub(crate) fn identify(
    token: Option<&str>,
    meeting: &MeetingKey,
    tickets: Option<&KeySet>,
    keys: &JoinKeys,
    now: u64,
) -> Result<Credential, JoinRefusal> {
    let Some(token) = token else { return Ok(Credential::Guest) };
    match tickets.map(|tickets| tickets.verify_ticket(token, now)) {
        Some(Ok(ticket)) => Ok(Credential::Ticket(Box::new(ticket))),
        Some(Err(AdmissionError::Expired)) => Err(JoinRefusal::TicketExpired),
        Some(Err(AdmissionError::Invalid)) => Err(JoinRefusal::TicketInvalid),
        found => match verify(token, keys, meeting, now) {
            Ok(grant) => Ok(Credential::Token(Box::new(grant))),
            // It may be a ticket.
            Err(TokenError::KeyUnknown) if found.is_none() => Err(JoinRefusal::KeysUnknown),
            Err(error) => Err(JoinRefusal::Token(error)),
        },
    }
}

/// A rule that turns the token of a request into a credential: [`identify`] or [`identify_returning`].
pub(crate) type Identify =
    fn(Option<&str>, &MeetingKey, Option<&KeySet>, &JoinKeys, u64) -> Result<Credential, JoinRefusal>;

/// The same at the join API, which also takes tickets that have expired lately: they prove that the same participant returns. Who is in may
/// come back after the join token has expired. What an application has vouched for ends with its key, and after the longest time for which a
/// token may be valid.
pub(crate) fn identify_returning(
    token: Option<&str>,
    meeting: &MeetingKey,
    tickets: Option<&KeySet>,
    keys: &JoinKeys,
    now: u64,
) -> Result<Credential, JoinRefusal> {
    let credential = match (identify(token, meeting, tickets, keys, now), token, tickets) {
        (Err(JoinRefusal::TicketExpired), Some(token), Some(tickets)) => {
            let ticket = tickets.verify_returning_ticket(token, now).map_err(|_| JoinRefusal::TicketExpired)?;
            Credential::Ticket(Box::new(ticket))
        }
        (credential, ..) => credential?,
    };
    match &credential {
        Credential::Ticket(ticket) if !is_vouched_for(ticket, keys, now) => Err(JoinRefusal::TicketExpired),
        _ => Ok(credential),
    }
}

fn is_vouched_for(ticket: &JoinTicket, keys: &JoinKeys, now: u64) -> bool {
    let is_good = |vouched: &Vouched| {
        let key = keys.get(&vouched.key);
        key.is_some_and(|key| key.opens(&ticket.namespace)) && now <= vouched.at.saturating_add(keys.max_lifetime)
    };
    ticket.participant.identity.is_none() || ticket.vouched.as_ref().is_some_and(is_good)
}

/// What a client with this credential may do in the meeting as it is now. `browser` is the guest id of its cookie; a guest's ticket that
/// has an id goes before it.
pub(crate) fn decide_access(
    meeting: &MeetingRecord,
    credential: &Credential,
    browser: Option<&GuestId>,
) -> Result<ParticipantGrant, JoinRefusal> {
    let guest_id = || browser.map(|id| id.in_meeting(&meeting.uid));
    let participant = match credential {
        Credential::Guest => return guest(meeting, guest_id()),
        Credential::Token(grant) => build_participant(meeting, grant),
        Credential::Ticket(ticket) if !is_for(ticket, meeting) => return Err(JoinRefusal::TicketInvalid),
        // No application has vouched for them: what holds for guests may have changed since. Which guest it is has not.
        Credential::Ticket(ticket) if ticket.participant.identity.is_none() => {
            return guest(meeting, ticket.participant.guest.clone().or_else(guest_id));
        }
        Credential::Ticket(ticket) => ticket.participant.clone(),
    };
    // A ticket may be older than this rule.
    if participant.recorder && participant.hidden {
        return Err(JoinRefusal::Token(TokenError::HiddenRecords));
    }
    if participant.recorder && !meeting.may_be_recorded {
        return Err(JoinRefusal::RecordingOff);
    }
    Ok(participant)
}

fn guest(meeting: &MeetingRecord, guest: Option<String>) -> Result<ParticipantGrant, JoinRefusal> {
    match meeting.policy {
        AccessPolicy::Open => Ok(ParticipantGrant { guest, ..ParticipantGrant::default() }),
        AccessPolicy::Lobby => Ok(ParticipantGrant { lobby: true, guest, ..ParticipantGrant::default() }),
        AccessPolicy::Token => Err(JoinRefusal::TokenRequired),
    }
}

fn build_participant(meeting: &MeetingRecord, grant: &JoinGrant) -> ParticipantGrant {
    ParticipantGrant {
        moderator: grant.moderator || meeting.moderators.contains(&grant.identity),
        identity: Some(grant.identity.clone()),
        name: grant.name.clone(),
        lobby: false,
        publish: grant.publish,
        subscribe: grant.subscribe,
        publish_data: grant.publish_data,
        hidden: grant.hidden,
        recorder: grant.recorder,
        receive_plain: grant.receive_plain,
        once: grant.once.clone(),
        ..ParticipantGrant::default()
    }
}

/// Whether the ticket was made for this meeting, and not for another one of the same name.
pub(crate) fn is_for(ticket: &JoinTicket, meeting: &MeetingRecord) -> bool {
    let JoinTicket { namespace, name, uid, .. } = ticket;
    namespace == meeting.key.namespace() && name == meeting.key.name() && *uid == meeting.uid
}

#[cfg(test)]
mod tests;
