//! Conditions of Meeting and `MediaPool`: how they are set, and when two statuses are the same.
//!
//! Pure. A condition's time moves only when its status does; everything else about it may change without.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use convene_crds::names::{FALSE, TRUE, UNKNOWN};
use jiff::Timestamp;
use k8s_openapi::apimachinery::pkg::apis::meta::v1::{Condition, Time};

use crate::model::reason::Wait;

/// What is known about one condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is true, with a reason and a message.
    True(Wait),
    /// It is not, and this is why.
    False(Wait),
    /// Nobody can tell yet, and this is why.
    Unknown(Wait),
}

impl Verdict {
    /// It is true.
    pub fn yes(reason: &'static str, message: impl Into<String>) -> Self {
        Self::True(Wait::new(reason, message))
    }

    /// It is not.
    pub fn no(reason: &'static str, message: impl Into<String>) -> Self {
        Self::False(Wait::new(reason, message))
    }

    /// Whether it is true.
    pub const fn is_true(&self) -> bool {
        matches!(self, Self::True(_))
    }

    /// Reason and message.
    pub const fn wait(&self) -> &Wait {
        match self {
            Self::True(wait) | Self::False(wait) | Self::Unknown(wait) => wait,
        }
    }

    /// As a condition writes it.
    pub const fn status(&self) -> &'static str {
        match self {
            Self::True(_) => TRUE,
            Self::False(_) => FALSE,
            Self::Unknown(_) => UNKNOWN,
        }
    }
}

/// The condition `type_` with this verdict, keeping the time of `old` while the status stays.
pub(crate) fn compute_condition(
    old: &[Condition],
    type_: &str,
    verdict: &Verdict,
    generation: Option<i64>,
    now: Timestamp,
) -> Condition {
    let status = verdict.status();
    let kept = find(old, type_)
        .filter(|condition| condition.status == status)
        .map(|condition| condition.last_transition_time.clone());
    // Written with seconds only by the API server: a finer time would differ from what comes back.
    let whole_seconds = Timestamp::from_second(now.as_second()).unwrap_or(now);
    Condition {
        type_: type_.to_owned(),
        status: status.to_owned(),
        reason: verdict.wait().reason.to_owned(),
        message: verdict.wait().message.clone(),
        observed_generation: generation,
        last_transition_time: kept.unwrap_or(Time(whole_seconds)),
    }
}

/// The condition of this type.
pub(crate) fn find<'a>(conditions: &'a [Condition], type_: &str) -> Option<&'a Condition> {
    conditions.iter().find(|condition| condition.type_ == type_)
}

/// Whether both lists say the same, leaving their times aside.
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
        let first = compute_condition(&[], "Ready", &Verdict::no("PoolFull", "a"), Some(1), at(10));
        let same =
            compute_condition(std::slice::from_ref(&first), "Ready", &Verdict::no("NoPodReady", "b"), Some(2), at(20));
        assert_eq!(same.last_transition_time, Time(at(10)));
        assert_eq!(
            (same.reason.as_str(), same.message.as_str(), same.observed_generation),
            ("NoPodReady", "b", Some(2))
        );
        let changed = compute_condition(&[same], "Ready", &Verdict::yes("PodReady", ""), Some(2), at(30));
        assert_eq!(changed.last_transition_time, Time(at(30)));
    }

    #[test]
    fn times_do_not_make_a_difference_and_all_else_does() {
        let ready =
            |verdict: &Verdict, generation, second| compute_condition(&[], "Ready", verdict, generation, at(second));
        let no = Verdict::no("PoolFull", "a");
        let base = [ready(&no, Some(1), 1)];
        assert!(are_same(&base, &[ready(&no, Some(1), 2)]));
        assert!(!are_same(&base, &[ready(&no, Some(2), 1)]));
        assert!(!are_same(&base, &[ready(&Verdict::no("PoolFull", "b"), Some(1), 1)]));
        assert!(!are_same(&base, &[ready(&Verdict::yes("PoolFull", "a"), Some(1), 1)]));
        assert!(!are_same(&base, &[]));
        assert!(!are_same(&base, &[compute_condition(&[], "Accepted", &no, Some(1), at(1))]));
    }
}
