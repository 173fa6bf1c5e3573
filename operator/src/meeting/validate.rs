//! Second step for a Meeting: converts the object and its pool into a type that represents only what can be hosted.
//!
//! Pure: the time is an argument. After this step `MeetingSpec` is no longer read.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use convene_crds::{AllowedNamespaces, AssignedPod, Meeting, MeetingPlacement, MeetingSpec, NamespacesFrom};
use jiff::{SignedDuration, Timestamp};
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{LabelSelector, LabelSelectorRequirement};
use kube::ResourceExt;

use super::quota::check_quota;
use crate::model::{
    ledger::{Ledger, Sites},
    media_pod::MediaPod,
    reason::Reason,
    valid_pool::ValidPool,
};
use convene_crds::reason;

/// How long before its start a meeting gets its media pod, so that a pod that has to be created first is ready in time.
pub(crate) const LEAD: Duration = Duration::from_mins(2);

/// How long a meeting that had already ended when it was created is kept.
const OVER_AT_CREATION: SignedDuration = SignedDuration::from_mins(5);

/// The current phase between a meeting's start and its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Moment {
    /// Long before its start.
    Before {
        /// When it starts.
        starts_at: Timestamp,
    },
    /// Shortly before its start: it gets its pod.
    Shortly {
        /// When it starts.
        starts_at: Timestamp,
    },
    /// Participants can join.
    During,
    /// It has ended.
    After {
        /// When it ended.
        ended_at: Timestamp,
    },
}

/// A meeting that its pool can host.
#[allow(clippy::struct_excessive_bools, reason = "each says something else")]
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct ValidMeeting {
    /// Participants that each of its pods must have capacity for.
    pub(crate) max_participants: u32,
    /// Media pods that may serve it at the same time.
    pub(crate) max_pods: u32,
    /// The number of them up to which the limit of its namespace allows to add some.
    pub(crate) quota_pods: u32,
    /// The other pods that serve it now.
    pub(crate) sites: Sites,
    /// Whether it requires a dedicated pod.
    pub(crate) is_dedicated: bool,
    /// The pod it is assigned to now.
    pub(crate) bound_to: Option<AssignedPod>,
    pub(crate) participants: u32,
    /// Whether its pod has reported participants since this process started. Before that, `participants` is from the status, which may be
    /// old.
    pub(crate) is_reported: bool,
    /// The pod that it should move to with its participants, because its own is overfull.
    pub(crate) relief: Option<Arc<MediaPod>>,
    /// Whether the pace allows that it leaves its pod with its participants.
    pub(crate) is_released: bool,
    /// Whether participants are still on their way from another pod.
    pub(crate) is_arriving: bool,
    /// The reason it gets no new place in the pool, if that is the case. It keeps its current one.
    pub(crate) denial: Option<Reason>,
    /// Its current phase.
    pub(crate) moment: Moment,
    /// The time.
    pub(crate) now: Timestamp,
}

/// The phase of a meeting at `now`.
pub(crate) fn compute_moment(spec: &MeetingSpec, now: Timestamp) -> Moment {
    let lead = SignedDuration::try_from(LEAD).unwrap_or_default();
    match (spec.starts_at.as_ref().map(|time| time.0), spec.ends_at.as_ref().map(|time| time.0)) {
        (_, Some(ended_at)) if ended_at <= now => Moment::After { ended_at },
        (Some(starts_at), _) if starts_at.saturating_sub(lead).is_ok_and(|begin| now < begin) => {
            Moment::Before { starts_at }
        }
        (Some(starts_at), _) if now < starts_at => Moment::Shortly { starts_at },
        _ => Moment::During,
    }
}

/// When the next phase of a meeting begins, or its object is to be deleted.
pub(crate) fn compute_next_moment(meeting: &Meeting, now: Timestamp) -> Option<Timestamp> {
    let spec = &meeting.spec;
    let lead = SignedDuration::try_from(LEAD).unwrap_or_default();
    let starts_at = spec.starts_at.as_ref().map(|time| time.0);
    let begins = starts_at.and_then(|start| start.checked_sub(lead).ok());
    let ends_at = spec.ends_at.as_ref().map(|time| time.0);
    [begins, starts_at, ends_at, compute_expiry(meeting)].into_iter().flatten().filter(|time| *time > now).min()
}

/// When a meeting's object is to be deleted, if at all. A meeting that had ended before it was created is kept for a while, so that
/// its creator can see the reason.
pub(crate) fn compute_expiry(meeting: &Meeting) -> Option<Timestamp> {
    let ends_at = meeting.spec.ends_at.as_ref()?.0;
    let expiry = ends_at.checked_add(SignedDuration::from_secs(i64::from(meeting.spec.ttl_after_ended?))).ok()?;
    let created = meeting.metadata.creation_timestamp.as_ref().map(|time| time.0).filter(|created| ends_at <= *created);
    let is_found_until = created.and_then(|created| created.checked_add(OVER_AT_CREATION).ok());
    Some(is_found_until.map_or(expiry, |until| expiry.max(until)))
}

