//! The access decision: who a client is, and what it may do in a meeting.
//!
//! Pure. An invalid token is refused even if the meeting requires none: a client that sends one expects to be identified. Access to a locked
//! meeting is not decided here: only its media pod knows who was a participant before.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_crds::{AccessPolicy, JoinAs};
use convene_join_token::MeetingKey;
use convene_join_token::{JoinGrant, JoinKeys, TokenError, verify};
use convene_protocol::admission::{AdmissionError, GuestId, JoinTicket, KeySet, ParticipantGrant, Vouched};

use crate::edge::refusal::JoinRefusal;
use crate::index::record::MeetingRecord;

/// The credential of a client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Credential {
    /// No credential.
    Guest,
    /// A valid join token.
    Token(Box<JoinGrant>),
    /// A valid ticket of this router or another replica.
    Ticket(Box<JoinTicket>),
}

/// The credential that `token` stands for. Tickets and join tokens differ in the key that they reference: that of a router or of an
/// application.
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
            // It could be a ticket.
            Err(TokenError::KeyUnknown) if found.is_none() => Err(JoinRefusal::KeysUnknown),
            Err(error) => Err(JoinRefusal::Token(error)),
        },
    }
}

/// A rule that turns the token of a request into a credential: [`identify`] or [`identify_returning`].
pub(crate) type Identify =
    fn(Option<&str>, &MeetingKey, Option<&KeySet>, &JoinKeys, u64) -> Result<Credential, JoinRefusal>;

/// The same for the join API, which also accepts recently expired tickets: they prove that the same participant returns, and participants
/// may return after their join token has expired. A ticket is no longer accepted once the application key that vouches for it is removed, or
/// the maximum token lifetime has passed.
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
        key.is_some_and(|key| key.is_valid_for(&ticket.namespace))
            && now <= vouched.at.saturating_add(keys.max_lifetime)
    };
    ticket.participant.identity.is_none() || ticket.vouched.as_ref().is_some_and(is_good)
}

/// The grant of a client with this credential, by the current state of the meeting. `browser` is the guest id of its cookie; the guest id
/// of a ticket takes precedence.
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
        // No application vouches for guests, so the current rules apply to them. Their guest id stays the same.
        Credential::Ticket(ticket) if ticket.participant.identity.is_none() => {
            return guest(meeting, ticket.participant.guest.clone().or_else(guest_id));
        }
        Credential::Ticket(ticket) => ticket.participant.clone(),
    };
    // The ticket may be from a router version without this rule.
    if participant.recorder && participant.hidden {
        return Err(JoinRefusal::Token(TokenError::HiddenRecords));
    }
    if participant.recorder && !meeting.may_be_recorded {
        return Err(JoinRefusal::RecordingOff);
    }
    Ok(participant)
}

fn guest(meeting: &MeetingRecord, guest: Option<String>) -> Result<ParticipantGrant, JoinRefusal> {
    let viewer = meeting.join_as == JoinAs::Viewer;
    match meeting.policy {
        AccessPolicy::Open => Ok(ParticipantGrant { guest, viewer, ..ParticipantGrant::default() }),
        AccessPolicy::Lobby => Ok(ParticipantGrant { lobby: true, guest, viewer, ..ParticipantGrant::default() }),
        AccessPolicy::Token => Err(JoinRefusal::TokenRequired),
    }
}

fn build_participant(meeting: &MeetingRecord, grant: &JoinGrant) -> ParticipantGrant {
    let participant = &grant.participant;
    let moderator = participant.moderator || meeting.moderators.contains(&participant.identity);
    let is_more = moderator || participant.hidden || participant.recorder;
    ParticipantGrant {
        moderator,
        viewer: !is_more && participant.viewer.unwrap_or(meeting.join_as == JoinAs::Viewer),
        identity: Some(participant.identity.clone()),
        name: participant.name.clone(),
        lobby: false,
        publish: grant.publish,
        subscribe: participant.subscribe,
        publish_data: participant.publish_data,
        hidden: participant.hidden,
        recorder: participant.recorder,
        receive_plain: participant.receive_plain,
        once: participant.once.clone(),
        ..ParticipantGrant::default()
    }
}

/// Whether the ticket is for this meeting, and not for another one with the same name.
pub(crate) fn is_for(ticket: &JoinTicket, meeting: &MeetingRecord) -> bool {
    let JoinTicket { namespace, name, uid, .. } = ticket;
    namespace == meeting.key.namespace() && name == meeting.key.name() && *uid == meeting.uid
}

#[cfg(test)]
mod tests;
