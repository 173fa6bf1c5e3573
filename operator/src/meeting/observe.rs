//! First step for a Meeting: what the caches hold about it and its pool.
//!
//! Reads caches only. The caller holds the lock from here until its decision is recorded.

use std::sync::Arc;

use convene_crds::Meeting;

use super::plan::ObservedPool;
use crate::{
    cluster::cache::CacheState,
    model::{explain::find_holders, valid_pool::ValidPool, views::PoolView},
};

/// The pool that `meeting` names, if it exists.
pub(crate) fn observe_pool(state: &CacheState, meeting: &Meeting) -> Option<Arc<PoolView>> {
    state.views.pool(&meeting.spec.pool)
}

/// The pods of `pool` and their load.
pub(crate) fn observe_pods(state: &CacheState, view: &PoolView, pool: &Arc<ValidPool>) -> ObservedPool {
    let mut pods = state.views.pods_of(&pool.name);
    pods.retain(|pod| !state.ledger.is_marked_for_deletion(&pod.uid));
    let loads = pods.iter().map(|pod| (pod.uid.clone(), state.ledger.load_of(&pod.uid))).collect();
    let holders = find_holders(pool, pods.len(), &state.ledger);
    ObservedPool { trouble: view.trouble.clone(), holders, pods, loads, pool: Arc::clone(pool) }
}
