//! Usage of each pool by namespace, for the limits set by pools.
//!
//! Pure sums, updated by the ledger with each change of a meeting. It enforces nothing: `meeting::quota` compares usage with limits.

use std::{
    cmp::Reverse,
    collections::{BTreeMap, BinaryHeap, HashMap},
    sync::Arc,
};

use super::load::MeetingKey;

/// Maximum number of namespaces named as holders of a full pool; the others are only counted.
const MOST_NAMED: usize = 3;

/// Usage of one pool by one namespace, or a limit for it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Usage {
    /// Number of meetings.
    pub(crate) meetings: u32,
    /// Number of Dedicated meetings among them.
    pub(crate) dedicated: u32,
}

impl Usage {
    /// Usage by one meeting.
    pub(super) fn of_one(is_dedicated: bool) -> Self {
        Self { meetings: 1, dedicated: u32::from(is_dedicated) }
    }

    const fn plus(self, other: Self) -> Self {
        Self {
            meetings: self.meetings.saturating_add(other.meetings),
            dedicated: self.dedicated.saturating_add(other.dedicated),
        }
    }

    /// Usage without `other`.
    #[must_use]
    pub(crate) const fn minus(self, other: Self) -> Self {
        Self {
            meetings: self.meetings.saturating_sub(other.meetings),
            dedicated: self.dedicated.saturating_sub(other.dedicated),
        }
    }

    /// Number of Shared meetings that would fit in the same capacity.
    fn weight(self, meetings_per_pod: u32) -> u64 {
        let shared = self.meetings.saturating_sub(self.dedicated);
        u64::from(self.dedicated) * u64::from(meetings_per_pod) + u64::from(shared)
    }
}

/// Usage by pool and namespace. Namespaces without usage have no entry.
#[derive(Clone, Debug, Default)]
pub(super) struct UsageTable {
    by_pool: HashMap<Arc<str>, BTreeMap<String, Usage>>,
}

impl UsageTable {
    pub(super) fn add(&mut self, pool: &Arc<str>, namespace: &str, usage: Usage) {
        let usages = self.by_pool.entry(Arc::clone(pool)).or_default();
        match usages.get_mut(namespace) {
            Some(old) => *old = old.plus(usage),
            None => {
                usages.insert(namespace.to_owned(), usage);
            }
        }
    }

    pub(super) fn subtract(&mut self, pool: &str, namespace: &str, usage: Usage) {
        let Some(usages) = self.by_pool.get_mut(pool) else { return };
        if let Some(old) = usages.get_mut(namespace) {
            *old = old.minus(usage);
            if *old == Usage::default() {
                usages.remove(namespace);
            }
        }
        if usages.is_empty() {
            self.by_pool.remove(pool);
        }
    }

    pub(super) fn of(&self, pool: &str, namespace: &str) -> Usage {
        self.by_pool.get(pool).and_then(|usages| usages.get(namespace)).copied().unwrap_or_default()
    }

    /// The largest holders of `pool`.
    pub(super) fn holders(&self, pool: &str, meetings_per_pod: u32) -> Holders {
        let mut all: Vec<_> = self.by_pool.get(pool).into_iter().flatten().collect();
        all.sort_by_key(|(namespace, usage)| (Reverse(usage.weight(meetings_per_pod)), *namespace));
        let others = all.len().saturating_sub(MOST_NAMED);
        all.truncate(MOST_NAMED);
        Holders { largest: all.into_iter().map(|(namespace, usage)| (namespace.clone(), *usage)).collect(), others }
    }
}

/// The namespaces that use a pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Holders {
    /// Those with the largest usage, largest first.
    pub(crate) largest: Vec<(String, Usage)>,
    /// Number of other namespaces.
    pub(crate) others: usize,
}

/// Orders waiting meetings so that each place goes to the namespace with the fewest meetings at that point. `held` is the number of meetings
/// that a namespace has before the first place is given.
pub(super) fn order_fairly<'a>(
    waiting: impl Iterator<Item = &'a Arc<MeetingKey>>,
    held: impl Fn(&str) -> u32,
) -> Vec<&'a Arc<MeetingKey>> {
    let mut by_namespace: BTreeMap<&str, Vec<_>> = BTreeMap::new();
    for key in waiting {
        by_namespace.entry(&key.namespace).or_default().push(key);
    }
    let mut turns: BinaryHeap<_> =
        by_namespace.keys().map(|namespace| Reverse((held(namespace), *namespace))).collect();
    let mut queues: BTreeMap<_, _> = by_namespace.into_iter().map(|(name, keys)| (name, keys.into_iter())).collect();
    let mut order = Vec::new();
    while let Some(Reverse((holds, namespace))) = turns.pop() {
        if let Some(key) = queues.get_mut(namespace).and_then(Iterator::next) {
            order.push(key);
            turns.push(Reverse((holds.saturating_add(1), namespace)));
        }
    }
    order
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(namespace: &str, name: &str) -> Arc<MeetingKey> {
        Arc::new(MeetingKey { namespace: namespace.into(), name: name.into() })
    }

    fn order(waiting: &[Arc<MeetingKey>], held: &[(&str, u32)]) -> Vec<String> {
        let held = |namespace: &str| held.iter().find(|(name, _)| *name == namespace).map_or(0, |(_, count)| *count);
        order_fairly(waiting.iter(), held).into_iter().map(|key| key.name.clone()).collect()
    }

    #[test]
    fn the_namespace_that_holds_least_has_the_next_place() {
        type Case<'a> = (&'a str, &'a [(&'a str, u32)], [&'a str; 5]);
        let waiting = [key("bay", "b1"), key("bay", "b2"), key("bay", "b3"), key("crew", "c1"), key("dock", "d1")];
        let cases: [Case<'_>; 4] = [
            ("nothing is held", &[], ["b1", "c1", "d1", "b2", "b3"]),
            ("one holds more", &[("bay", 2)], ["c1", "d1", "b1", "b2", "b3"]),
            ("it catches up", &[("crew", 2), ("dock", 2)], ["b1", "b2", "b3", "c1", "d1"]),
            ("and waits then", &[("crew", 1), ("dock", 9)], ["b1", "b2", "c1", "b3", "d1"]),
        ];
        for (case, held, wanted) in cases {
            assert_eq!(order(&waiting, held), wanted, "{case}");
        }
    }

    #[test]
    fn holders_are_ordered_by_their_share_of_the_pool() {
        let mut usages = UsageTable::default();
        let pool: Arc<str> = "lagoon".into();
        for (namespace, meetings, dedicated) in
            [("bay", 90, 0), ("crew", 2, 2), ("dock", 5, 0), ("edge", 5, 0), ("fjord", 1, 0)]
        {
            usages.add(&pool, namespace, Usage { meetings, dedicated });
        }
        let named = |per_pod| -> Vec<_> {
            usages.holders("lagoon", per_pod).largest.into_iter().map(|(name, _)| name).collect()
        };
        assert_eq!(named(100), ["crew", "bay", "dock"]);
        assert_eq!(named(10), ["bay", "crew", "dock"]);
        assert_eq!(usages.holders("lagoon", 10).others, 2);
        assert_eq!(usages.holders("pond", 10), Holders::default());
        usages.subtract("lagoon", "crew", Usage { meetings: 2, dedicated: 2 });
        assert_eq!(usages.of("lagoon", "crew"), Usage::default());
        assert_eq!(usages.holders("lagoon", 10).others, 1);
    }
}
