//! Objects that are on their way: requested from the media plane, which has not answered yet. They count against the limits like those that
//! exist, also when the client for which they were requested has left: they may be created all the same.
//!
//! They are recorded by connection, which unlike a peerId is never reused. Plain data; it requests nothing.

use std::collections::BTreeMap;

use convene_protocol::message::PublishSource;

use crate::room::interface::ids::{ConnectionId, PeerId, ProducerId, TransportId};

/// Everything that is on its way.
#[derive(Debug, Default)]
pub(super) struct Coming {
    /// Only those for which something is on its way.
    connections: BTreeMap<ConnectionId, OfConnection>,
    /// Consumers of all connections.
    consumers: usize,
    last_producer: u64,
}

/// Operations in flight for one connection.
#[derive(Debug, Default)]
struct OfConnection {
    transports: usize,
    /// Whether it has no seat yet.
    is_prepared: bool,
    /// By the number in their context.
    producers: BTreeMap<u64, ComingProducer>,
    /// The transports of the consumers of each producer.
    consumers: BTreeMap<ProducerId, Vec<TransportId>>,
    consumer_count: usize,
}

/// A producer that is on its way.
#[derive(Debug)]
struct ComingProducer {
    needs: PublishSource,
    /// The moderator who has muted it meanwhile.
    muted_by: Option<PeerId>,
}

impl Coming {
    pub(super) fn add_transport(&mut self, connection: ConnectionId, is_prepared: bool) {
        let of = self.connections.entry(connection).or_default();
        of.transports += 1;
        of.is_prepared = is_prepared;
    }

    pub(super) fn remove_transport(&mut self, connection: ConnectionId) {
        self.change(connection, |of| of.transports = of.transports.saturating_sub(1));
    }

    pub(super) fn transports_of(&self, connection: ConnectionId) -> usize {
        self.connections.get(&connection).map_or(0, |of| of.transports)
    }

    /// All transports of connections that have a seat or had one, or else of those that have never had one.
    pub(super) fn transports(&self, is_prepared: bool) -> usize {
        self.connections.values().filter(|of| of.is_prepared == is_prepared).map(|of| of.transports).sum()
    }

    /// A prepared connection was given a seat.
    pub(super) fn note_seat(&mut self, connection: ConnectionId) {
        self.change(connection, |of| of.is_prepared = false);
    }

    /// Returns the number for the producer's context.
    pub(super) fn add_producer(&mut self, connection: ConnectionId, needs: PublishSource) -> u64 {
        self.last_producer += 1;
        let producer = ComingProducer { needs, muted_by: None };
        self.connections.entry(connection).or_default().producers.insert(self.last_producer, producer);
        self.last_producer
    }

    /// Returns the moderator who has muted it meanwhile, if one has.
    pub(super) fn remove_producer(&mut self, connection: ConnectionId, number: u64) -> Option<PeerId> {
        self.change(connection, |of| of.producers.remove(&number))??.muted_by
    }

    /// The producers of a connection that need this permission are muted once they have come.
    pub(super) fn mute(&mut self, connection: ConnectionId, source: PublishSource, moderator: &PeerId) {
        let producers = self.connections.get_mut(&connection).into_iter().flat_map(|of| of.producers.values_mut());
        for producer in producers.filter(|producer| producer.needs == source) {
            producer.muted_by = Some(moderator.clone());
        }
    }

    pub(super) fn producers_of(&self, connection: ConnectionId) -> usize {
        self.connections.get(&connection).map_or(0, |of| of.producers.len())
    }

    pub(super) fn producers(&self) -> usize {
        self.connections.values().map(|of| of.producers.len()).sum()
    }

    pub(super) fn add_consumer(&mut self, connection: ConnectionId, producer: ProducerId, transport: TransportId) {
        let of = self.connections.entry(connection).or_default();
        of.consumers.entry(producer).or_default().push(transport);
        of.consumer_count += 1;
        self.consumers += 1;
    }

    pub(super) fn remove_consumer(&mut self, connection: ConnectionId, producer: &ProducerId, transport: &TransportId) {
        if self.change(connection, |of| of.remove_consumer(producer, transport)) == Some(true) {
            self.consumers -= 1;
        }
    }

    pub(super) fn has_consumer(&self, connection: ConnectionId, producer: &ProducerId) -> bool {
        self.connections.get(&connection).is_some_and(|of| of.consumers.contains_key(producer))
    }

    /// The producers of which a connection is about to get consumers.
    pub(super) fn consumed_by(&self, connection: ConnectionId) -> impl Iterator<Item = &ProducerId> {
        self.connections.get(&connection).into_iter().flat_map(|of| of.consumers.keys())
    }

    pub(super) fn consumers_of(&self, connection: ConnectionId) -> usize {
        self.connections.get(&connection).map_or(0, |of| of.consumer_count)
    }

    pub(super) fn consumers_on(&self, connection: ConnectionId, transport: &TransportId) -> usize {
        let consumers = self.connections.get(&connection).into_iter().flat_map(|of| of.consumers.values().flatten());
        consumers.filter(|on| *on == transport).count()
    }

    pub(super) fn consumers(&self) -> usize {
        self.consumers
    }

    pub(super) fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    fn change<T>(&mut self, connection: ConnectionId, change: impl FnOnce(&mut OfConnection) -> T) -> Option<T> {
        let of = self.connections.get_mut(&connection)?;
        let result = change(of);
        if of.is_empty() {
            self.connections.remove(&connection);
        }
        Some(result)
    }
}

impl OfConnection {
    /// Returns whether there was one.
    fn remove_consumer(&mut self, producer: &ProducerId, transport: &TransportId) -> bool {
        let Some(transports) = self.consumers.get_mut(producer) else { return false };
        let Some(place) = transports.iter().position(|on| on == transport) else { return false };
        transports.swap_remove(place);
        if transports.is_empty() {
            self.consumers.remove(producer);
        }
        self.consumer_count -= 1;
        true
    }

    fn is_empty(&self) -> bool {
        self.transports == 0 && self.producers.is_empty() && self.consumers.is_empty()
    }
}
