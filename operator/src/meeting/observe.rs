//! First step for a Meeting: what the caches say about it and its pool.
//!
//! Reads caches only, asks nobody. The caller holds the ledger from here until its decision is noted in it.

use convene_crds::{
    Meeting,
    names::{CONDITION_PODS_AVAILABLE, FALSE},
};

use super::plan::ObservedPool;
use crate::{
    conditions::find,
    ledger::Ledger,
    media_pod::{MediaPod, Wait},
    pool::validate::{PodDefaults, ValidPool, validate_pool},
    reason,
    world::World,
};

/// The pool that `meeting` names: checked, or why it cannot be; `None` if there is none.
pub fn observe_pool(world: &World, meeting: &Meeting, defaults: &PodDefaults) -> Option<Result<ValidPool, Wait>> {
    let pool = world.pool(&meeting.spec.pool)?;
    Some(match &pool.0 {
        Ok(pool) => validate_pool(pool, defaults),
        Err(invalid) => Err(Wait::new(
            reason::INVALID_SPEC,
            format!("MediaPool {:?} cannot be read: {}", meeting.spec.pool, invalid.error),
        )),
    })
}

/// The pods of `pool` and what they carry.
pub fn observe_pods(world: &World, pool: ValidPool, ledger: &Ledger) -> ObservedPool {
    let objects = world.pods.state();
    let pods = objects
        .iter()
        .map(|pod| MediaPod::from_pod(pod))
        .filter(|pod| pod.pool == pool.name && !ledger.is_condemned(&pod.uid))
        .collect();
    let meetings = world.readable_meetings();
    let loads = ledger.compute_loads(meetings.iter().filter_map(|meeting| meeting.0.as_ref().ok()));
    ObservedPool { trouble: observe_trouble(world, &pool), pods, loads, pool }
}

fn observe_trouble(world: &World, pool: &ValidPool) -> Option<Wait> {
    let object = world.pool(&pool.name)?;
    let status = object.0.as_ref().ok()?.status.clone()?;
    let condition = find(&status.conditions, CONDITION_PODS_AVAILABLE).filter(|condition| condition.status == FALSE)?;
    // The reasons are ours: only those that the pool's own controller writes need to come back as constants.
    let known = [
        reason::PORTS_EXHAUSTED,
        reason::PORTS_RESTING,
        reason::POD_REFUSED,
        reason::NO_NODE_ADDRESS,
        reason::INVALID_SPEC,
    ];
    let reason = known.into_iter().find(|reason| *reason == condition.reason)?;
    Some(Wait::new(reason, condition.message.clone()))
}
