//! Whether a namespace may have another place in a pool: the pool's limits against what the namespace holds.
//!
//! Pure. It never takes a place away; `plan` asks it only about new ones.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use crate::{ledger::Share, pool::validate::ValidPool, reason, wait::Wait};

/// Why a meeting of `namespace` may not have a place in `pool`, if so. `others` is what the namespace's other meetings hold or have a pod made
/// for, `may_be_dedicated` whether the pool lets its meetings have pods to themselves.
pub fn compute_bar(
    pool: &ValidPool,
    namespace: &str,
    is_dedicated: bool,
    may_be_dedicated: bool,
    others: Share,
) -> Option<Wait> {
    let limits = pool.namespace_limits;
    if is_dedicated && (!may_be_dedicated || limits.dedicated == 0) {
        return Some(compute_not_dedicated(pool, namespace, others, may_be_dedicated));
    }
    if is_dedicated && others.dedicated >= limits.dedicated {
        let used = Used { what: "Dedicated meetings", count: others.dedicated, most: limits.dedicated, field: "dedicated" };
        return Some(compute_used(pool, namespace, &used));
    }
    let used = Used { what: "meetings", count: others.meetings, most: limits.meetings, field: "meetings" };
    (others.meetings >= limits.meetings).then(|| compute_used(pool, namespace, &used))
}

/// A limit that is reached.
struct Used {
    what: &'static str,
    count: u32,
    most: u32,
    field: &'static str,
}

fn compute_used(pool: &ValidPool, namespace: &str, used: &Used) -> Wait {
    let Used { what, count, most, field } = used;
    let pool = &pool.name;
    Wait::new(
        reason::NAMESPACE_SHARE_USED,
        format!(
            "namespace {namespace:?} holds {count} {what} of MediaPool {pool:?} and may hold {most}: end or delete one of them, use another pool, or raise namespaceLimits.{field} of the pool"
        ),
    )
}

fn compute_not_dedicated(pool: &ValidPool, namespace: &str, others: Share, may_be_dedicated: bool) -> Wait {
    let (name, count) = (&pool.name, others.dedicated);
    let remedy = if may_be_dedicated {
        "raise namespaceLimits.dedicated of the pool"
    } else {
        "admit the namespace in dedicatedNamespaces of the pool"
    };
    Wait::new(
        reason::DEDICATED_NOT_ALLOWED,
        format!(
            "namespace {namespace:?} holds {count} Dedicated meetings of MediaPool {name:?} and may hold 0: create the meeting with placement Shared, use another pool, or {remedy}"
        ),
    )
}

#[cfg(test)]
mod tests;
