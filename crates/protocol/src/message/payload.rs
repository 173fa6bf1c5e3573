//! The data of messages, one file per subject. Types only.

mod absent;
mod chat;
mod consumer;
mod data;
mod device;
mod moderation;
mod moving;
mod peer;
mod people;
mod producer;
mod session;
mod transport;

pub use chat::*;
pub use consumer::*;
pub use data::*;
pub use device::*;
pub use moderation::*;
pub use moving::*;
pub use peer::*;
pub use people::*;
pub use producer::*;
pub use session::*;
pub use transport::*;
