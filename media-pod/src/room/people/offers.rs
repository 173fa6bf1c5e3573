//! Requests from the room to one client: consumers that were offered and await its answer.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::room::interface::ids::{ConsumerId, DataConsumerId};

/// How long an offer is fresh: a fresh offer is not withdrawn, because some clients ignore a close that arrives before their answer.
const FRESH: Duration = Duration::from_secs(10);

/// An offered consumer.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Offered {
    Consumer(ConsumerId),
    DataConsumer(DataConsumerId),
}

#[derive(Debug)]
struct Offer {
    offered: Offered,
    since: Duration,
}

/// The open offers to one client, by the id of the request.
#[derive(Debug)]
pub(crate) struct Offers {
    open: BTreeMap<u64, Offer>,
    next_id: u64,
}

impl Default for Offers {
    fn default() -> Self {
        Self { open: BTreeMap::new(), next_id: 1 }
    }
}

impl Offers {
    /// Records an offer and returns the id of its request.
    pub(crate) fn add(&mut self, offered: Offered, now: Duration) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        self.open.insert(id, Offer { offered, since: now });
        id
    }

    /// The offer that the client has answered, if it is still open.
    pub(crate) fn take(&mut self, id: u64) -> Option<Offered> {
        self.open.remove(&id).map(|offer| offer.offered)
    }

    pub(crate) fn withdraw(&mut self, offered: &Offered) {
        self.open.retain(|_, offer| offer.offered != *offered);
    }

    /// Nothing that was offered still exists. Ids of requests are not used again.
    pub(crate) fn withdraw_all(&mut self) {
        self.open.clear();
    }

    /// Whether a consumer was offered very recently.
    pub(crate) fn is_fresh(&self, consumer: &ConsumerId, now: Duration) -> bool {
        let is_it = |offer: &Offer| matches!(&offer.offered, Offered::Consumer(id) if id == consumer);
        self.open.values().any(|offer| is_it(offer) && now.saturating_sub(offer.since) < FRESH)
    }

    /// Data consumers that were offered less than `limit` ago.
    pub(crate) fn recent_data_consumers(
        &self,
        now: Duration,
        limit: Duration,
    ) -> impl Iterator<Item = &DataConsumerId> {
        let recent = self.open.values().filter(move |offer| now.saturating_sub(offer.since) < limit);
        recent.filter_map(|offer| match &offer.offered {
            Offered::DataConsumer(consumer) => Some(consumer),
            Offered::Consumer(_) => None,
        })
    }

    #[cfg(test)]
    pub(crate) fn list(&self) -> impl Iterator<Item = (u64, &Offered)> {
        self.open.iter().map(|(id, offer)| (*id, &offer.offered))
    }
}
