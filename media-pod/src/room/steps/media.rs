//! Requests of clients for transports and producers.

use convene_protocol::message::{CreateTransport, Produce, ProduceData, RouterCapabilitiesAnswer};
use serde_json::json;

use crate::room::answer::{Decided, Decision, Refusal};
use crate::room::effects::Effects;
use crate::room::interface::context::{Context, Requester};
use crate::room::interface::ids::{ConnectionId, PeerId};
use crate::room::interface::operation::Operation;
use crate::room::people::offers::Offered;
use crate::room::state::Room;
use crate::room::tracks::check_layers;

impl Room {
    pub(super) fn capabilities_answer(&self) -> Decision {
        let flat = serde_json::Value::clone(&self.capabilities);
        Decision::Answer(json!(RouterCapabilitiesAnswer { router_rtp_capabilities: flat.clone(), flat }))
    }

    /// There is no such URL, but only newer clients request it.
    pub(super) fn rtc_stats_url(&mut self, requester: Requester) -> Decision {
        self.wrap_stats(requester.peer);
        Decision::done()
    }

    fn wrap_stats(&mut self, connection: ConnectionId) {
        match self.seats.on_mut(connection) {
            Some((_, peer)) => peer.wraps_stats = true,
            None => self.prepared.wrap_stats(connection),
        }
    }

    pub(super) fn create_transport(&mut self, id: &PeerId, requester: Requester, create: &CreateTransport) -> Decided {
        let direction = create.direction().ok_or_else(|| Refusal(400, "the direction is missing".into()))?;
        self.tracks.begin_transport(id)?;
        if create.app_data.is_some() {
            self.wrap_stats(requester.peer);
        }
        let direction = Some(direction);
        let operation = Operation::CreateTransport { direction, force_tcp: create.force_tcp };
        Ok(Decision::Run(operation, Context::CreateTransport { requester, direction }))
    }

    pub(super) fn start_producer(&mut self, id: &PeerId, requester: Requester, produce: Produce) -> Decided {
        let source = produce.source();
        let Produce { transport_id, kind, rtp_parameters, paused, .. } = produce;
        let paused = paused == Some(true);
        let transport = self.tracks.check_produce(id, &transport_id, (kind, source), &self.seats, &self.settings)?;
        check_layers(kind, &rtp_parameters)?;
        let number = self.tracks.begin_producer(requester.peer, (kind, source));
        let context = Context::Produce { requester, number, kind, source };
        Ok(Decision::Run(Operation::Produce { transport, kind, rtp_parameters, paused }, context))
    }

    pub(super) fn start_data_producer(&mut self, id: &PeerId, requester: Requester, produce: ProduceData) -> Decided {
        let channel = produce.channel();
        let ProduceData { transport_id, sctp_stream_parameters, label, protocol, .. } = produce;
        let room = (&self.seats, &self.tracks, &self.settings);
        let transport = self.data.check_produce(id, &transport_id, channel, room)?;
        self.data.begin_producer(requester.peer);
        let operation = Operation::ProduceData { transport, channel, sctp_stream_parameters, label, protocol };
        Ok(Decision::Run(operation, Context::ProduceData { requester, channel }))
    }

    pub(super) fn close_producer(&mut self, id: &PeerId, producer: &str, effects: &mut Effects) -> Decided {
        let own = self.tracks.producer(id, producer)?;
        self.tracks.close_producer(id, &own, &mut self.seats, effects);
        Ok(Decision::done())
    }

    pub(super) fn set_paused(
        &mut self,
        id: &PeerId,
        producer: &str,
        is_paused: bool,
        effects: &mut Effects,
    ) -> Decided {
        let own = self.tracks.producer(id, producer)?;
        self.tracks.set_paused(id, &own, is_paused, &self.seats, effects);
        Ok(Decision::done())
    }

    pub(super) fn set_watched(&mut self, id: &PeerId, watched: Vec<String>, effects: &mut Effects) -> Decision {
        let watched = watched.into_iter().map(PeerId).collect();
        self.tracks.set_watched(id, watched, &mut self.seats, effects);
        Decision::done()
    }

    /// The client has accepted or declined a consumer. An offer does not expire: a page that slept (a phone in a pocket, a closed lid)
    /// answers when it wakes.
    pub(super) fn on_answered(&mut self, connection: ConnectionId, id: u64, is_ok: bool, effects: &mut Effects) {
        let Some((peer_id, peer)) = self.seats.on_mut(connection) else { return };
        let (peer_id, offered) = (peer_id.clone(), peer.offers.take(id));
        match offered {
            Some(Offered::Consumer(consumer)) => {
                self.tracks.on_consumer_answered((&peer_id, connection), consumer, is_ok, &self.seats, effects);
            }
            Some(Offered::DataConsumer(consumer)) => {
                self.data.on_consumer_answered(&peer_id, consumer, is_ok, effects);
            }
            None => return,
        }
        self.data.speak(&self.seats, effects);
    }
}
