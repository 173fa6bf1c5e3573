//! What joining depends on beside the routing table: keys, TURN credentials, pools. Watches replace each as a whole, handlers read it.

use std::collections::{BTreeMap, HashMap};

use arc_swap::ArcSwap;
use convene_crds::{AddressPolicy, Exposure, IceServer, MediaPool};
use convene_join_token::JoinKeys;

use crate::join::ice::IceCredentials;

/// Keys, credentials and pools as they are now.
#[derive(Debug, Default)]
pub(crate) struct JoinState {
    /// What join tokens are verified with.
    pub(crate) keys: ArcSwap<JoinKeys>,
    /// TURN credentials by the name of their Secret.
    pub(crate) turn: ArcSwap<BTreeMap<String, IceCredentials>>,
    /// Pools by name.
    pub(crate) pools: ArcSwap<Pools>,
}

/// One pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PoolRecord {
    /// What browsers are told.
    pub(crate) ice_servers: Vec<IceServer>,
    /// Whether clients outside reach its pods' signaling at the address that is announced for media.
    pub(crate) is_direct: bool,
}

/// All pools by name.
pub(crate) type Pools = HashMap<String, PoolRecord>;

impl PoolRecord {
    /// Reads a pool.
    pub(crate) fn from_pool(pool: &MediaPool) -> Self {
        let spec = &pool.spec;
        // Elsewhere only the media ports are opened. A fixed address is somebody else's, who forwards the media ports alone.
        let is_direct = matches!(spec.exposure, Exposure::HostNetwork | Exposure::PodIp)
            && spec.announced_address.policy == AddressPolicy::NodeAddress;
        Self { ice_servers: spec.ice_servers.clone(), is_direct }
    }
}
