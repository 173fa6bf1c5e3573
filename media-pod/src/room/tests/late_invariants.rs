//! The invariants of a room whose operations take their time: outcomes come late, in any order between sites, and some fail.

use super::broadcasting::some_call;
use super::invariants::{some_grant, some_request};
use super::plane::{Kind, SITES};
use super::*;
use crate::room::RoomStats;
use crate::room::broadcaster::BroadcasterRequest;

/// Connections of the crowd.
const CONNECTIONS: u64 = 10;

#[derive(Clone, Copy, Debug)]
enum Act {
    /// Connects, creates both transports and joins, without waiting for anything.
    Arrive(u64, u8, u8),
    Prepare(u64, u8, u8),
    Disconnect(u64),
    Ask(u64, usize, u64),
    Answer(u64, u64, bool),
    Broadcast(u8, usize, u64),
    /// The next outcome of a site; it may be an error.
    Complete(usize, bool),
    Wait(u64),
    Remove(u8),
    Lock(bool),
    Move(u8),
}

fn act() -> impl Strategy<Value = Act> {
    let connection = || 0..CONNECTIONS;
    prop_oneof![
        3 => (connection(), 0u8..4, any::<u8>()).prop_map(|(one, peer, rights)| Act::Arrive(one, peer, rights)),
        1 => (connection(), 0u8..4, any::<u8>()).prop_map(|(one, peer, rights)| Act::Prepare(one, peer, rights)),
        1 => connection().prop_map(Act::Disconnect),
        6 => (connection(), 0usize..25, 0u64..60).prop_map(|(one, what, id)| Act::Ask(one, what, id)),
        3 => (connection(), prop::sample::select(vec![2, 3, 8, 9, 15, 18]), 0u64..60)
            .prop_map(|(one, what, id)| Act::Ask(one, what, id)),
        2 => (connection(), 0u64..6, any::<bool>()).prop_map(|(one, id, is_ok)| Act::Answer(one, id, is_ok)),
        3 => (0u8..4, 0usize..9, 0u64..60).prop_map(|(peer, what, id)| Act::Broadcast(peer, what, id)),
        12 => (0..SITES, prop::bool::weighted(0.1)).prop_map(|(site, fails)| Act::Complete(site, fails)),
        1 => (0u64..40).prop_map(Act::Wait),
        1 => (0u8..4).prop_map(Act::Remove),
        1 => any::<bool>().prop_map(Act::Lock),
        1 => (0u8..8).prop_map(Act::Move),
    ]
}

/// Limits that a small crowd reaches.
fn limits() -> Limits {
    Limits {
        transports_per_peer: 3,
        transports: 9,
        producers_per_peer: 2,
        producers: 5,
        consumers_per_peer: 4,
        consumers: 12,
        data_producers_per_peer: 2,
        data_producers: 5,
        ..Limits::default()
    }
}

/// Everything that was asked, and who is gone.
#[derive(Default)]
struct Crowd {
    used: BTreeSet<u64>,
    gone: BTreeSet<ConnectionId>,
    asked: Vec<(ConnectionId, u64)>,
    /// Requests that were sent on a connection that had ended: they are refused.
    moot: BTreeSet<u64>,
    calls: Vec<ConnectionId>,
    /// Messages that were read.
    read: usize,
}

impl Harness {
    /// A transport of the client or broadcaster, if there is one, or any number.
    fn some_transport(&self, peer: Option<PeerId>, id: u64) -> u64 {
        let own = peer.filter(|peer| self.room.seats.contains(peer)).map(|peer| self.room.tracks.transports_of(&peer));
        let own: Vec<u64> = own.unwrap_or_default().iter().filter_map(|transport| transport.0.parse().ok()).collect();
        usize::try_from(id).ok().and_then(|id| own.get(id % own.len().max(1)).copied()).unwrap_or(id)
    }

    fn some_producer(&self, id: u64) -> Option<ProducerId> {
        let all: Vec<_> = self.room.seats.iter().flat_map(|(peer, _)| self.room.tracks.producers_of(peer)).collect();
        let place = usize::try_from(id).ok()? % all.len().max(1);
        all.get(place).map(|(producer, _)| (*producer).clone())
    }

    fn send(&mut self, connection: u64, request: ClientRequest, crowd: &mut Crowd) {
        self.next_request += 1;
        let (connection, id) = (ConnectionId(connection), self.next_request);
        crowd.asked.push((connection, id));
        if crowd.gone.contains(&connection) {
            crowd.moot.insert(id);
        }
        self.handle(Command::Request { connection, id, request });
    }

