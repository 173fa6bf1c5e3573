//! Connection limiters, by address and in total. Pure: the caller closes the connections that are displaced.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;

/// Limits connections that have not presented ICE credentials yet. A new one is always admitted and displaces the one that has waited longest:
/// honest clients need a slot for one round trip, idle ones hold it as long as they can.
#[derive(Debug)]
pub(super) struct PendingLimiter<T> {
    by_address: HashMap<IpAddr, VecDeque<(u64, T)>>,
    count: usize,
    next: u64,
    most: usize,
    most_per_address: usize,
}

impl<T> PendingLimiter<T> {
    pub(super) fn new(most: usize, most_per_address: usize) -> Self {
        Self { by_address: HashMap::new(), count: 0, next: 0, most, most_per_address }
    }

    /// The number of the new connection, and the displaced one: of the same address, or else of the address with the most connections.
    pub(super) fn add(&mut self, address: IpAddr, connection: T) -> (u64, Option<T>) {
        let of_address = self.by_address.get(&address).map_or(0, VecDeque::len);
        let displaced = if of_address >= self.most_per_address {
            self.pop(address)
        } else if self.count >= self.most {
            self.heaviest().and_then(|heaviest| self.pop(heaviest))
        } else {
            None
        };
        let number = self.next;
        self.next += 1;
        self.by_address.entry(address).or_default().push_back((number, connection));
        self.count += 1;
        (number, displaced)
    }

    /// Removes a connection, unless it was displaced.
    pub(super) fn remove(&mut self, address: IpAddr, number: u64) {
        let Some(queue) = self.by_address.get_mut(&address) else { return };
        let before = queue.len();
        queue.retain(|(other, _)| *other != number);
        self.count -= before - queue.len();
        self.forget_empty(address);
    }

    /// The address with the most connections; ties go to the one with the oldest connection.
    fn heaviest(&self) -> Option<IpAddr> {
        let age = |queue: &VecDeque<(u64, T)>| queue.front().map_or(u64::MAX, |(number, _)| *number);
        let weight = |queue: &VecDeque<(u64, T)>| (queue.len(), std::cmp::Reverse(age(queue)));
        self.by_address.iter().max_by_key(|(_, queue)| weight(queue)).map(|(address, _)| *address)
    }

    fn pop(&mut self, address: IpAddr) -> Option<T> {
        let (_, connection) = self.by_address.get_mut(&address)?.pop_front()?;
        self.count -= 1;
        self.forget_empty(address);
        Some(connection)
    }

    fn forget_empty(&mut self, address: IpAddr) {
        if self.by_address.get(&address).is_some_and(VecDeque::is_empty) {
            self.by_address.remove(&address);
        }
    }
}

/// Limits connections forwarded to a worker. These are never displaced: a new one is refused.
#[derive(Debug)]
pub(super) struct OpenLimiter {
    by_address: HashMap<IpAddr, usize>,
    count: usize,
    most: usize,
    most_per_address: usize,
}

impl OpenLimiter {
    pub(super) fn new(most: usize, most_per_address: usize) -> Self {
        Self { by_address: HashMap::new(), count: 0, most, most_per_address }
    }

    /// Admits a connection; false when the limit is reached.
    pub(super) fn add(&mut self, address: IpAddr) -> bool {
        let of_address = self.by_address.get(&address).copied().unwrap_or_default();
        if self.count >= self.most || of_address >= self.most_per_address {
            return false;
        }
        self.by_address.insert(address, of_address + 1);
        self.count += 1;
        true
    }

    /// Removes a connection.
    pub(super) fn remove(&mut self, address: IpAddr) {
        let Some(of_address) = self.by_address.get_mut(&address) else { return };
        *of_address -= 1;
        self.count -= 1;
        if *of_address == 0 {
            self.by_address.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use proptest::prelude::*;

    fn address(last: u8) -> IpAddr {
        Ipv4Addr::new(192, 0, 2, last).into()
    }

    #[test]
    fn the_oldest_of_an_address_with_too_many_loses_its_place() {
        let mut pending = PendingLimiter::new(10, 2);
        assert_eq!(pending.add(address(1), "a").1, None);
        assert_eq!(pending.add(address(2), "b").1, None);
        assert_eq!(pending.add(address(1), "c").1, None);
        assert_eq!(pending.add(address(1), "d").1, Some("a"), "not another address'");
        assert_eq!(pending.count, 3);
    }

    #[test]
    fn when_all_places_are_taken_the_address_with_the_most_loses_one() {
        let mut pending = PendingLimiter::new(3, 3);
        pending.add(address(1), "honest");
        pending.add(address(2), "a");
        pending.add(address(2), "b");
        assert_eq!(pending.add(address(3), "c").1, Some("a"));
        assert_eq!(pending.add(address(4), "d").1, Some("honest"), "ties go to the oldest");
        assert_eq!(pending.count, 3);
    }

    #[test]
    fn a_place_that_is_given_back_is_free_and_forgotten() {
        let mut pending = PendingLimiter::new(1, 1);
        let (number, _) = pending.add(address(1), "a");
        pending.remove(address(1), number);
        pending.remove(address(1), number);
        pending.remove(address(2), 7);
        assert_eq!((pending.count, pending.by_address.len()), (0, 0));
        assert_eq!(pending.add(address(2), "b").1, None);
    }

    #[test]
    fn open_connections_keep_their_places() {
        let mut open = OpenLimiter::new(3, 2);
        assert!(open.add(address(1)) && open.add(address(1)));
        assert!(!open.add(address(1)), "too many of one address");
        assert!(open.add(address(2)));
        assert!(!open.add(address(3)), "too many in all");
        open.remove(address(1));
        open.remove(address(9));
        assert!(open.add(address(3)));
        assert_eq!((open.count, open.by_address.len()), (3, 3));
    }

    proptest! {
        #[test]
        fn there_are_never_more_places_than_allowed(steps in proptest::collection::vec((0..5_u8, any::<bool>()), 0..200)) {
            let mut pending = PendingLimiter::new(6, 3);
            let mut held: Vec<(u8, u64)> = Vec::new();
            for (last, adds) in steps {
                if adds {
                    let (number, displaced) = pending.add(address(last), (last, pending.next));
                    held.push((last, number));
                    held.retain(|place| Some(*place) != displaced);
                } else if let Some((last, number)) = held.pop() {
                    pending.remove(address(last), number);
                }
                prop_assert_eq!(pending.count, held.len());
                prop_assert!(pending.count <= 6);
                let sum: usize = pending.by_address.values().map(VecDeque::len).sum();
                prop_assert_eq!(sum, pending.count);
                prop_assert!(pending.by_address.values().all(|queue| (1..=3).contains(&queue.len())));
            }
        }
    }
}
