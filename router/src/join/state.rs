//! Join keys, TURN credentials and pools: watches replace each as a whole, handlers read it.

use std::collections::{BTreeMap, HashMap};

use arc_swap::ArcSwap;
use convene_crds::{AddressPolicy, Exposure, IceServer, MediaPool};
use convene_join_token::JoinKeys;

use crate::join::ice::IceCredentials;

/// The current keys, credentials and pools.
#[derive(Debug, Default)]
pub(crate) struct JoinState {
    /// Keys that verify join tokens.
    pub(crate) keys: ArcSwap<JoinKeys>,
    /// TURN credentials by the name of their Secret.
    pub(crate) turn: ArcSwap<BTreeMap<String, IceCredentials>>,
    /// Pools by name.
    pub(crate) pools: ArcSwap<Pools>,
}

/// One pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct PoolRecord {
    /// ICE servers for browsers.
    pub(crate) ice_servers: Vec<IceServer>,
    /// Whether clients can reach the signaling of its pods at the announced media address.
    pub(crate) is_direct: bool,
}

/// All pools by name.
pub(crate) type Pools = HashMap<String, PoolRecord>;

impl PoolRecord {
    /// Reads a pool.
    pub(crate) fn from_pool(pool: &MediaPool) -> Self {
        let spec = &pool.spec;
        // With other exposures only the media ports are reachable, and fixed addresses forward only those.
        let is_direct = matches!(spec.exposure, Exposure::HostNetwork | Exposure::PodIp)
            && spec.announced_address.policy == AddressPolicy::NodeAddress;
        Self { ice_servers: spec.ice_servers.clone(), is_direct }
    }
}
