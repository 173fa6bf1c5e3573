//! Bounds of a snapshot: how many, how long, and in which form. Pure; it changes nothing.
//!
//! The counts are those that a room keeps itself; a restored room therefore never holds more than one that has grown.

use super::{
    MeetingGrant, RememberedPerson, RoomMemory, RoomSnapshot, SnapshotChat, SnapshotError, SnapshotModeration,
    SnapshotPerson, SnapshotWaiting,
};
use crate::id::{is_id, is_peer_id};
use crate::message::{ChatMessage, MAX_CHAT_TEXT};

/// Participants of a room, and those who have just left it: twice the largest meeting, with recorders and hidden participants.
const MAX_PEOPLE: usize = 25_000;
/// Clients that need a ticket: those in the room and in its lobby.
const MAX_CLIENTS: usize = 25_000;
/// Clients in a lobby.
const MAX_LOBBY: usize = 1000;
/// Removed participants, their addresses, and participants whose permissions were changed.
const MAX_DECISIONS: usize = 1000;
/// Participants admitted from the lobby.
const MAX_ADMITTED: usize = 2000;
/// Used invitations.
const MAX_INVITATIONS: usize = 10_000;
/// Remembered speakers.
const MAX_SPEAKERS: usize = 256;
/// Chat messages.
const MAX_MESSAGES: usize = 10_000;
/// Longest address, in bytes: the /64 of an IPv6 address.
const MAX_ADDRESS: usize = 64;
/// Longest title, in characters.
const MAX_TITLE: usize = 200;
/// Maximum number of participants of a meeting.
const MAX_PARTICIPANTS: u32 = 10_000;
/// Longest name, in bytes: those of join tokens are longer than what people type, and fit into a token.
const MAX_NAME: usize = 8192;
/// Longest time in seconds before an empty room is closed: a day.
const MAX_EMPTY_TIMEOUT: u64 = 86_400;
/// Codecs of a meeting, and the length of each name.
const MAX_CODECS: usize = 32;
/// Numbers that are exact in readers that have only doubles.
const MAX_EXACT: u64 = 1 << 53;

type Checked = Result<(), SnapshotError>;

fn ensure(is_so: bool, field: &'static str, problem: &'static str) -> Checked {
    if is_so { Ok(()) } else { Err(SnapshotError::OutOfBounds { field, problem }) }
}

fn at_most<T>(list: &[T], most: usize, field: &'static str) -> Checked {
    ensure(list.len() <= most, field, "has too many entries")
}

pub(super) fn snapshot(snapshot: &RoomSnapshot) -> Checked {
    let RoomSnapshot { v: _, meeting, clients, room } = snapshot;
    check_meeting(meeting)?;
    at_most(clients, MAX_CLIENTS, "clients")?;
    clients.iter().try_for_each(|client| peer_id(&client.peer_id, "clients"))?;
    check_room(room)
}

fn check_meeting(meeting: &MeetingGrant) -> Checked {
    let settings = &meeting.settings;
    ensure(settings.title.chars().count() <= MAX_TITLE, "meeting.title", "is too long")?;
    let is_in_range = (1..=MAX_PARTICIPANTS).contains(&settings.max_participants);
    ensure(is_in_range, "meeting.maxParticipants", "is not between 1 and 10000")?;
    ensure(settings.empty_timeout_seconds <= MAX_EMPTY_TIMEOUT, "meeting.emptyTimeoutSeconds", "is more than a day")?;
    at_most(&meeting.codecs, MAX_CODECS, "meeting.codecs")?;
    ensure(meeting.codecs.iter().all(|codec| codec.len() <= MAX_CODECS), "meeting.codecs", "has a long name")
}

fn check_room(room: &RoomMemory) -> Checked {
    let RoomMemory { people, lobby, moderation, chat, speakers } = room;
    at_most(people, MAX_PEOPLE, "room.people")?;
    people.iter().try_for_each(check_person)?;
    at_most(lobby, MAX_LOBBY, "room.lobby")?;
    lobby.iter().try_for_each(check_waiting)?;
    at_most(speakers, MAX_SPEAKERS, "room.speakers")?;
    speakers.iter().try_for_each(|id| peer_id(id, "room.speakers"))?;
    check_moderation(moderation)?;
    check_chat(chat)
}

