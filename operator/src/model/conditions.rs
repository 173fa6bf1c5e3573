//! Conditions of Meetings and `MediaPools`: how they are set, and when two statuses are equal.
//!
//! Pure. The transition time of a condition changes only with its status; everything else may change without it.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_crds::names::{FALSE, TRUE, UNKNOWN};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::model::reason::Reason;

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum ConditionValue {
    True(Reason),
    False(Reason),
    Unknown(Reason),
}

impl ConditionValue {
    /// A value of `True`.
    pub(crate) fn yes(reason: &'static str, message: impl Into<String>) -> Self {
        Self::True(Reason::new(reason, message))
    }

    /// A value of `False`.
    pub(crate) fn no(reason: &'static str, message: impl Into<String>) -> Self {
        Self::False(Reason::new(reason, message))
    }

    /// Whether it is `True`.
    pub(crate) const fn is_true(&self) -> bool {
        matches!(self, Self::True(_))
    }

    /// Its reason and message.
    pub(crate) const fn reason(&self) -> &Reason {
        match self {
            Self::True(reason) | Self::False(reason) | Self::Unknown(reason) => reason,
        }
    }

    /// The `status` of the condition.
    pub(crate) const fn status(&self) -> &'static str {
        match self {
            Self::True(_) => TRUE,
            Self::False(_) => FALSE,
            Self::Unknown(_) => UNKNOWN,
        }
    }
}

/// The condition `type_` with this value. It keeps the transition time of `old` unless the status changes.
pub(crate) fn compute_condition(
    old: &[Condition],
    type_: &str,
    value: &ConditionValue,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let status = value.status();
    let kept = find(old, type_)
        .filter(|condition| condition.status == status)
        .map(|condition| condition.last_transition_time.clone());
    // The API server stores whole seconds: a more precise time would differ from what it returns.
    let whole_seconds = Timestamp::from_second(now.as_second()).unwrap_or(now);
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: value.reason().code.to_owned(),
        message: value.reason().message.clone(),
        observed_generation: generation,
        last_transition_time: kept.unwrap_or(Time(whole_seconds)),
    }
}

pub(crate) fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether both lists are equal apart from times.
pub(crate) fn are_same(left: &[Condition], right: &[Condition]) -> bool {
    left.len() == right.len()
        && left.iter().all(|ours| {
            find(right, &ours.type_).is_some_and(|theirs| {
                (&ours.status, &ours.reason, &ours.message, ours.observed_generation)
                    == (&theirs.status, &theirs.reason, &theirs.message, theirs.observed_generation)
            })
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn time_moves_only_with_the_status() {
        let first = compute_condition(&[], "Ready", &ConditionValue::no("PoolFull", "a"), Some(1), at(10));
        let same = compute_condition(
            std::slice::from_ref(&first),
            "Ready",
            &ConditionValue::no("NoPodReady", "b"),
            Some(2),
            at(20),
        );
        assert_eq!(same.last_transition_time, Time(at(10)));
        assert_eq!(
            (same.reason.as_str(), same.message.as_str(), same.observed_generation),
            ("NoPodReady", "b", Some(2))
        );
        let changed = compute_condition(&[same], "Ready", &ConditionValue::yes("PodReady", ""), Some(2), at(30));
        assert_eq!(changed.last_transition_time, Time(at(30)));
    }

    #[test]
    fn times_do_not_make_a_difference_and_all_else_does() {
        let ready =
            |value: &ConditionValue, generation, second| compute_condition(&[], "Ready", value, generation, at(second));
        let no = ConditionValue::no("PoolFull", "a");
        let base = [ready(&no, Some(1), 1)];
        assert!(are_same(&base, &[ready(&no, Some(1), 2)]));
        assert!(!are_same(&base, &[ready(&no, Some(2), 1)]));
        assert!(!are_same(&base, &[ready(&ConditionValue::no("PoolFull", "b"), Some(1), 1)]));
        assert!(!are_same(&base, &[ready(&ConditionValue::yes("PoolFull", "a"), Some(1), 1)]));
        assert!(!are_same(&base, &[]));
        assert!(!are_same(&base, &[compute_condition(&[], "Accepted", &no, Some(1), at(1))]));
    }
}
