//! Links between media pods: a room's pod runs operations on another one, which returns outcomes and events. The messages, and the side of the
//! room's pod; the other side is `crate::lent`.
//!
//! It knows no room, and does not decide which pods are linked.

mod certificate;
mod dial;
pub(crate) mod error;
pub(crate) mod frames;
mod input;
pub(crate) mod path;
mod session;

pub(crate) use certificate::fingerprint;
pub(crate) use dial::Dial;
pub(crate) use frames::LinkRequest;
pub(crate) use input::LinkInput;
