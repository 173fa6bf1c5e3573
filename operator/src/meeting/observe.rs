//! First step for a Meeting: what the caches hold about it and its pool.
//!
//! Reads caches only. The caller holds the ledger from here until its decision is noted there.

use std::sync::Arc;

use convene_crds::Meeting;

use super::plan::ObservedPool;
use crate::{
    cluster::cache::ClusterCache,
    model::{explain::find_holders, ledger::Ledger, valid_pool::ValidPool, views::PoolView},
};

/// The pool that `meeting` names, if it exists.
pub(crate) fn observe_pool(cache: &ClusterCache, meeting: &Meeting) -> Option<Arc<PoolView>> {
    cache.views().pool(&meeting.spec.pool)
}

/// The pods of `pool` and their load.
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
