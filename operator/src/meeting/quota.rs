//! Checks a namespace's usage of a pool against the limits of the pool.
//!
//! Pure. It applies to new assignments only and never revokes one.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use crate::model::{ledger::Usage, reason::Reason, valid_pool::ValidPool};
use convene_crds::reason;

/// The reason a meeting of `namespace` gets no place in `pool`, if that is the case. `others` is the usage by the other meetings of
/// the namespace; `may_be_dedicated` is whether the pool allows its Dedicated meetings.
pub(crate) fn check_quota(
    pool: &ValidPool,
    namespace: &str,
    is_dedicated: bool,
    may_be_dedicated: bool,
    others: Usage,
) -> Option<Reason> {
    let limits = pool.namespace_limits;
    if is_dedicated && (!may_be_dedicated || limits.dedicated == 0) {
        return Some(explain_not_allowed(pool, namespace, others.dedicated, may_be_dedicated));
    }
    let dedicated =
        Limit { what: "Dedicated meetings", used: others.dedicated, hard: limits.dedicated, field: "dedicated" };
    let meetings = Limit { what: "meetings", used: others.meetings, hard: limits.meetings, field: "meetings" };
    let mut limits = is_dedicated.then_some(dedicated).into_iter().chain([meetings]);
    limits.find(|limit| limit.used >= limit.hard).map(|limit| explain_used(pool, namespace, &limit))
}

/// A limit, and the usage that counts against it.
struct Limit {
    what: &'static str,
    used: u32,
    hard: u32,
    field: &'static str,
}

fn explain_used(pool: &ValidPool, namespace: &str, limit: &Limit) -> Reason {
    let (pool, Limit { what, used, hard, field }) = (&pool.name, limit);
    Reason::new(
        reason::NAMESPACE_SHARE_USED,
        format!(
            "namespace {namespace:?} has {used} of at most {hard} {what} in MediaPool {pool:?}: end or delete one of them, use another pool, or raise spec.namespaceLimits.{field} of the pool"
        ),
    )
}

fn explain_not_allowed(pool: &ValidPool, namespace: &str, used: u32, may_be_dedicated: bool) -> Reason {
    let pool = &pool.name;
    let remedy = if may_be_dedicated {
        "raise spec.namespaceLimits.dedicated of the pool"
    } else {
        "allow the namespace in spec.dedicatedNamespaces of the pool"
    };
    Reason::new(
        reason::DEDICATED_NOT_ALLOWED,
        format!(
            "namespace {namespace:?} has {used} of at most 0 Dedicated meetings in MediaPool {pool:?}: create the meeting with placement Shared, use another pool, or {remedy}"
        ),
    )
}

#[cfg(test)]
mod tests;