/// Checks `meeting` against the pool it names, which may not exist (`None`). `labels` are those of the meeting's namespace.
pub(crate) fn validate_meeting(
    meeting: &Meeting,
    pool: Option<&Result<&ValidPool, Reason>>,
    home: &str,
    labels: &BTreeMap<String, String>,
    ledger: &Ledger,
    now: Timestamp,
) -> Result<ValidMeeting, Reason> {
    let pool = pool.ok_or_else(|| explain_missing_pool(meeting, home))?.as_ref().map_err(Clone::clone)?;
    let namespace = meeting.namespace().unwrap_or_default();
    if !is_admitted(&pool.allowed_namespaces, &namespace, home, labels) {
        return Err(compute_not_admitted(pool, &namespace));
    }
    let (wanted, max_pods) = (meeting.spec.max_participants, compute_max_pods(&meeting.spec, pool));
    if wanted > pool.capacity.participants.saturating_mul(max_pods) {
        return Err(compute_too_large(meeting, pool, max_pods));
    }
    let is_dedicated = meeting.spec.placement == MeetingPlacement::Dedicated;
    let may_be_dedicated = is_admitted(&pool.dedicated_namespaces, &namespace, home, labels);
    let (bound_to, others) = (ledger.pod_of(meeting).cloned(), ledger.usage_of_others(meeting));
    Ok(ValidMeeting {
        max_participants: wanted.div_ceil(max_pods),
        max_pods,
        quota_pods: pool.namespace_limits.meetings.saturating_sub(others.meetings).max(1),
        sites: ledger.sites_of(meeting, now),
        is_dedicated,
        denial: check_quota(pool, &namespace, is_dedicated, may_be_dedicated, others),
        participants: ledger.occupancy_of(meeting).participants,
        is_reported: bound_to.as_ref().is_some_and(|pod| ledger.participants_on(&pod.uid).is_some()),
        bound_to,
        relief: None,
        is_released: false,
        is_arriving: false,
        moment: compute_moment(&meeting.spec, now),
        now,
    })
}

/// The media pods that may serve a meeting at the same time: one, if those of its pool cannot send streams to each other.
pub(crate) fn compute_max_pods(spec: &MeetingSpec, pool: &ValidPool) -> u32 {
    let may_spread = pool.template.pipe_ports > 0 && spec.placement == MeetingPlacement::Shared;
    // One of the ports is in use for each of the other pods.
    if may_spread { spec.spread.max_pods.clamp(1, u32::from(pool.template.pipe_ports) + 1) } else { 1 }
}

/// Whether a pool allows meetings from a namespace with these labels.
pub(crate) fn is_admitted(
    allowed: &AllowedNamespaces,
    namespace: &str,
    home: &str,
    labels: &BTreeMap<String, String>,
) -> bool {
    match allowed.from {
        NamespacesFrom::All => true,
        NamespacesFrom::Same => namespace == home,
        NamespacesFrom::Selector => allowed.selector.as_ref().is_some_and(|selector| matches_labels(selector, labels)),
    }
}

fn matches_labels(selector: &LabelSelector, labels: &BTreeMap<String, String>) -> bool {
    let equal = selector.match_labels.iter().flatten().all(|(key, value)| labels.get(key) == Some(value));
    equal && selector.match_expressions.iter().flatten().all(|requirement| meets(requirement, labels))
}

/// An unknown selector operator selects nothing.
fn meets(requirement: &LabelSelectorRequirement, labels: &BTreeMap<String, String>) -> bool {
    let value = labels.get(&requirement.key);
    let is_listed = || value.is_some_and(|value| requirement.values.iter().flatten().any(|listed| listed == value));
    match requirement.operator.as_str() {
        "In" => is_listed(),
        "NotIn" => !is_listed(),
        "Exists" => value.is_some(),
        "DoesNotExist" => value.is_none(),
        _ => false,
    }
}

/// The reason for which a meeting without an existing pool waits. `namespace` is that of the pools.
pub(crate) fn explain_missing_pool(meeting: &Meeting, namespace: &str) -> Reason {
    let pool = &meeting.spec.pool;
    Reason::new(
        reason::POOL_NOT_FOUND,
        format!(
            "no MediaPool {pool:?} in namespace {namespace:?}: create it, or create the meeting again with another spec.pool"
        ),
    )
}

fn compute_not_admitted(pool: &ValidPool, namespace: &str) -> Reason {
    let pool = &pool.name;
    Reason::new(
        reason::NAMESPACE_NOT_ALLOWED,
        format!(
            "MediaPool {pool:?} does not allow meetings from namespace {namespace:?}: label the namespace to match spec.allowedNamespaces of the pool, or use another pool"
        ),
    )
}

fn compute_too_large(meeting: &Meeting, pool: &ValidPool, max_pods: u32) -> Reason {
    let (wanted, capacity, name) = (meeting.spec.max_participants, pool.capacity.participants, meeting.name_any());
    let pods = if max_pods == 1 { "a media pod".to_owned() } else { format!("{max_pods} media pods") };
    let room = capacity.saturating_mul(max_pods);
    let verb = if max_pods == 1 { "takes" } else { "take" };
    let pool_name = &pool.name;
    let remedy = match (meeting.spec.spread.max_pods, pool.template.pipe_ports) {
        (2.., 0) => "set pipePorts of the pool, so that spread.maxPods has an effect, or lower spec.maxParticipants",
        (2.., _) => "lower spec.maxParticipants, or raise spec.spread.maxPods or capacity.participants of the pool",
        _ => "lower spec.maxParticipants, or raise capacity.participants of the pool",
    };
    Reason::new(
        reason::MEETING_TOO_LARGE,
        format!(
            "meeting {name:?} allows {wanted} participants, but {pods} of MediaPool {pool_name:?} {verb} {room}: {remedy}"
        ),
    )
}

#[cfg(test)]
mod tests;
