//! The view of the data channels for tests.

use super::state::DataChannels;
use crate::room::interface::ids::{DataProducerId, PeerId};

impl DataChannels {
    pub(crate) fn producers_of(&self, id: &PeerId) -> Vec<DataProducerId> {
        self.peers[id].producers.keys().cloned().collect()
    }
}
