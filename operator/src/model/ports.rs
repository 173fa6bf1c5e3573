//! Port ranges and their allocation: which ports the next media pod gets.
//!
//! Pure: the caller computes the ports in use from the observed pods for every plan, and the time is an argument. By construction no port
//! is allocated twice: a block is free if it overlaps no block that is in use or held back.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{collections::BTreeMap, collections::BTreeSet, fmt, str::FromStr, time::Duration};

use jiff::Timestamp;
use thiserror::Error;

/// How long a freed block is held back: packets of earlier calls may still be in flight, and nodes remember UDP flows for half a minute.
pub(crate) const QUARANTINE: Duration = Duration::from_secs(30);

/// A range of consecutive ports, both ends inclusive; never empty or inverted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PortRange {
    first: u16,
    last: u16,
}

/// A string or a pair of numbers that is not a port range.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{0:?} is not a port range such as \"40000-40003\"")]
pub struct PortRangeError(String);

impl PortRange {
    /// The range from `first` to `last`, both included.
    pub(crate) fn new(first: u16, last: u16) -> Result<Self, PortRangeError> {
        if first == 0 || first > last {
            return Err(PortRangeError(format!("{first}-{last}")));
        }
        Ok(Self { first, last })
    }

    /// First port.
    pub(crate) const fn first(self) -> u16 {
        self.first
    }

    /// Last port.
    pub(crate) const fn last(self) -> u16 {
        self.last
    }

    /// Number of ports, at least 1.
    pub(crate) fn count(self) -> u32 {
        u32::from(self.last) - u32::from(self.first) + 1
    }

    /// Whether the ranges have a port in common.
    pub const fn overlaps(self, other: Self) -> bool {
        self.first <= other.last && other.first <= self.last
    }

    /// Whether `port` is in the range.
    pub(crate) const fn contains(self, port: u16) -> bool {
        self.first <= port && port <= self.last
    }

    /// All ports, in order.
    pub(crate) fn ports(self) -> impl Iterator<Item = u16> {
        self.first..=self.last
    }

    fn starting_at(first: u32, count: u32) -> Option<Self> {
        let last = first.checked_add(count.checked_sub(1)?)?;
        Some(Self { first: u16::try_from(first).ok()?, last: u16::try_from(last).ok()? })
    }
}

impl fmt::Display for PortRange {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.first, self.last)
    }
}

impl FromStr for PortRange {
    type Err = PortRangeError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || PortRangeError(text.to_owned());
        let (first, last) = text.split_once('-').ok_or_else(error)?;
        let number = |part: &str| part.parse::<u16>().map_err(|_| error());
        Self::new(number(first)?, number(last)?).map_err(|_| error())
    }
}

/// The lowest block of `count` ports within `range` that overlaps nothing in `taken`, if there is one.
pub(crate) fn compute_free_block(range: PortRange, count: u32, taken: &BTreeSet<PortRange>) -> Option<PortRange> {
    let mut first = u32::from(range.first);
    // Sorted by first port, one walk finds the lowest gap; blocks may lie outside the range or overlap each other.
    for block in taken {
        let candidate = PortRange::starting_at(first, count)?;
        if candidate.last < block.first {
            break;
        }
        first = first.max(u32::from(block.last) + 1);
    }
    PortRange::starting_at(first, count).filter(|block| block.last <= range.last)
}

/// Number of ports of `range` that are in one of `taken`.
pub(crate) fn compute_used_ports(range: PortRange, taken: &BTreeSet<PortRange>) -> u32 {
    let used = range.ports().filter(|port| taken.iter().any(|block| block.first <= *port && *port <= block.last));
    u32::try_from(used.count()).unwrap_or(u32::MAX)
}

/// Blocks that are held back after use. The pools' statuses hold them too, so that a new process continues where the last one ended:
/// [`Quarantine::recall`].
#[derive(Clone, Debug, Default)]
pub(crate) struct Quarantine {
    in_use: BTreeSet<PortRange>,
    resting: BTreeMap<PortRange, Timestamp>,
}

impl Quarantine {
    /// Adds an entry of a pool's status: a block allocated to a pod (`None`), or one held back until that time. If its pod is gone by
    /// the next observation, the block is held back from then on, because it is not known when it was freed.
    pub(crate) fn recall(&mut self, block: PortRange, resting_until: Option<Timestamp>) {
        match resting_until {
            Some(until) => drop(self.resting.insert(block, until)),
            None => drop(self.in_use.insert(block)),
        }
    }

    /// Reserves blocks that are about to be allocated to pods.
    pub(crate) fn reserve(&mut self, blocks: impl IntoIterator<Item = PortRange>) {
        self.in_use.extend(blocks);
    }

    /// All blocks that are held back, and the end of that time.
    pub(crate) fn rests(&self) -> impl Iterator<Item = (PortRange, Timestamp)> {
        self.resting.iter().map(|(block, until)| (*block, *until))
    }

    /// Updates the blocks in use: a block that is no longer in use is held back from now on.
    pub(crate) fn observe(&mut self, in_use: &BTreeSet<PortRange>, rest: Duration, now: Timestamp) {
        let rest = jiff::SignedDuration::try_from(rest).unwrap_or_default();
        // Whole seconds, as in the status, so that a time read back equals the time written.
        let until = now.saturating_add(rest).unwrap_or(Timestamp::MAX);
        let is_whole = until.subsec_nanosecond() == 0;
        let until = Timestamp::from_second(until.as_second() + i64::from(!is_whole)).unwrap_or(until);
        for freed in self.in_use.difference(in_use) {
            self.resting.insert(*freed, until);
        }
        self.resting.retain(|block, end| *end > now && !in_use.contains(block));
        self.in_use.clone_from(in_use);
    }

    /// The blocks held back, as of the last observation.
    pub(crate) fn resting(&self) -> impl Iterator<Item = PortRange> {
        self.resting.keys().copied()
    }

    /// When the next block is released.
    pub(crate) fn next_release(&self) -> Option<Timestamp> {
        self.resting.values().min().copied()
    }
}

#[cfg(test)]
mod tests;
