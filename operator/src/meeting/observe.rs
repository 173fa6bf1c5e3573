//! First step for a Meeting: what the caches say about it and its pool.
//!
//! Reads caches only, asks nobody. The caller holds the ledger from here until its decision is noted in it.

use std::sync::Arc;

use convene_crds::Meeting;

use super::plan::ObservedPool;
use crate::{
    cluster::cache::ClusterCache,
    model::{explain::find_holders, ledger::Ledger, valid_pool::ValidPool, views::PoolView},
};

/// The pool that `meeting` names; `None` if there is none.
pub(crate) fn observe_pool(cache: &ClusterCache, meeting: &Meeting) -> Option<Arc<PoolView>> {
    cache.views().pool(&meeting.spec.pool)
}

/// The pods of `pool` and what they carry.
pub(crate) fn observe_pods(
    cache: &ClusterCache,
    view: &PoolView,
    pool: &Arc<ValidPool>,
    ledger: &Ledger,
) -> ObservedPool {
    let mut pods = cache.views().pods_of(&pool.name);
    pods.retain(|pod| !ledger.is_marked_for_deletion(&pod.uid));
    let loads = pods.iter().map(|pod| (pod.uid.clone(), ledger.load_of(&pod.uid))).collect();
    let holders = find_holders(pool, pods.len(), ledger);
    ObservedPool { trouble: view.trouble.clone(), holders, pods, loads, pool: Arc::clone(pool) }
}
