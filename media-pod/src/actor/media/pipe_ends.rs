//! This pod's ends of pipes to other media pods, and what is sent into them. It creates none, and receives nothing.

use std::collections::HashMap;

use convene_service::metrics::GaugeGuard;
use mediasoup::prelude::{Consumer, PipeTransport};

use super::convert::gone;
use crate::room::{MediaError, PipeId, ProducerId};

/// This pod's ends of pipes to other pods, all at the room's first router.
#[derive(Debug, Default)]
pub(super) struct PipeEnds(pub(super) HashMap<PipeId, PipeEndHandle>);

/// One end.
#[derive(Debug)]
pub(super) struct PipeEndHandle {
    // Dropped first.
    pub(super) sending: HashMap<ProducerId, Consumer>,
    pub(super) transport: PipeTransport,
    pub(super) _counted: GaugeGuard,
}

impl PipeEnds {
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Stops sending a producer that is about to be dropped.
    pub(super) fn drop_producer(&mut self, id: &ProducerId) {
        for end in self.0.values_mut() {
            end.sending.remove(id);
        }
    }

    pub(super) fn end(&self, id: PipeId) -> Result<&PipeEndHandle, MediaError> {
        self.0.get(&id).ok_or_else(|| gone("pipe"))
    }

    pub(super) fn sent(&self, id: PipeId, producer: &ProducerId) -> Result<&Consumer, MediaError> {
        self.end(id)?.sending.get(producer).ok_or_else(|| gone("piped stream"))
    }
}