    fn act(&mut self, act: Act, crowd: &mut Crowd) {
        match act {
            Act::Arrive(connection, peer, rights) => {
                if crowd.used.insert(connection) {
                    let replicas = usize::try_from(connection % 3).unwrap_or(0);
                    let moves = connection.is_multiple_of(2);
                    let peer = format!("peer-{peer}");
                    self.arrive(Connect { replicas, moves, ..client(connection, &peer, some_grant(rights)) });
                    for what in [1, 2, 0] {
                        self.send(connection, some_request(what, 0), crowd);
                    }
                }
            }
            Act::Prepare(connection, peer, rights) => {
                if crowd.used.insert(connection) {
                    self.prepare_as(connection, &format!("peer-{peer}"), some_grant(rights));
                    self.send(connection, some_request(2, 0), crowd);
                }
            }
            Act::Disconnect(connection) if !crowd.used.contains(&connection) => {}
            Act::Disconnect(connection) => {
                let connection = ConnectionId(connection);
                self.handle(Command::Disconnected { connection });
                crowd.gone.insert(connection);
            }
            Act::Ask(connection, what, id) => {
                let peer = self.room.seats.id_on(ConnectionId(connection));
                let id = if [3, 9].contains(&what) { self.some_transport(peer, id) } else { id };
                self.send(connection, some_request(what, id), crowd);
            }
            Act::Answer(connection, id, is_ok) => {
                self.handle(Command::Answered { connection: ConnectionId(connection), id, is_ok });
            }
            Act::Broadcast(peer, what, id) => {
                let peer = format!("peer-{peer}");
                let transport = self.some_transport(Some(PeerId::from(peer.as_str())), id);
                let request = match some_call(what, transport) {
                    BroadcasterRequest::Consume { transport, paused, rtp_capabilities, .. } => {
                        let producer = self.some_producer(id).unwrap_or_else(|| ProducerId::from("0"));
                        BroadcasterRequest::Consume { transport, producer, paused, rtp_capabilities }
                    }
                    request => request,
                };
                let call = self.call(&peer, request);
                crowd.calls.push(call);
            }
            Act::Complete(site, fails) => {
                self.complete(site, fails);
            }
            Act::Wait(seconds) => {
                self.now += Duration::from_secs(seconds);
                self.handle(Command::Tick);
            }
            Act::Remove(peer) => self.handle(Command::Remove(PeerId(format!("peer-{peer}")))),
            Act::Lock(is_locked) => self.set(|settings| settings.locked = is_locked),
            Act::Move(what) => self.handle(Command::Move(invariants::some_step(what))),
        }
    }

    /// No client gets a message after its connection has ended. Then notes who has been closed.
    fn check_messages(&mut self, crowd: &mut Crowd) {
        for (to, message) in &self.sent[crowd.read..] {
            let is_refusal = matches!(message, Outgoing::Failure { id, .. } if crowd.moot.contains(id));
            assert!(!crowd.gone.contains(to) || is_refusal, "{to:?} is gone and gets {message:?}");
        }
        crowd.read = self.sent.len();
        crowd.gone.extend(self.closed.iter().map(|(connection, ..)| *connection));
    }

    fn answers(&self, connection: ConnectionId, id: u64) -> usize {
        let is_answer = |(to, message): &&(ConnectionId, Outgoing)| {
            let of = match message {
                Outgoing::Success(of, _) | Outgoing::Failure { id: of, .. } => *of,
                _ => return false,
            };
            *to == connection && of == id
        };
        self.sent.iter().filter(is_answer).count()
    }

    /// Every request was answered once, unless its client is gone or waits to be admitted.
    fn check_answers(&self, crowd: &Crowd) {
        for (connection, id) in &crowd.asked {
            let waits = self.room.lobby.id_on(*connection).is_some() || self.room.pending.id_on(*connection).is_some();
            let count = self.answers(*connection, *id);
            assert!(count <= 1, "request {id} of {connection:?} was answered {count} times");
            assert!(count == 1 || waits || crowd.gone.contains(connection), "request {id} of {connection:?}");
        }
        for call in &crowd.calls {
            assert_eq!(self.answers(*call, 0), 1, "call {call:?}");
        }
    }
}

proptest! {
    /// Whatever happens, and whenever outcomes come: every request is answered once or its client is gone, no client gets a message after its
    /// close, no limit is exceeded by what is open and on its way, no stream is sent twice to one receiver (the plane asserts both), the room
    /// knows exactly what is open once everything has come, and when all are gone nothing is left open.
    #[test]
    fn late_outcomes_leave_nothing_behind(acts in proptest::collection::vec(act(), 0..150)) {
        let (mut room, mut crowd) = (Harness::new(limits()), Crowd::default());
        room.delay();
        for act in acts {
            room.act(act, &mut crowd);
            room.check_messages(&mut crowd);
        }
        room.complete_all();
        room.check_messages(&mut crowd);
        room.check_answers(&crowd);
        prop_assert!(room.plane.agrees_with(&room.room.stats()), "{:?} is open, known: {:?}", room.plane, room.room.stats());
        for connection in 0..CONNECTIONS {
            room.handle(Command::Disconnected { connection: ConnectionId(connection) });
        }
        for peer in 0..4 {
            room.call(&format!("peer-{peer}"), BroadcasterRequest::Leave);
        }
        room.complete_all();
        prop_assert!(room.plane.is_empty(), "{:?}", room.plane);
        prop_assert!(room.room.tracks.is_settled() && room.room.data.is_settled() && room.room.early.is_empty());
        prop_assert_eq!(room.room.stats(), RoomStats::default());
    }

    /// All leave while everything is on its way, at any moment.
    #[test]
    fn nothing_is_left_when_all_leave_at_once(acts in proptest::collection::vec(act(), 0..80), sites in proptest::collection::vec(0..SITES, 100)) {
        let (mut room, mut crowd) = (Harness::new(limits()), Crowd::default());
        room.delay();
        for act in acts {
            room.act(act, &mut crowd);
        }
        for connection in 0..CONNECTIONS {
            room.handle(Command::Disconnected { connection: ConnectionId(connection) });
        }
        for peer in 0..4 {
            room.call(&format!("peer-{peer}"), BroadcasterRequest::Leave);
        }
        for site in sites {
            room.complete(site, false);
        }
        room.complete_all();
        for kind in [Kind::Transport, Kind::Producer, Kind::Consumer, Kind::DataProducer, Kind::DataConsumer] {
            prop_assert_eq!(room.plane.count(kind), 0, "{:?}", kind);
        }
        prop_assert!(room.room.tracks.is_settled() && room.room.data.is_settled());
    }
}
