//! Ids in a room. Each has its own type, so that they cannot be confused.

use std::fmt;

use serde::{Deserialize, Serialize};

/// One WebSocket; never reused in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

/// A pair of pipe transports between two sites, the same number at both; never reused in a room.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct PipeId(pub u64);

macro_rules! id {
    ($(#[$doc:meta] $name:ident)*) => {$(
        #[$doc]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        pub struct $name(pub String);

        impl fmt::Display for $name {
            fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.fmt(formatter)
            }
        }

        impl From<&str> for $name {
            fn from(id: &str) -> Self {
                Self(id.to_owned())
            }
        }
    )*};
}

id! {
    /// A participant, as named by its client; unique in the room.
    PeerId
    /// A WebRTC or plain transport.
    TransportId
    /// A stream from a participant into the room.
    ProducerId
    /// A stream to one participant.
    ConsumerId
    /// A data channel from a participant into the room.
    DataProducerId
    /// A data channel to one participant.
    DataConsumerId
}
