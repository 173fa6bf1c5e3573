//! The actor around a room: passes inputs to it and executes the effects that it returns, in order.
//!
//! It makes no decision itself. It owns the room's handles of the media plane ([`media`]) and the queue to each client; both end with it.
//! A panic in the room or the media plane ends only this room: its clients are sent to a new room, which keeps the moderators' decisions.

mod frames;
pub(crate) mod handle;
pub mod input;
pub(crate) mod list_version;
pub mod media;
pub(crate) mod observed;
pub(crate) mod outbox;
pub(crate) mod quota;
mod room_actor;
pub(crate) mod supervise;
pub(crate) mod vocabulary;
