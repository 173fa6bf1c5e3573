//! Fifth step for a `MediaPool`: turns what was done into the status and the events.
//!
//! Pure; `apply` writes both. It takes [`Applied`], never the plan: only what was done is reported.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use convene_crds::{
    MediaPool, MediaPoolStatus, PodCounts, PortBlock, PortCounts,
    names::{
        CONDITION_MEDIA_REACHABLE, CONDITION_PODS_AVAILABLE, CONDITION_PORTS_EXCLUSIVE, CONDITION_READY,
        CONDITION_UPDATED, LABEL_POOL,
    },
};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use super::{applied::Applied, plan::ObservedPods};
use crate::{
    cluster::events::Note,
    model::{
        conditions::{ConditionValue, are_same, compute_condition, find},
        explain::{compute_full, explain_no_ready_pod, find_most_specific_reason},
        media_pod::{MediaPod, PodState},
        ports::{PortRange, Quarantine, compute_used_ports},
        reason::Reason,
        valid_pool::ValidPool,
    },
};
use convene_crds::reason;

/// Values of a pool's conditions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct PoolConditions {
    pub(crate) ready: ConditionValue,
    /// Condition `PodsAvailable`.
    pub(crate) available: ConditionValue,
    pub(crate) updated: ConditionValue,
    /// Condition `MediaReachable`.
    pub(crate) reachable: ConditionValue,
    /// Condition `PortsExclusive`.
    pub(crate) exclusive: ConditionValue,
}

