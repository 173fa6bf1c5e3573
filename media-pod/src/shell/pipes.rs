//! Streams and messages that were brought from one router of a room to another. Each is piped once, when the first receiver there
//! needs it, and goes with its source.

use std::collections::HashMap;

use mediasoup::prelude::{DataProducer, PipeToRouterOptions, Producer};

use super::convert::refused;
use super::sites::{SiteId, Sites};
use crate::room::{DataProducerId, MediaError, ProducerId};

/// What is where besides its source.
#[derive(Debug, Default)]
pub(super) struct Pipes {
    producers: HashMap<(ProducerId, SiteId), Producer>,
    data_producers: HashMap<(DataProducerId, SiteId), DataProducer>,
}

impl Pipes {
    /// Makes a producer known at another router, under the same id.
    pub(super) async fn bring(
        &mut self,
        sites: &Sites,
        producer: &Producer,
        from: SiteId,
        to: SiteId,
    ) -> Result<(), MediaError> {
        let key = (ProducerId(producer.id().to_string()), to);
        if from == to || self.producers.contains_key(&key) {
            return Ok(());
        }
        let options = PipeToRouterOptions::new(sites.router(to).clone());
        let pair = sites.router(from).pipe_producer_to_router(producer.id(), options).await.map_err(refused)?;
        self.producers.insert(key, pair.pipe_producer.into_inner());
        Ok(())
    }

    /// The same for messages.
    pub(super) async fn bring_data(
        &mut self,
        sites: &Sites,
        producer: &DataProducer,
        from: SiteId,
        to: SiteId,
    ) -> Result<(), MediaError> {
        let key = (DataProducerId(producer.id().to_string()), to);
        if from == to || self.data_producers.contains_key(&key) {
            return Ok(());
        }
        let options = PipeToRouterOptions::new(sites.router(to).clone());
        let pair = sites.router(from).pipe_data_producer_to_router(producer.id(), options).await.map_err(refused)?;
        self.data_producers.insert(key, pair.pipe_data_producer.into_inner());
        Ok(())
    }

    /// Drops what was brought of a producer that is about to be dropped.
    pub(super) fn drop_producer(&mut self, id: &ProducerId) {
        self.producers.retain(|(of, _), _| of != id);
    }

    /// Drops what was brought of a data producer that is about to be dropped.
    pub(super) fn drop_data_producer(&mut self, id: &DataProducerId) {
        self.data_producers.retain(|(of, _), _| of != id);
    }
}
