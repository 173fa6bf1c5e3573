//! Third step for a `MediaPool`: which pods to create, drain, delete and announce addresses to.
//!
//! Pure: no I/O, no clock, no randomness. Names and ports are part of the plan; the executor has no choices. A pod with participants is
//! never deleted, unless it is dead or its drain deadline has passed.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

mod announce;
mod census;
mod drain;
mod removal;
mod types;

use std::collections::BTreeSet;

use jiff::SignedDuration;

use self::census::Census;
pub(crate) use self::removal::{RemovalPlan, explain_removal, plan_removal};
use self::types::compute_deletion;
pub(crate) use self::types::{
    Announcement, DrainChange, LabelRepair, NewPod, ObservedPods, PodDeletion, PoolPlan, Protection,
};
use crate::model::{
    media_pod::{MediaPod, PodState},
    ports::compute_free_block,
    reason::Reason,
    valid_pool::ValidPool,
};
use convene_crds::reason;

/// Maximum number of surplus pods deleted per reconciliation.
pub(crate) const MAX_DELETIONS: usize = 5;
/// Seconds after which a pod whose ports are used by another process is replaced by a pod with another block.
const TAKEN_SECONDS: i64 = 60;

/// Plans one reconciliation of a pool.
pub(crate) fn plan_pool(pool: &ValidPool, observed: &ObservedPods) -> PoolPlan {
    let census = Census::take(pool, observed);
    let (create, lack) = plan_creations(pool, observed, census.missing(pool));
    let drain = drain::plan_drains(pool, observed, &census);
    let mut delete = plan_replacements(pool, observed);
    delete.extend(drain::plan_departures(pool, observed));
    delete.extend(plan_shrinking(pool, observed, &census));
    let (announce, nameless) = announce::plan_announcements(pool, observed);
    PoolPlan {
        write_budget: !observed.has_budget,
        protect: drain::plan_protection(observed),
        repair: plan_label_repairs(observed),
        open: announce::plan_services(pool, observed),
        announce,
        move_off: drain::plan_moves(observed),
        relieve: drain::plan_reliefs(pool, observed),
        again: drain::compute_next_deadline(pool, observed),
        drain,
        create,
        delete,
        trouble: lack.or(nameless),
    }
}

/// Reduces a plan for a pool that may get no new media pods, because of `why`: existing pods are kept, and none is deleted in order to be
/// replaced.
pub(crate) fn withhold_pods(plan: PoolPlan, why: Reason) -> PoolPlan {
    let delete = plan.delete.into_iter().filter(|deletion| deletion.why.code != reason::POD_DELETED).collect();
    PoolPlan { create: Vec::new(), delete, trouble: Some(why), ..plan }
}

fn plan_creations(pool: &ValidPool, observed: &ObservedPods, count: usize) -> (Vec<NewPod>, Option<Reason>) {
    let mut blocked: BTreeSet<_> = observed.taken.union(&observed.resting).copied().collect();
    let mut create = Vec::with_capacity(count);
    for _ in 0..count {
        let Some(block) = compute_free_block(pool.ports, pool.template.block_size(), &blocked) else {
            return (create, Some(compute_no_block(pool, observed)));
        };
        blocked.insert(block);
        create.push(NewPod { name: format!("media-{}-{}", pool.name, block.first()), block });
    }
    (create, None)
}

fn compute_no_block(pool: &ValidPool, observed: &ObservedPods) -> Reason {
    let (ports, size) = (pool.ports, pool.template.block_size());
    if compute_free_block(ports, size, &observed.taken).is_some() {
        let message = format!("the free ports of {ports} were in use moments ago and are held back for half a minute");
        return Reason::new(reason::PORTS_RESTING, message);
    }
    Reason::new(
        reason::PORTS_EXHAUSTED,
        format!(
            "rtcPorts {ports} has no {size} consecutive free ports for another media pod: widen the range, or lower max or warm"
        ),
    )
}

/// Dead pods, and pods whose ports are in use by another process while others are free.
fn plan_replacements(pool: &ValidPool, observed: &ObservedPods) -> Vec<PodDeletion> {
    let is_old = |pod: &MediaPod| {
        pod.created
            .is_some_and(|created| observed.now.duration_since(created) > SignedDuration::from_secs(TAKEN_SECONDS))
    };
    let blocked: BTreeSet<_> = observed.taken.union(&observed.resting).copied().collect();
    let has_others = compute_free_block(pool.ports, pool.template.block_size(), &blocked).is_some();
    let why = |pod: &MediaPod| match &pod.state {
        PodState::Dead(why) => Some(why.message.clone()),
        PodState::Starting(why) if why.code == reason::PORTS_TAKEN && has_others && is_old(pod) => {
            Some(format!("{}; trying other ports", why.message))
        }
        _ => None,
    };
    let replaced = observed.pods.iter().filter_map(|pod| Some((pod, why(pod)?)));
    replaced.map(|(pod, message)| compute_deletion(pod, Reason::new(reason::POD_REPLACED, message))).collect()
}

fn plan_label_repairs(observed: &ObservedPods) -> Vec<LabelRepair> {
    let edited = observed.pods.iter().filter(|pod| pod.is_live() && !pod.is_labelled);
    edited.map(|pod| LabelRepair { name: pod.name.clone(), uid: pod.uid.clone() }).collect()
}

fn plan_shrinking(pool: &ValidPool, observed: &ObservedPods, census: &Census<'_>) -> Vec<PodDeletion> {
    let keep = census.wanted.saturating_sub(census.busy);
    let surplus = census.spare.iter().skip(keep).map(|pod| (*pod, "is not needed"));
    // Outdated spare pods stay until their successors are ready, unless they take the successors' place.
    let ready = census.spare.iter().filter(|pod| pod.is_ready()).count();
    let is_at_max = census.live >= pool.max as usize;
    let releasable = if ready >= keep { census.outdated_spare.len() } else { usize::from(is_at_max) };
    let outdated =
        census.outdated_spare.iter().take(releasable).map(|pod| (*pod, "was created from an older template"));
    let why =
        |pod: &MediaPod, cause: &str| Reason::new(reason::POD_DELETED, format!("media pod {:?} {cause}", pod.name));
    let empty = surplus.chain(outdated).filter(|(pod, _)| observed.is_known_empty(pod));
    empty.take(MAX_DELETIONS).map(|(pod, cause)| compute_deletion(pod, why(pod, cause))).collect()
}

#[cfg(test)]
mod tests;