fn check_person(one: &SnapshotPerson) -> Checked {
    const FIELD: &str = "room.people";
    peer_id(&one.peer_id, FIELD)?;
    identity(one.person.as_deref(), FIELD)?;
    address(one.address.as_deref(), FIELD)
}

fn check_waiting(one: &SnapshotWaiting) -> Checked {
    const FIELD: &str = "room.lobby";
    peer_id(&one.peer_id, FIELD)?;
    identity(one.person.as_deref(), FIELD)?;
    address(one.address.as_deref(), FIELD)?;
    one.display_name.as_deref().map_or(Ok(()), |name| display_name(name, FIELD))
}

fn check_moderation(moderation: &SnapshotModeration) -> Checked {
    let SnapshotModeration { locked: _, lobby: _, bans, addresses, admitted, changes, invitations } = moderation;
    at_most(bans, MAX_DECISIONS, "room.moderation.bans")?;
    at_most(addresses, MAX_DECISIONS, "room.moderation.addresses")?;
    at_most(admitted, MAX_ADMITTED, "room.moderation.admitted")?;
    at_most(changes, MAX_DECISIONS, "room.moderation.changes")?;
    at_most(invitations, MAX_INVITATIONS, "room.moderation.invitations")?;
    bans.iter().try_for_each(|one| person(one, "room.moderation.bans"))?;
    admitted.iter().try_for_each(|one| person(one, "room.moderation.admitted"))?;
    changes.iter().try_for_each(|change| person(&change.person, "room.moderation.changes"))?;
    addresses.iter().try_for_each(|one| address(Some(one), "room.moderation.addresses"))?;
    invitations.iter().try_for_each(|used| {
        const FIELD: &str = "room.moderation.invitations";
        let is_hash = used.hash.len() == 16 && used.hash.bytes().all(|byte| byte.is_ascii_hexdigit());
        ensure(is_hash, FIELD, "has a hash without 16 hexadecimal digits")?;
        person(&used.person, FIELD)
    })
}

fn check_chat(chat: &SnapshotChat) -> Checked {
    const FIELD: &str = "room.chat";
    at_most(&chat.messages, MAX_MESSAGES, FIELD)?;
    ensure(chat.next_id <= MAX_EXACT, FIELD, "has a number that is too large")?;
    let ids = chat.messages.iter().map(|message| message.id).chain([chat.next_id]);
    ensure(ids.is_sorted_by(|earlier, later| earlier < later), FIELD, "has numbers out of order")?;
    chat.messages.iter().try_for_each(|message| check_message(message, FIELD))
}

fn check_message(message: &ChatMessage, field: &'static str) -> Checked {
    peer_id(&message.peer_id, field)?;
    display_name(&message.display_name, field)?;
    ensure(message.text.len() <= MAX_CHAT_TEXT, field, "has a text that is too long")?;
    ensure(message.sent_at <= MAX_EXACT, field, "has a time that is too large")
}

fn peer_id(id: &str, field: &'static str) -> Checked {
    ensure(is_peer_id(id), field, "has an invalid peerId")
}

fn identity(person: Option<&str>, field: &'static str) -> Checked {
    ensure(person.is_none_or(is_id), field, "has a person without 32 hexadecimal digits")
}

fn address(address: Option<&str>, field: &'static str) -> Checked {
    ensure(address.is_none_or(|address| address.len() <= MAX_ADDRESS), field, "has a long address")
}

fn display_name(name: &str, field: &'static str) -> Checked {
    ensure(name.len() <= MAX_NAME, field, "has a long name")
}

fn person(person: &RememberedPerson, field: &'static str) -> Checked {
    match person {
        RememberedPerson::Proven(hash) => identity(Some(hash), field),
        RememberedPerson::Unproven(id) => peer_id(id, field),
    }
}
