//! One room over several media pods. Its pod, the home, has the room and all WebSockets; other pods (sites) lend it transports and what is on
//! them. This module decides where a transport is created, and creates what is needed for a stream of one site to be received at another.
//!
//! Pure: the room's operations and their outcomes in, operations of single sites out. It sends nothing, and knows no participant.
//!
//! Each site runs its operations one after the other, in the order in which they are returned here. There is no order between sites.
//! Every stream goes directly from its site to each other one with receivers, once, as long as there are receivers.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod channels;
mod choice;
mod objects;
mod pairs;
mod requests;
mod results;
mod step;
mod streams;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use crate::room::{ConnectionId, DataMessage, MediaError, MediaEvent, TransportId};

use channels::Channels;
use choice::{Candidate, choose};
use objects::{Object, Objects};
use pairs::Pairs;
pub(crate) use step::{HOME, SiteId, Step, Ticket};
use streams::Streams;

/// Clients that are placed elsewhere after a site could not create a transport.
const REFUSING: u32 = 10;

/// Where the objects of one room are, and what connects its sites.
#[derive(Debug, Default)]
pub(crate) struct Sites {
    /// Sites other than the home, by the number of participants that each should serve at most.
    remote: BTreeMap<SiteId, u32>,
    /// Participants that the home should serve at most.
    home_capacity: u32,
    /// Clients when the first other site was added: where they are is not recorded.
    earlier: usize,
    /// The latest client that has requested a transport, and the latest when the first other site was added. Ids grow.
    latest: u64,
    latest_earlier: u64,
    /// Sites that could not create a transport, with the number of clients that are placed elsewhere before they are tried again.
    refusing: BTreeMap<SiteId, u32>,
    objects: Objects,
    pairs: Pairs,
    streams: Streams,
    channels: Channels,
}

impl Sites {
    /// A site that can be used from now on; the room has `people` clients. An id is never reused: a site that comes back is another one.
    pub(crate) fn add(&mut self, site: SiteId, capacity: u32, people: usize) {
        if self.remote.is_empty() {
            self.earlier = people.saturating_sub(self.objects.clients());
            self.latest_earlier = self.latest;
        }
        self.remote.insert(site, capacity);
    }

    /// How many participants a site should serve at most.
    pub(crate) fn set_capacity(&mut self, site: SiteId, capacity: u32) {
        if let Some(current) = self.remote.get_mut(&site) {
            *current = capacity;
        }
    }

    /// How many participants the home should serve at most; 0 as long as there are no sites.
    pub(crate) fn set_home_capacity(&mut self, capacity: u32) {
        self.home_capacity = capacity;
    }

    /// A site is gone, with everything on it. The caller fails its operations that have no outcome. Returns its transports.
    pub(crate) fn lose(&mut self, site: SiteId, steps: &mut Vec<Step>) -> Vec<TransportId> {
        self.remote.remove(&site);
        self.refusing.remove(&site);
        // Clients whose transports are on their way get an outcome too.
        let transports = self.objects.lose(site);
        self.streams.lose(site, steps);
        self.pairs.lose(site, steps);
        self.channels.lose(site, steps);
        transports
    }

    /// Clients with transports at a site.
    pub(crate) fn people(&self, site: SiteId) -> usize {
        self.objects.people(site)
    }

    /// An event of a site. The messages of its data channels are sent to the other sites with receivers.
    pub(crate) fn observe(&self, event: &MediaEvent) -> Vec<Step> {
        match event {
            MediaEvent::ChatMessage(message) | MediaEvent::BotMessage(message) => self.forward(message),
            _ => Vec::new(),
        }
    }

    fn forward(&self, message: &DataMessage) -> Vec<Step> {
        let Some(text) = &message.text else { return Vec::new() };
        self.channels.say(&message.producer, text)
    }

    /// Whether a site may report an event: nothing about objects of others, and nothing that the home finds out itself.
    pub(crate) fn may_report(&self, site: SiteId, event: &MediaEvent) -> bool {
        let is_elsewhere = match event {
            MediaEvent::TransportConnected(id)
            | MediaEvent::TransportDisconnected(id)
            | MediaEvent::DownlinkBwe(id, _) => self.objects.is_transport_elsewhere(id, site),
            MediaEvent::ProducerScore(id, _) => self.objects.is_elsewhere(&Object::Producer(id.clone()), site),
            MediaEvent::ConsumerScore(id, _) | MediaEvent::ConsumerLayers(id, _) => {
                self.objects.is_elsewhere(&Object::Consumer(id.clone()), site)
            }
            MediaEvent::BotMessage(message) | MediaEvent::ChatMessage(message) => {
                self.objects.is_elsewhere(&Object::DataProducer(message.producer.clone()), site)
            }
            MediaEvent::Volumes(_)
            | MediaEvent::DominantSpeaker(_)
            | MediaEvent::WorkerDied
            | MediaEvent::SiteLost(_) => true,
        };
        !is_elsewhere
    }

    /// The site for the next transport of a client. `people` is the number of clients of the room.
    fn place(&mut self, connection: ConnectionId, people: usize) -> SiteId {
        if self.remote.is_empty() || connection.0 <= self.latest_earlier {
            return HOME;
        }
        if let Some(site) = self.objects.site_of_client(connection).filter(|site| self.has(*site)) {
            return site;
        }
        // Some of those who are not recorded have left, and others have no transports yet.
        let unrecorded = people.saturating_sub(self.objects.clients() + 1);
        let people = self.people(HOME) + self.earlier.min(unrecorded);
        let home = Candidate { site: HOME, people, capacity: self.home_capacity };
        let remote = self.remote.iter().filter(|(site, _)| !self.refusing.contains_key(site));
        let remote = remote.map(|(site, capacity)| (*site, self.people(*site), *capacity));
        let remote = remote.map(|(site, people, capacity)| Candidate { site, people, capacity });
        let chosen = choose(std::iter::once(home).chain(remote));
        self.refusing.retain(|_, left| {
            *left -= 1;
            *left > 0
        });
        chosen
    }

    /// A site could not create a transport. Without this it would remain the least used one, and get the next client.
    fn note_refusal(&mut self, site: SiteId) {
        if site != HOME {
            self.refusing.insert(site, REFUSING);
        }
    }

    fn has(&self, site: SiteId) -> bool {
        site == HOME || self.remote.contains_key(&site)
    }
}

/// The object of an operation is gone, or its site is.
fn gone(what: &str) -> MediaError {
    MediaError { code: 404, message: format!("the {what} is gone") }
}

/// Outcomes for operations that waited for something which failed.
fn fail(waiting: impl IntoIterator<Item = step::Waiting>, error: &MediaError, steps: &mut Vec<Step>) {
    steps.extend(waiting.into_iter().map(|waiting| Step::Done(waiting.context, Err(error.clone()))));
}
