//! Chooses the site of a client. Pure.

use super::step::{HOME, SiteId};

/// A site that may serve another client.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Candidate {
    pub(super) site: SiteId,
    /// Clients that it serves.
    pub(super) people: usize,
    /// Clients that it should serve at most.
    pub(super) capacity: u32,
}

impl Candidate {
    /// Whether this site is used less than the other, in relation to what they should serve.
    fn is_freer_than(&self, other: &Self) -> bool {
        let share = |of: &Self, capacity: u32| (of.people as u128 + 1) * u128::from(capacity.max(1));
        share(self, other.capacity) < share(other, self.capacity)
    }
}

/// The site that is used least after it has served one more client; the first of those that are equal. The home without any.
pub(super) fn choose(candidates: impl Iterator<Item = Candidate>) -> SiteId {
    let freest = candidates.reduce(|best, next| if next.is_freer_than(&best) { next } else { best });
    freest.map_or(HOME, |candidate| candidate.site)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn chosen(sites: &[(usize, u32)]) -> u32 {
        let candidate = |(site, (people, capacity)): (usize, &(usize, u32))| Candidate {
            site: SiteId(u32::try_from(site).unwrap()),
            people: *people,
            capacity: *capacity,
        };
        choose(sites.iter().enumerate().map(candidate)).0
    }

    #[test]
    fn clients_are_spread_by_capacity() {
        let cases = [
            ("no site", &[][..], 0),
            ("the first client", &[(0, 2), (0, 2)], 0),
            ("the second", &[(1, 2), (0, 2)], 1),
            ("a large site serves more", &[(1, 2), (5, 20)], 1),
            ("all full: the least overfull", &[(6, 2), (5, 2)], 1),
            ("without capacity after all others", &[(0, 0), (3, 10)], 1),
            ("the home has least to do", &[(3, 100), (50, 1000)], 0),
        ];
        for (name, sites, expected) in cases {
            assert_eq!(chosen(sites), expected, "{name}");
        }
    }
}
