//! Why a pool has no pod for a meeting: one reason and one sentence, the same for the pool's status and the waiting meetings'.
//!
//! Pure. The most telling cause wins: an image that cannot be pulled is worth more to the reader than "is starting".

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::sync::Arc;

use super::validate::ValidPool;
use crate::{media_pod::MediaPod, reason, wait::Wait};

/// Why no ready pod with room exists. `trouble` is what keeps the pool from making the pods it wants.
pub fn explain_no_ready_pod(pool: &ValidPool, pods: &[Arc<MediaPod>], trouble: Option<&Wait>) -> Wait {
    if let Some(wait) = find_heaviest_wait(pods).filter(|wait| wait.reason != reason::POD_NOT_READY) {
        return wait.clone();
    }
    let live = pods.iter().filter(|pod| pod.is_live()).count();
    let ready = pods.iter().filter(|pod| pod.is_ready()).count();
    if ready == live && u32::try_from(live).unwrap_or(u32::MAX) >= pool.max {
        return compute_full(pool, live);
    }
    if let Some(trouble) = trouble {
        return trouble.clone();
    }
    let why =
        find_heaviest_wait(pods).map_or_else(|| "a media pod is being created".to_owned(), |wait| wait.message.clone());
    Wait::new(reason::NO_POD_READY, format!("MediaPool {:?} has no ready media pod with room yet: {why}", pool.name))
}

/// The most telling of the pods' waits.
pub fn find_heaviest_wait(pods: &[Arc<MediaPod>]) -> Option<&Wait> {
    let weight =
        |wait: &&Wait| reason::BY_WEIGHT.iter().position(|reason| *reason == wait.reason).unwrap_or(usize::MAX);
    pods.iter().filter_map(|pod| pod.wait()).min_by_key(weight)
}

/// What it means that all pods are full and no more are allowed.
pub fn compute_full(pool: &ValidPool, pods: usize) -> Wait {
    let (name, max) = (&pool.name, pool.max);
    Wait::new(
        reason::POOL_FULL,
        format!(
            "all {pods} media pods of MediaPool {name:?} are full and it may have {max}: raise its max or capacity, or delete meetings"
        ),
    )
}
