//! What clients learn about a meeting that cannot be joined yet: a reason code and a sentence for people.
//!
//! Condition messages name nodes, pods, images and quotas: they are for administrators (`kubectl describe meeting`) and never reach a
//! client. Here each reason has a fixed sentence. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

const PREPARED: &str = "the meeting is being prepared";
const LATER: &str = "the meeting has not started yet";
const NO_ROOM: &str = "we are at capacity; you will join as soon as a spot opens";
const STARTING: &str = "this server has just started; try again in a moment";
const BROKEN: &str = "the meeting cannot start right now; contact the administrator of this server";

/// Reasons with a sentence other than [`PREPARED`].
const SENTENCES: [(&str, &[&str]); 4] = [
    (LATER, &["Scheduled"]),
    (
        NO_ROOM,
        &[
            "PoolFull",
            "NoCapacity",
            "PortsExhausted",
            "PortsTaken",
            "PortsResting",
            "Unschedulable",
            "NamespaceShareUsed",
        ],
    ),
    (STARTING, &["RouterStarting", "AdmissionKeyMissing"]),
    (
        BROKEN,
        &[
            "PoolNotFound",
            "PoolDeleting",
            "NamespaceNotAllowed",
            "DedicatedNotAllowed",
            "MeetingTooLarge",
            "MeetingInvalid",
            "InvalidSpec",
            "Unreadable",
            "ImagePullFailed",
            "PodCrashing",
            "PodFailed",
            "PodRefused",
            "FinalizersNotWritten",
            "ServiceRefused",
            "NoNodeAddress",
            "NoLoadBalancerAddress",
        ],
    ),
];

/// Longest reason that is forwarded.
const MAX_REASON: usize = 64;

/// The sentence for a reason code.
pub(crate) fn sentence(reason: &str) -> &'static str {
    SENTENCES.iter().find(|(_, reasons)| reasons.contains(&reason)).map_or(PREPARED, |(sentence, _)| sentence)
}

/// The reason code for clients: one word, whatever the status of the Meeting contains.
pub(crate) fn public_reason(reason: &str) -> &str {
    let is_word = (1..=MAX_REASON).contains(&reason.len()) && reason.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if is_word { reason } else { "NotReady" }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use convene_crds::reason;

    #[test]
    fn every_kind_of_reason_has_its_sentence() {
        let cases = [
            (reason::SCHEDULED, LATER),
            (reason::POOL_FULL, NO_ROOM),
            (reason::PORTS_EXHAUSTED, NO_ROOM),
            (reason::PORTS_TAKEN, NO_ROOM),
            (reason::PORTS_RESTING, NO_ROOM),
            (reason::UNSCHEDULABLE, NO_ROOM),
            (reason::POOL_NOT_FOUND, BROKEN),
            (reason::POOL_DELETING, BROKEN),
            (reason::NAMESPACE_NOT_ALLOWED, BROKEN),
            (reason::MEETING_TOO_LARGE, BROKEN),
            (reason::IMAGE_PULL_FAILED, BROKEN),
            (reason::POD_CRASHING, BROKEN),
            (reason::POD_FAILED, BROKEN),
            (reason::POD_REFUSED, BROKEN),
            (reason::FINALIZERS_NOT_WRITTEN, BROKEN),
            (reason::SERVICE_REFUSED, BROKEN),
            (reason::NO_NODE_ADDRESS, BROKEN),
            (reason::NO_LOAD_BALANCER_ADDRESS, BROKEN),
            (reason::INVALID_SPEC, BROKEN),
            (reason::UNREADABLE, BROKEN),
            ("MeetingInvalid", BROKEN),
            ("RouterStarting", STARTING),
            (reason::NO_POD_READY, PREPARED),
            (reason::POD_NOT_READY, PREPARED),
            (reason::POD_GONE, PREPARED),
            (reason::UPDATING, PREPARED),
            ("PodUnreachable", PREPARED),
            ("SomethingNew", PREPARED),
        ];
        for (reason, expected) in cases {
            assert_eq!((sentence(reason), public_reason(reason)), (expected, reason));
        }
    }

    proptest! {
        #[test]
        fn no_reason_carries_more_than_a_word(text in "\\PC{0,100}") {
            let reason = public_reason(&text);
            prop_assert!(reason.len() <= MAX_REASON && reason.bytes().all(|byte| byte.is_ascii_alphanumeric()));
        }
    }
}
