//! The contiguous block of ports of this pod. Pure: it opens no port.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::fmt;
use std::ops::RangeInclusive;
use std::str::FromStr;

use thiserror::Error;

/// A block of UDP and TCP ports: the first ones for the workers' WebRTC servers, the others for plain transports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PortBlock {
    min: u16,
    max: u16,
}

/// A block of ports is invalid or too small.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PortBlockError {
    /// Not `MIN-MAX`.
    #[error("{text:?} is not a block of ports such as 40000-40003")]
    Malformed {
        /// As given.
        text: String,
    },
    /// Ports below 1024 need privileges that the pod does not have.
    #[error("ports must be 1024 or higher, not {min}")]
    Privileged {
        /// The lowest port of the block.
        min: u16,
    },
    /// The first port is higher than the last.
    #[error("the first port ({min}) is higher than the last ({max})")]
    Inverted {
        /// As given.
        min: u16,
        /// As given.
        max: u16,
    },
    /// More workers than ports.
    #[error(
        "{workers} workers need {workers} ports, but the block {block} has {ports}: enlarge --rtc-ports or lower --workers"
    )]
    TooSmall {
        /// The block.
        block: PortBlock,
        /// Its size.
        ports: usize,
        /// Requested workers.
        workers: usize,
    },
}

impl PortBlock {
    /// The block from `min` to `max`, both inclusive.
    pub fn new(min: u16, max: u16) -> Result<Self, PortBlockError> {
        if min > max {
            return Err(PortBlockError::Inverted { min, max });
        }
        if min < 1024 {
            return Err(PortBlockError::Privileged { min });
        }
        Ok(Self { min, max })
    }

    /// Number of ports.
    pub fn len(&self) -> usize {
        usize::from(self.max - self.min) + 1
    }

    /// Always false: a block has at least one port.
    pub fn is_empty(&self) -> bool {
        false
    }

    /// Whether the block contains a port.
    pub fn contains(&self, port: u16) -> bool {
        (self.min..=self.max).contains(&port)
    }

    /// All its ports.
    pub fn all(&self) -> RangeInclusive<u16> {
        self.min..=self.max
    }

    /// One port per worker, from the lowest up.
    pub fn worker_ports(&self, workers: usize) -> Result<RangeInclusive<u16>, PortBlockError> {
        match u16::try_from(workers) {
            Ok(count) if count > 0 && workers <= self.len() => Ok(self.min..=self.min + (count - 1)),
            _ => Err(PortBlockError::TooSmall { block: self.clone(), ports: self.len(), workers }),
        }
    }
}

impl PortBlock {
    /// The ports above the workers', for plain transports and for pipes between workers; `None` when there are none.
    pub fn plain_ports(&self, workers: usize) -> Option<RangeInclusive<u16>> {
        let first = u16::try_from(workers).ok().and_then(|count| self.min.checked_add(count))?;
        (first <= self.max).then_some(first..=self.max)
    }
}

impl FromStr for PortBlock {
    type Err = PortBlockError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let malformed = || PortBlockError::Malformed { text: text.to_owned() };
        let (min, max) = text.split_once('-').ok_or_else(malformed)?;
        let port = |text: &str| text.trim().parse().map_err(|_| malformed());
        Self::new(port(min)?, port(max)?)
    }
}

impl fmt::Display for PortBlock {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.min, self.max)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_are_read_and_written() {
        assert_eq!("40000-40003".parse::<PortBlock>().map(|block| block.to_string()), Ok("40000-40003".into()));
        assert_eq!("40000-40000".parse::<PortBlock>().map(|block| block.len()), Ok(1));
        assert_eq!("1024-65535".parse::<PortBlock>().map(|block| block.len()), Ok(64_512));
        let block = PortBlock::new(40_000, 40_003).unwrap();
        let contains = [39_999, 40_000, 40_003, 40_004].map(|port| block.contains(port));
        assert_eq!(contains, [false, true, true, false]);
    }

    #[test]
    fn nonsense_is_refused() {
        for text in ["", "40000", "-", "a-b", "40000-70000", "40000-40001-40002", "-1-5"] {
            assert_eq!(text.parse::<PortBlock>(), Err(PortBlockError::Malformed { text: text.into() }));
        }
        assert_eq!("5000-4000".parse::<PortBlock>(), Err(PortBlockError::Inverted { min: 5000, max: 4000 }));
        assert_eq!("80-90".parse::<PortBlock>(), Err(PortBlockError::Privileged { min: 80 }));
    }

    #[test]
    fn workers_take_the_lowest_ports_of_the_block_and_none_beside_it() {
        let block = PortBlock::new(40_000, 40_003).unwrap();
        assert_eq!(block.worker_ports(2), Ok(40_000..=40_001));
        assert_eq!(block.worker_ports(4), Ok(40_000..=40_003));
        let refused = block.worker_ports(5).unwrap_err().to_string();
        assert_eq!(
            refused,
            "5 workers need 5 ports, but the block 40000-40003 has 4: enlarge --rtc-ports or lower --workers"
        );
        assert!(block.worker_ports(0).is_err());
        assert_eq!(block.plain_ports(3), Some(40_003..=40_003));
        assert_eq!(block.plain_ports(4), None);
        assert_eq!(PortBlock::new(65_534, 65_535).unwrap().plain_ports(2), None);
    }
}
