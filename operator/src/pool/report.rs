//! Fifth step for a `MediaPool`: from what was done to the status and the events.
//!
//! Pure; `apply` sends both. It takes [`Applied`], never the plan: only what was done is reported.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_crds::{
    MediaPool, MediaPoolStatus, PodCounts, PortCounts,
    names::{CONDITION_PODS_AVAILABLE, CONDITION_READY},
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::Condition;

use super::{
    apply::Applied,
    explain::{compute_full, explain_no_ready_pod, find_heaviest_wait},
    plan::ObservedPods,
    validate::ValidPool,
};
use crate::{
    conditions::{Verdict, are_same, compute_condition, find},
    events::Note,
    media_pod::{MediaPod, PodState, Wait},
    ports::compute_used_ports,
    reason,
};

/// What is true of a pool.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PoolVerdicts {
    /// Condition `Ready`.
    pub ready: Verdict,
    /// Condition `PodsAvailable`.
    pub available: Verdict,
}

/// What is true of a pool after a pass.
pub fn compute_verdicts(pool: &ValidPool, observed: &ObservedPods, applied: &Applied) -> PoolVerdicts {
    let trouble = compute_trouble(pool, observed, applied);
    let ready = count(&observed.pods, MediaPod::is_ready);
    let live = count(&observed.pods, MediaPod::is_live);
    PoolVerdicts {
        ready: if ready > 0 {
            Verdict::yes(reason::POD_READY, format!("{ready} of {live} media pods can take people"))
        } else {
            Verdict::False(explain_no_ready_pod(pool, &observed.pods, trouble.as_ref()))
        },
        available: trouble.map_or_else(
            || Verdict::yes(reason::PODS_AVAILABLE, "every media pod that is wanted exists and starts"),
            Verdict::False,
        ),
    }
}

/// What is true of a pool that cannot be built.
pub fn compute_refusal(why: &Wait) -> PoolVerdicts {
    PoolVerdicts { ready: Verdict::False(why.clone()), available: Verdict::False(why.clone()) }
}

fn compute_trouble(pool: &ValidPool, observed: &ObservedPods, applied: &Applied) -> Option<Wait> {
    let Applied { created: _, deleted: _, refused, trouble } = applied;
    let stuck = find_heaviest_wait(&observed.pods).filter(|wait| wait.reason != reason::POD_NOT_READY);
    let live = count(&observed.pods, MediaPod::is_live);
    let is_full = observed.waiting > 0 && live >= pool.max && count(&observed.pods, MediaPod::is_ready) == live;
    let full = || is_full.then(|| compute_full(pool, live as usize));
    refused.as_ref().or(stuck).or(trouble.as_ref()).cloned().or_else(full)
}

/// The complete status of a pool.
pub fn compute_status(
    object: &MediaPool,
    counted: Option<(&ValidPool, &ObservedPods)>,
    verdicts: &PoolVerdicts,
    now: Timestamp,
) -> MediaPoolStatus {
    let old = old_conditions(object);
    let generation = object.metadata.generation;
    let PoolVerdicts { ready, available } = verdicts;
    MediaPoolStatus {
        observed_generation: generation,
        pods: counted.map(|(_, observed)| count_pods(observed)).unwrap_or_default(),
        ports: counted.map(|(pool, observed)| count_ports(pool, observed)).unwrap_or_default(),
        meetings: counted.map(|(_, observed)| count_meetings(observed)).unwrap_or_default(),
        conditions: vec![
            compute_condition(old, CONDITION_READY, ready, generation, now),
            compute_condition(old, CONDITION_PODS_AVAILABLE, available, generation, now),
        ],
    }
}

/// Whether writing `new` over `old` would change anything but times.
pub fn is_same(old: Option<&MediaPoolStatus>, new: &MediaPoolStatus) -> bool {
    let Some(old) = old else { return false };
    let MediaPoolStatus { observed_generation, pods, ports, meetings, conditions } = new;
    are_same(&old.conditions, conditions)
        && (&old.observed_generation, &old.pods, &old.ports, &old.meetings)
            == (observed_generation, pods, ports, meetings)
}

/// What is new about the pool, as events.
pub fn compute_notes(object: &MediaPool, applied: Option<&Applied>, verdicts: &PoolVerdicts) -> Vec<Note> {
    let mut notes: Vec<Note> = applied.into_iter().flat_map(compute_pod_notes).collect();
    let old = old_conditions(object);
    for (type_, verdict) in [(CONDITION_READY, &verdicts.ready), (CONDITION_PODS_AVAILABLE, &verdicts.available)] {
        let Wait { reason, message } = verdict.wait();
        let is_new = find(old, type_).is_none_or(|condition| condition.reason != *reason);
        let is_told = notes.iter().any(|note| note.reason == *reason);
        if is_new && !is_told && *reason != reason::PODS_AVAILABLE {
            let is_expected = verdict.is_true() || [reason::NO_POD_READY, reason::PORTS_RESTING].contains(reason);
            notes.push(Note { is_warning: !is_expected, reason, message: message.clone(), pod: None });
        }
    }
    notes
}

fn compute_pod_notes(applied: &Applied) -> Vec<Note> {
    let created = applied.created.iter().map(|pod| {
        let message = format!("created media pod {:?} with ports {}", pod.name, pod.block);
        Note::normal(reason::POD_CREATED, message).about(&pod.name)
    });
    let deleted = applied.deleted.iter().map(|pod| {
        let message = format!("deleted media pod {:?}: {}", pod.name, pod.why.message);
        let is_warning = pod.why.reason == reason::POD_REPLACED;
        Note { is_warning, ..Note::normal(pod.why.reason, message).about(&pod.name) }
    });
    created.chain(deleted).collect()
}

fn old_conditions(object: &MediaPool) -> &[Condition] {
    object.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default()
}

fn count(pods: &[MediaPod], filter: impl Fn(&MediaPod) -> bool) -> u32 {
    u32::try_from(pods.iter().filter(|pod| filter(pod)).count()).unwrap_or(u32::MAX)
}

fn count_pods(observed: &ObservedPods) -> PodCounts {
    let pods = &observed.pods;
    let is_warm = |pod: &MediaPod| pod.is_ready() && observed.loads.get(&pod.uid).is_none_or(|load| load.meetings == 0);
    PodCounts {
        ready: count(pods, MediaPod::is_ready),
        starting: count(pods, |pod| matches!(pod.state, PodState::Starting(_) | PodState::Crashing(_))),
        warm: count(pods, is_warm),
        total: count(pods, |_| true),
    }
}

fn count_ports(pool: &ValidPool, observed: &ObservedPods) -> PortCounts {
    let blocked = observed.taken.union(&observed.resting).copied().collect();
    let (total, used) = (pool.ports.count(), compute_used_ports(pool.ports, &blocked));
    PortCounts { total, used, free: total - used }
}

fn count_meetings(observed: &ObservedPods) -> u32 {
    let of_pod = |pod: &MediaPod| observed.loads.get(&pod.uid).map_or(0, |load| load.meetings);
    observed.pods.iter().map(of_pod).sum()
}

#[cfg(test)]
mod tests;