impl PoolConditions {
    const fn by_type(&self) -> [(&'static str, &ConditionValue); 5] {
        let Self { ready, available, updated, reachable, exclusive } = self;
        [
            (CONDITION_READY, ready),
            (CONDITION_PODS_AVAILABLE, available),
            (CONDITION_UPDATED, updated),
            (CONDITION_MEDIA_REACHABLE, reachable),
            (CONDITION_PORTS_EXCLUSIVE, exclusive),
        ]
    }
}

/// The conditions of a pool after a reconciliation.
pub(crate) fn compute_values(pool: &ValidPool, observed: &ObservedPods, applied: &Applied) -> PoolConditions {
    let trouble = compute_trouble(pool, observed, applied);
    let ready = count(&observed.pods, MediaPod::is_ready);
    let live = count(&observed.pods, MediaPod::is_live);
    PoolConditions {
        ready: if ready > 0 {
            ConditionValue::yes(reason::POD_READY, format!("{ready} of {live} media pods accept participants"))
        } else if live == 0 && pool.warm == 0 && observed.waiting.is_none() && trouble.is_none() {
            ConditionValue::yes(reason::NO_POD_NEEDED, "spec.warm is 0: a media pod is created for the first meeting")
        } else {
            ConditionValue::False(explain_no_ready_pod(pool, &observed.pods, trouble.as_ref(), &observed.holders))
        },
        available: trouble.map_or_else(
            || ConditionValue::yes(reason::PODS_AVAILABLE, "every wanted media pod exists"),
            ConditionValue::False,
        ),
        updated: compute_updated(pool, observed),
        reachable: compute_reachable(pool, observed),
        exclusive: compute_exclusive(pool, observed),
    }
}

fn compute_updated(pool: &ValidPool, observed: &ObservedPods) -> ConditionValue {
    let outdated = count(&observed.pods, |pod| is_outdated(pool, pod));
    if outdated == 0 {
        return ConditionValue::yes(reason::UPDATED, "every media pod uses the current template");
    }
    ConditionValue::no(reason::UPDATING, format!("replacing {outdated} media pods created from an older template"))
}

fn compute_reachable(pool: &ValidPool, observed: &ObservedPods) -> ConditionValue {
    if !pool.probes_media {
        return ConditionValue::Unknown(Reason::new(reason::PROBE_OFF, "spec.probeMedia is false"));
    }
    let reported: Vec<_> =
        observed.pods.iter().filter(|pod| pod.is_ready()).filter_map(|pod| pod.reached.as_ref()).collect();
    let worst = reported.iter().min_by_key(|reached| match reached.is_reachable {
        Some(false) => 0,
        None => 1,
        Some(true) => 2,
    });
    worst.map_or_else(
        || ConditionValue::Unknown(Reason::new(reason::NOT_PROBED, "no media pod has been probed yet")),
        |reached| reached.to_value(),
    )
}

fn compute_exclusive(pool: &ValidPool, observed: &ObservedPods) -> ConditionValue {
    let ports = pool.ports;
    match &observed.overlaps {
        None if pool.template.uses_node_ports() && ports.overlaps(compute_service_ports()) => ConditionValue::no(
            reason::NODE_PORT_RANGE,
            format!(
                "rtcPorts {ports} overlap the port range of NodePort Services ({} unless configured otherwise): such a Service can take a port from a media pod; choose other ports",
                compute_service_ports()
            ),
        ),
        None => ConditionValue::yes(reason::PORTS_EXCLUSIVE, format!("no other pool uses ports {ports}")),
        Some(other) => ConditionValue::no(
            reason::PORTS_OVERLAP,
            format!(
                "MediaPool {other:?} uses some of the ports {ports} too: no two pods share a port, but the pools compete for them; give one of the pools other rtcPorts"
            ),
        ),
    }
}

/// The default of the API server's `--service-node-port-range`.
fn compute_service_ports() -> PortRange {
    PortRange::new(30_000, 32_767).expect("the first is not larger than the last")
}

fn is_outdated(pool: &ValidPool, pod: &MediaPod) -> bool {
    pod.is_live() && !pool.is_current(pod)
}

/// The conditions of an invalid pool.
pub(crate) fn compute_refusal(why: &Reason) -> PoolConditions {
    let no = || ConditionValue::False(why.clone());
    let unknown = || ConditionValue::Unknown(why.clone());
    PoolConditions { ready: no(), available: no(), updated: unknown(), reachable: unknown(), exclusive: unknown() }
}

fn compute_trouble(pool: &ValidPool, observed: &ObservedPods, applied: &Applied) -> Option<Reason> {
    let Applied { created: _, uncertain: _, deleted: _, drained: _, repaired: _, refused, trouble } = applied;
    let stuck = find_most_specific_reason(&observed.pods).filter(|reason| reason.code != reason::POD_NOT_READY);
    let live = count(&observed.pods, MediaPod::is_live);
    let is_full = !observed.waiting.is_none() && live >= pool.max && count(&observed.pods, MediaPod::is_ready) == live;
    let full = || is_full.then(|| compute_full(pool, live as usize, &observed.holders));
    refused.as_ref().or(stuck).or(trouble.as_ref()).cloned().or_else(full)
}

/// The complete status of a pool.
pub(crate) fn compute_status(
    object: &MediaPool,
    counted: Option<(&ValidPool, &ObservedPods)>,
    values: &PoolConditions,
    blocks: Vec<PortBlock>,
    now: Timestamp,
) -> MediaPoolStatus {
    let old = old_conditions(object);
    let generation = object.metadata.generation;
    let condition = |(type_, value): (&str, &ConditionValue)| compute_condition(old, type_, value, generation, now);
    MediaPoolStatus {
        observed_generation: generation,
        revision: counted.map(|(pool, _)| pool.revision.clone()),
        selector: Some(format!("{LABEL_POOL}={}", object.metadata.name.as_deref().unwrap_or_default())),
        blocks,
        pods: counted.map(|(pool, observed)| count_pods(pool, observed)).unwrap_or_default(),
        ports: counted.map(|(pool, observed)| count_ports(pool, observed)).unwrap_or_default(),
        meetings: counted.map(|(_, observed)| count_meetings(observed)).unwrap_or_default(),
        conditions: values.by_type().map(condition).into(),
    }
}

/// Whether writing `new` over `old` would change nothing but times.
pub(crate) fn is_same(old: Option<&MediaPoolStatus>, new: &MediaPoolStatus) -> bool {
    let Some(old) = old else { return false };
    let MediaPoolStatus { observed_generation, pods, ports, meetings, revision, selector, blocks, conditions } = new;
    are_same(&old.conditions, conditions)
        && (&old.observed_generation, &old.pods, &old.ports, &old.meetings)
            == (observed_generation, pods, ports, meetings)
        && (&old.revision, &old.selector, &old.blocks) == (revision, selector, blocks)
}

/// Changes of the pool as events.
pub(crate) fn compute_notes(object: &MediaPool, applied: Option<&Applied>, values: &PoolConditions) -> Vec<Note> {
    let mut notes: Vec<Note> = applied.into_iter().flat_map(compute_pod_notes).collect();
    let old = old_conditions(object);
    for (type_, value) in values.by_type() {
        let Reason { code, message } = value.reason();
        let is_new = find(old, type_).is_none_or(|condition| condition.reason != *code);
        let is_reported = notes.iter().any(|note| note.reason == *code);
        let is_first = find(old, type_).is_none();
        let is_notable = match value {
            ConditionValue::Unknown(_) => false,
            ConditionValue::True(_) => type_ == CONDITION_READY || (!is_first && type_ != CONDITION_PODS_AVAILABLE),
            ConditionValue::False(_) => true,
        };
        if is_new && !is_reported && is_notable {
            let quiet = [reason::NO_POD_READY, reason::PORTS_RESTING, reason::UPDATING, reason::DELETING];
            let is_expected = value.is_true() || quiet.contains(code);
            notes.push(Note { is_warning: !is_expected, reason: code, message: message.clone(), pod: None });
        }
    }
    notes
}

/// Events about the changes to pods.
pub(crate) fn compute_pod_notes(applied: &Applied) -> Vec<Note> {
    let created = applied.created.iter().map(|pod| {
        let message = format!("created media pod {:?} with ports {}", pod.name, pod.block);
        Note::normal(reason::POD_CREATED, message).about(&pod.name)
    });
    let deleted = applied.deleted.iter().map(|pod| {
        let message = format!("deleted media pod {:?}: {}", pod.name, pod.why.message);
        let is_warning = [reason::POD_REPLACED, reason::DRAIN_DEADLINE].contains(&pod.why.code);
        Note { is_warning, ..Note::normal(pod.why.code, message).about(&pod.name) }
    });
    let drained = applied.drained.iter().map(|change| {
        let reason = change.draining.as_ref().map_or(reason::DRAIN_CANCELLED, |draining| draining.reason);
        Note::normal(reason, change.message.clone()).about(&change.name)
    });
    let repaired = applied.repaired.iter().map(|pod| {
        let message = format!("restored the labels of media pod {:?}, which had been edited", pod.name);
        Note::warning(reason::POD_EDITED, message).about(&pod.name)
    });
    created.chain(deleted).chain(drained).chain(repaired).collect()
}

fn old_conditions(object: &MediaPool) -> &[Condition] {
    object.status.as_ref().map(|status| status.conditions.as_slice()).unwrap_or_default()
}

/// The blocks to record after a reconciliation: those of the pool's pods, those `given` to new ones, and those of its range that are held
/// back.
pub(crate) fn compute_blocks(
    pool: &ValidPool,
    observed: &ObservedPods,
    given: impl Iterator<Item = PortRange>,
    quarantine: &Quarantine,
) -> Vec<PortBlock> {
    let mut blocks = compute_blocks_of(observed, given, quarantine);
    blocks.retain(|block| {
        block.resting_until.is_none() || block.ports.parse().is_ok_and(|ports: PortRange| ports.overlaps(pool.ports))
    });
    blocks
}

/// The same, with every block that is held back, whatever its range.
pub(crate) fn compute_blocks_of(
    observed: &ObservedPods,
    given: impl Iterator<Item = PortRange>,
    quarantine: &Quarantine,
) -> Vec<PortBlock> {
    let of_pods = observed.pods.iter().filter_map(|pod| pod.block).chain(given);
    let in_use: BTreeSet<PortRange> = of_pods.collect();
    let resting = quarantine.rests().filter(|(block, _)| !in_use.contains(block));
    let resting = resting.map(|(block, until)| (block, Some(Time(until))));
    let all: BTreeMap<_, _> = in_use.iter().map(|block| (*block, None)).chain(resting).collect();
    all.into_iter().map(|(ports, resting_until)| PortBlock { ports: ports.to_string(), resting_until }).collect()
}

fn count(pods: &[Arc<MediaPod>], filter: impl Fn(&MediaPod) -> bool) -> u32 {
    u32::try_from(pods.iter().filter(|pod| filter(pod)).count()).unwrap_or(u32::MAX)
}

fn count_pods(pool: &ValidPool, observed: &ObservedPods) -> PodCounts {
    let pods = &observed.pods;
    let is_warm = |pod: &MediaPod| pod.is_open() && observed.loads.get(&pod.uid).is_none_or(|load| load.is_unused());
    PodCounts {
        ready: count(pods, MediaPod::is_ready),
        starting: count(pods, |pod| matches!(pod.state, PodState::Starting(_) | PodState::Crashing(_))),
        warm: count(pods, is_warm),
        draining: count(pods, |pod| pod.is_live() && pod.draining.is_some()),
        outdated: count(pods, |pod| is_outdated(pool, pod)),
        total: count(pods, |_| true),
    }
}

fn count_ports(pool: &ValidPool, observed: &ObservedPods) -> PortCounts {
    let blocked = observed.taken.union(&observed.resting).copied().collect();
    let (total, blocked) = (pool.ports.count(), compute_used_ports(pool.ports, &blocked));
    let used = compute_used_ports(pool.ports, &observed.taken);
    PortCounts { total, used, resting: blocked - used, free: total - blocked }
}

fn count_meetings(observed: &ObservedPods) -> u32 {
    observed.pods.iter().map(|pod| observed.load_of(pod).meetings).sum()
}

#[cfg(test)]
mod tests;
