//! Data channels that are on their way: requested from the media plane, which has not answered yet. They are recorded by connection, which
//! unlike a peerId is never reused. Plain data; it requests nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::room::interface::ids::{ConnectionId, DataProducerId};

/// Everything that is on its way.
#[derive(Debug, Default)]
pub(super) struct Coming {
    /// Only those for which something is on its way.
    connections: BTreeMap<ConnectionId, OfConnection>,
}

/// Operations in flight for one connection.
#[derive(Debug, Default)]
struct OfConnection {
    producers: usize,
    has_voice: bool,
    /// When the consumers of each data producer were requested; `None` is that of the bot.
    consumers: BTreeMap<Option<DataProducerId>, Duration>,
}

impl Coming {
    pub(super) fn add_producer(&mut self, connection: ConnectionId) {
        self.connections.entry(connection).or_default().producers += 1;
    }

    pub(super) fn remove_producer(&mut self, connection: ConnectionId) {
        self.change(connection, |of| of.producers = of.producers.saturating_sub(1));
    }

    pub(super) fn producers_of(&self, connection: ConnectionId) -> usize {
        self.connections.get(&connection).map_or(0, OfConnection::producer_count)
    }

    pub(super) fn producers(&self) -> usize {
        self.connections.values().map(OfConnection::producer_count).sum()
    }

    /// False if one is on its way already.
    pub(super) fn add_voice(&mut self, connection: ConnectionId) -> bool {
        !std::mem::replace(&mut self.connections.entry(connection).or_default().has_voice, true)
    }

    pub(super) fn remove_voice(&mut self, connection: ConnectionId) {
        self.change(connection, |of| of.has_voice = false);
    }

    pub(super) fn add_consumer(&mut self, connection: ConnectionId, producer: Option<DataProducerId>, now: Duration) {
        self.connections.entry(connection).or_default().consumers.insert(producer, now);
    }

    pub(super) fn remove_consumer(&mut self, connection: ConnectionId, producer: Option<&DataProducerId>) {
        self.change(connection, |of| of.consumers.remove(&producer.cloned()));
    }

    pub(super) fn has_consumer(&self, connection: ConnectionId, producer: Option<&DataProducerId>) -> bool {
        self.connections.get(&connection).is_some_and(|of| of.consumers.contains_key(&producer.cloned()))
    }

    /// The data producers whose consumers were requested less than `limit` ago.
    pub(super) fn recently_consumed(&self, now: Duration, limit: Duration) -> impl Iterator<Item = &DataProducerId> {
        let consumers = self.connections.values().flat_map(|of| &of.consumers);
        let recent = consumers.filter(move |(_, since)| now.saturating_sub(**since) < limit);
        recent.filter_map(|(producer, _)| producer.as_ref())
    }

    pub(super) fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    fn change<T>(&mut self, connection: ConnectionId, change: impl FnOnce(&mut OfConnection) -> T) {
        let Some(of) = self.connections.get_mut(&connection) else { return };
        change(of);
        if of.is_empty() {
            self.connections.remove(&connection);
        }
    }
}

impl OfConnection {
    fn producer_count(&self) -> usize {
        self.producers + usize::from(self.has_voice)
    }

    fn is_empty(&self) -> bool {
        self.producer_count() == 0 && self.consumers.is_empty()
    }
}
