//! Close codes and reasons of connections. Clients match on the reasons, so their wording is part of the wire contract.

use convene_protocol::frame::{CLOSE_COME_BACK, CLOSE_FINAL};

/// Close code and reason.
pub(crate) type Close = (u16, &'static str);

pub(crate) const MEETING_ENDED: Close = (CLOSE_FINAL, "meeting ended");
pub(crate) const MEETING_MOVES: Close = (CLOSE_COME_BACK, "the meeting is moving: please reconnect");
pub(crate) const ENDED_BY_MODERATOR: Close = (CLOSE_FINAL, "the meeting was ended by a moderator");
pub(crate) const ROOM_EMPTY: Close = (CLOSE_COME_BACK, "the room was empty");
pub(crate) const WORKER_ENDED: Close = (CLOSE_COME_BACK, "the media worker ended: please reconnect");

pub(crate) const SITE_LOST: Close = (CLOSE_COME_BACK, "a media pod of the meeting was lost: please reconnect");

pub(crate) const REMOVED: Close = (CLOSE_FINAL, "removed by a moderator");
pub(crate) const EXPELLED: Close = (CLOSE_FINAL, "removed from the meeting");
pub(crate) const REPLACED: Close = (CLOSE_FINAL, "replaced by a newer connection of the same peer");
pub(crate) const BROADCASTER_REPLACED: Close = (CLOSE_FINAL, "replaced by a broadcaster with the same id");

pub(crate) const IN_USE: Close = (CLOSE_FINAL, "this peerId is in use");
pub(crate) const LOCKED: Close = (CLOSE_FINAL, "the meeting is locked");
pub(crate) const FULL: Close = (CLOSE_FINAL, "the meeting is full");
pub(crate) const UNSEATED_FULL: Close = (CLOSE_FINAL, "too many hidden participants or recorders");
pub(crate) const INVITATION_USED: Close = (CLOSE_FINAL, "this invitation was used by another participant");
pub(crate) const NOT_ACCEPTING: Close =
    (CLOSE_COME_BACK, "this media pod is not accepting new participants: please reconnect");

pub(crate) const NO_LONGER_PREPARED: Close = (CLOSE_COME_BACK, "this connection is no longer prepared");

pub(crate) const LOBBY_FULL: Close = (CLOSE_FINAL, "the lobby is full");
pub(crate) const LOBBY_EXPIRED: Close = (CLOSE_FINAL, "no moderator admitted you");
pub(crate) const DENIED: Close = (CLOSE_FINAL, "refused by a moderator");

pub(crate) const NO_SIGN_OF_LIFE: Close = (CLOSE_COME_BACK, "no sign of life: please reconnect");
pub(crate) const ASK_AGAIN: Close = (CLOSE_COME_BACK, "the meeting has moved: please reconnect");
pub(crate) const DECIDED_MEANWHILE: Close = (CLOSE_COME_BACK, "a moderator has changed who may join: please reconnect");
pub(crate) const TOO_MANY_JOINING: Close = (CLOSE_COME_BACK, "too many clients are waiting to join: please reconnect");

pub(crate) const MEDIA_LOST: Close = (CLOSE_COME_BACK, "media connection lost: please reconnect");
pub(crate) const JOIN_TIMEOUT: Close = (CLOSE_COME_BACK, "did not join in time: please reconnect");
pub(crate) const BROADCASTER_IDLE: Close = (CLOSE_FINAL, "nothing is sent or received");
