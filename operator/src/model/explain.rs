//! Explains why a pool has no pod for a meeting: one reason and one message, the same in the status of the pool and of the waiting meetings.
//!
//! Pure. The most specific cause wins: that an image cannot be pulled is more useful to the reader than "is starting".

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::sync::Arc;

use super::valid_pool::ValidPool;
use crate::model::{
    ledger::{Holders, Ledger, Usage},
    media_pod::MediaPod,
    reason::Reason,
};
use convene_crds::reason;

/// Explains why there is no ready pod with free capacity. `trouble` is why the pool cannot create the pods it wants; `holders` are
/// the namespaces that use it, if it is full.
pub(crate) fn explain_no_ready_pod(
    pool: &ValidPool,
    pods: &[Arc<MediaPod>],
    trouble: Option<&Reason>,
    holders: &Holders,
) -> Reason {
    if let Some(reason) = find_most_specific_reason(pods).filter(|reason| reason.code != reason::POD_NOT_READY) {
        return reason.clone();
    }
    let live = pods.iter().filter(|pod| pod.is_live()).count();
    let ready = pods.iter().filter(|pod| pod.is_ready()).count();
    if ready == live && u32::try_from(live).unwrap_or(u32::MAX) >= pool.max {
        return compute_full(pool, live, holders);
    }
    if let Some(trouble) = trouble {
        return trouble.clone();
    }
    let why = find_most_specific_reason(pods)
        .map_or_else(|| "a media pod is being created".to_owned(), |reason| reason.message.clone());
    Reason::new(
        reason::NO_POD_READY,
        format!("MediaPool {:?} has no ready media pod with free capacity yet: {why}", pool.name),
    )
}

/// The most specific reason among those of the pods.
pub(crate) fn find_most_specific_reason(pods: &[Arc<MediaPod>]) -> Option<&Reason> {
    let weight =
        |reason: &&Reason| reason::BY_WEIGHT.iter().position(|code| *code == reason.code).unwrap_or(usize::MAX);
    pods.iter().filter_map(|pod| pod.reason()).min_by_key(weight)
}

/// The namespaces that use a pool, once it has its maximum of `pods`. Before that they are not needed, and would cost a walk over all
/// namespaces.
pub(crate) fn find_holders(pool: &ValidPool, pods: usize, ledger: &Ledger) -> Holders {
    if pods < pool.max as usize {
        return Holders::default();
    }
    ledger.holders_of(&pool.name, pool.capacity.meetings)
}

/// The reason when all pods are full and no more are allowed.
pub(crate) fn compute_full(pool: &ValidPool, pods: usize, holders: &Holders) -> Reason {
    let (name, max, held) = (&pool.name, pool.max, describe_holders(holders));
    Reason::new(
        reason::POOL_FULL,
        format!(
            "all {pods} media pods (max {max}) of MediaPool {name:?} are full{held}: raise its max or capacity, or delete meetings"
        ),
    )
}

/// The largest holders by name and the number of the others, to keep the message short.
fn describe_holders(holders: &Holders) -> String {
    let describe = |(namespace, usage): &(String, Usage)| format!("{namespace} ({})", describe_usage(*usage));
    let mut parts: Vec<_> = holders.largest.iter().map(describe).collect();
    match holders.others {
        0 => {}
        1 => parts.push("1 other namespace".to_owned()),
        others => parts.push(format!("{others} other namespaces")),
    }
    if parts.is_empty() { String::new() } else { format!(", held by {}", parts.join(", ")) }
}

fn describe_usage(usage: Usage) -> String {
    let Usage { meetings, dedicated } = usage;
    let plural = if meetings == 1 { "" } else { "s" };
    match dedicated {
        0 => format!("{meetings} meeting{plural}"),
        _ => format!("{meetings} meeting{plural}, {dedicated} of them Dedicated"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::pool;

    #[test]
    fn a_full_pool_says_who_holds_it_in_few_words() {
        let name = |letter: &str| letter.repeat(63);
        let holder = |name: String, meetings, dedicated| (name, Usage { meetings, dedicated });
        let cases = [
            (vec![], 0, ""),
            (vec![holder("crew".into(), 1, 0)], 0, ", held by crew (1 meeting)"),
            (
                vec![holder("crew".into(), 12, 10)],
                1,
                ", held by crew (12 meetings, 10 of them Dedicated), 1 other namespace",
            ),
        ];
        for (largest, others, wanted) in cases {
            assert_eq!(describe_holders(&Holders { largest, others }), wanted);
        }
        let largest =
            vec![holder(name("a"), 9_999_999, 1000), holder(name("b"), 9_999_999, 1000), holder(name("c"), 1, 1)];
        let full = compute_full(&pool(json!({})), 1000, &Holders { largest, others: 100_000 });
        assert!(full.message.len() < 600, "{}", full.message);
        assert!(full.message.contains("100000 other namespaces: raise its max"), "{}", full.message);
    }
}
