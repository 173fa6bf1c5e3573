//! Streams and data channels that are piped from one router of a room to another. Each is piped once, when the first consumer there
//! needs it, and ends with its source. It does not choose routers.

use std::collections::HashMap;

use mediasoup::prelude::{DataProducer, PipeToRouterOptions, Producer};

use super::convert::refused;
use super::routers::{RouterId, Routers};
use crate::room::{DataProducerId, MediaError, ProducerId};

/// Piped producers, by their source and the router they are piped to.
#[derive(Debug, Default)]
pub(super) struct Pipes {
    producers: HashMap<(ProducerId, RouterId), Producer>,
    data_producers: HashMap<(DataProducerId, RouterId), DataProducer>,
}

impl Pipes {
    /// Pipes a producer to another router, where it gets the same id.
    pub(super) async fn pipe(
        &mut self,
        routers: &Routers,
        producer: &Producer,
        from: RouterId,
        to: RouterId,
    ) -> Result<(), MediaError> {
        let key = (ProducerId(producer.id().to_string()), to);
        if from == to || self.producers.contains_key(&key) {
            return Ok(());
        }
        let options = PipeToRouterOptions::new(routers.router(to).clone());
        let pair = routers.router(from).pipe_producer_to_router(producer.id(), options).await.map_err(refused)?;
        self.producers.insert(key, pair.pipe_producer.into_inner());
        Ok(())
    }

    /// Pipes a data producer to another router.
    pub(super) async fn pipe_data(
        &mut self,
        routers: &Routers,
        producer: &DataProducer,
        from: RouterId,
        to: RouterId,
    ) -> Result<(), MediaError> {
        let key = (DataProducerId(producer.id().to_string()), to);
        if from == to || self.data_producers.contains_key(&key) {
            return Ok(());
        }
        let options = PipeToRouterOptions::new(routers.router(to).clone());
        let pair = routers.router(from).pipe_data_producer_to_router(producer.id(), options).await.map_err(refused)?;
        self.data_producers.insert(key, pair.pipe_data_producer.into_inner());
        Ok(())
    }

    /// Drops the pipes of a producer that is about to be dropped.
    pub(super) fn drop_producer(&mut self, id: &ProducerId) {
        self.producers.retain(|(of, _), _| of != id);
    }

    /// Drops the pipes of a data producer that is about to be dropped.
    pub(super) fn drop_data_producer(&mut self, id: &DataProducerId) {
        self.data_producers.retain(|(of, _), _| of != id);
    }
}
