//! Which objects are at which site. What is not recorded is at the home: all that existed before the room had other sites.

use std::collections::{HashMap, HashSet};

use super::step::{HOME, SiteId};
use crate::room::{ConnectionId, ConsumerId, DataConsumerId, DataProducerId, ProducerId, TransportId};

/// An object on a transport.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Object {
    Producer(ProducerId),
    Consumer(ConsumerId),
    DataProducer(DataProducerId),
    DataConsumer(DataConsumerId),
}

/// The objects of a room with several sites.
#[derive(Debug, Default)]
pub(super) struct Objects {
    transports: HashMap<TransportId, SiteTransport>,
    on_transports: HashMap<Object, TransportId>,
    /// The site of each client, and how many transports it has there.
    clients: HashMap<ConnectionId, (SiteId, usize)>,
    people: HashMap<SiteId, usize>,
}

#[derive(Debug)]
struct SiteTransport {
    site: SiteId,
    connection: ConnectionId,
    objects: HashSet<Object>,
}

impl Objects {
    /// A client is about to get a transport: from now on it counts at the site.
    pub(super) fn expect(&mut self, connection: ConnectionId, site: SiteId) {
        let people = &mut self.people;
        let (_, count) = self.clients.entry(connection).or_insert_with(|| {
            *people.entry(site).or_default() += 1;
            (site, 0)
        });
        *count += 1;
    }

    /// The client has got the transport; `None`: it could not be created.
    pub(super) fn arrive(&mut self, connection: ConnectionId, site: SiteId, id: Option<TransportId>) {
        match id {
            Some(id) => {
                self.transports.insert(id, SiteTransport { site, connection, objects: HashSet::new() });
            }
            None => self.leave(connection),
        }
    }

    /// Records an object if its transport is recorded.
    pub(super) fn add(&mut self, object: Object, transport: &TransportId) {
        if let Some(remote) = self.transports.get_mut(transport) {
            remote.objects.insert(object.clone());
            self.on_transports.insert(object, transport.clone());
        }
    }

    pub(super) fn site_of_transport(&self, id: &TransportId) -> SiteId {
        self.transports.get(id).map_or(HOME, |remote| remote.site)
    }

    pub(super) fn site_of(&self, object: &Object) -> SiteId {
        self.on_transports.get(object).map_or(HOME, |transport| self.site_of_transport(transport))
    }

    /// Whether a transport is recorded at another site.
    pub(super) fn is_transport_elsewhere(&self, id: &TransportId, site: SiteId) -> bool {
        self.transports.get(id).is_some_and(|known| known.site != site)
    }

    /// Whether an object is recorded at another site.
    pub(super) fn is_elsewhere(&self, object: &Object, site: SiteId) -> bool {
        self.on_transports.get(object).is_some_and(|transport| self.is_transport_elsewhere(transport, site))
    }

    /// Whether a transport with this id is recorded.
    pub(super) fn has_transport(&self, id: &TransportId) -> bool {
        self.transports.contains_key(id)
    }

    /// The site at which a client has transports, as far as they are recorded.
    pub(super) fn site_of_client(&self, connection: ConnectionId) -> Option<SiteId> {
        self.clients.get(&connection).map(|(site, _)| *site)
    }

    /// Clients with recorded transports.
    pub(super) fn clients(&self) -> usize {
        self.clients.len()
    }

    /// Clients with recorded transports at a site.
    pub(super) fn people(&self, site: SiteId) -> usize {
        self.people.get(&site).copied().unwrap_or_default()
    }

    pub(super) fn remove(&mut self, object: &Object) {
        let transport = self.on_transports.remove(object).and_then(|transport| self.transports.get_mut(&transport));
        if let Some(remote) = transport {
            remote.objects.remove(object);
        }
    }

    /// Removes a transport and what is on it.
    pub(super) fn remove_transport(&mut self, id: &TransportId) {
        let Some(remote) = self.transports.remove(id) else { return };
        for object in &remote.objects {
            self.on_transports.remove(object);
        }
        self.leave(remote.connection);
    }

    /// A client has one transport less.
    fn leave(&mut self, connection: ConnectionId) {
        let Some((site, count)) = self.clients.get_mut(&connection) else { return };
        *count -= 1;
        if *count > 0 {
            return;
        }
        if let Some(people) = self.people.get_mut(site) {
            *people -= 1;
        }
        self.clients.remove(&connection);
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.transports.is_empty() && self.on_transports.is_empty() && self.clients.is_empty()
    }

    /// Removes everything at a site; returns its transports.
    pub(super) fn lose(&mut self, site: SiteId) -> Vec<TransportId> {
        let lost: Vec<_> = self.transports.extract_if(|_, remote| remote.site == site).collect();
        for (_, remote) in &lost {
            for object in &remote.objects {
                self.on_transports.remove(object);
            }
            self.leave(remote.connection);
        }
        let mut lost: Vec<_> = lost.into_iter().map(|(id, _)| id).collect();
        lost.sort();
        lost
    }
}
