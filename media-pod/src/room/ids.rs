//! Names of things in a room. Strings and numbers in types of their own, so that one is never taken for another.

use std::fmt;

/// One WebSocket; never used twice in a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ConnectionId(pub u64);

macro_rules! id {
    ($(#[$doc:meta] $name:ident)*) => {$(
        #[$doc]
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
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
    /// A WebRTC transport.
    TransportId
    /// A stream into the room.
    ProducerId
    /// A stream to one participant.
    ConsumerId
    /// Messages into the room.
    DataProducerId
    /// Messages to one participant.
    DataConsumerId
}
