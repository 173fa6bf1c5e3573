//! Limits of a room and of a participant, and timeouts. Plain data.

use std::time::Duration;

use super::destinations::Destinations;

/// Participants from which the limit of consumers grows with their number. In smaller meetings they share what is configured.
const SHARED_FROM: usize = 1000;

/// Limits of a room. A request beyond a limit is refused with an error that names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Participants at the same time, not counting broadcasters.
    pub peers: usize,
    /// Connections that have not joined yet; beyond that the one that has waited longest is closed.
    pub unjoined: usize,
    /// Prepared connections, which have transports but have not entered; beyond that the oldest is closed. Their transports do not count
    /// as those of the room.
    pub prepared: usize,
    /// Hidden participants and recorders at the same time: they do not count as participants.
    pub unseated: usize,
    /// Clients in the lobby at the same time.
    pub lobby: usize,
    /// Broadcasters (senders and receivers without a WebSocket) at the same time.
    pub broadcasters: usize,
    /// Transports of one participant. Two are in use; an abandoned pair may still exist.
    pub transports_per_peer: usize,
    /// Producers of one participant.
    pub producers_per_peer: usize,
    /// Consumers of one participant.
    pub consumers_per_peer: usize,
    /// Data producers of one participant.
    pub data_producers_per_peer: usize,
    /// Consumers of one plain transport.
    pub plain_consumers: usize,
    /// Where plain RTP may be sent.
    pub plain_destinations: Destinations,
    /// Transports in the room, without those of prepared connections.
    pub transports: usize,
    /// Producers in the room.
    pub producers: usize,
    /// Consumers in the room.
    pub consumers: usize,
    /// Data producers in the room.
    pub data_producers: usize,
    /// Additional copies of every consumer that a participant may request (`consumerReplicas` of the demo).
    pub replicas: usize,
    /// Chat messages that are kept for late joiners.
    pub chat_messages: usize,
    /// An empty room ends after this time.
    pub empty_timeout: Duration,
    /// A client whose media has been disconnected for this long is closed and has to reconnect.
    pub ice_grace: Duration,
    /// A client that does not join within this time is closed and has to reconnect. Long, because users have to find the permission prompt.
    pub join_timeout: Duration,
    /// A prepared connection that does not enter within this time is closed.
    pub prepare_timeout: Duration,
    /// A client in the lobby is closed after this time.
    pub lobby_timeout: Duration,
    /// A broadcaster that does not send, receive or call for this long is removed.
    pub broadcaster_timeout: Duration,
    /// Maximum time that a voice waits until all receivers have accepted it. Offers themselves do not expire.
    pub answer_timeout: Duration,
}

impl Limits {
    /// Raised to the needs of this number of participants: three transports, a microphone, a camera and a screen, and two data channels
    /// each, twelve streams to receive in a meeting for more than 1000, and a tenth of them who join at the same time.
    #[must_use]
    pub fn for_people(self, people: usize) -> Self {
        Self {
            peers: people,
            transports: self.transports.max(people * 3),
            producers: self.producers.max(people * 3),
            data_producers: self.data_producers.max(people * 2),
            consumers: self.consumers.max(if people > SHARED_FROM { people * 12 } else { 0 }),
            unjoined: self.unjoined.max(people / 10),
            ..self
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            peers: 100,
            unjoined: 200,
            prepared: 200,
            unseated: 20,
            lobby: 100,
            broadcasters: 16,
            transports_per_peer: 4,
            producers_per_peer: 8,
            consumers_per_peer: 1000,
            data_producers_per_peer: 8,
            plain_consumers: 8,
            plain_destinations: Destinations::default(),
            transports: 1000,
            producers: 500,
            consumers: 20_000,
            data_producers: 500,
            replicas: 8,
            chat_messages: 200,
            empty_timeout: Duration::from_mins(5),
            ice_grace: Duration::from_secs(30),
            join_timeout: Duration::from_mins(10),
            prepare_timeout: Duration::from_mins(10),
            lobby_timeout: Duration::from_mins(15),
            broadcaster_timeout: Duration::from_mins(2),
            answer_timeout: Duration::from_secs(30),
        }
    }
}
