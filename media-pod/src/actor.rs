//! The actor around a room: passes inputs to it and executes the effects that it returns, in order. Operations of the media
//! plane take their time meanwhile (module `media_queue`).
//!
//! It makes no decision itself. It owns the room's handles of the media plane ([`media`]) and the queue to each client; both end with it.
//! A panic in the room or the media plane ends only this room: its clients are sent to a new room, which keeps the moderators' decisions.

pub(crate) mod borrowed;
mod frames;
pub(crate) mod handle;
pub mod input;
pub(crate) mod list_version;
pub mod media;
mod media_queue;
pub(crate) mod observed;
pub(crate) mod outbox;
mod publish_pace;
pub(crate) mod quota;
mod room_actor;
mod room_media;
pub(crate) mod supervise;
pub(crate) mod vocabulary;
