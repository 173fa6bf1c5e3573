//! Counts the packets of one stream by their sequence numbers: delivered, lost, reordered. Pure.

/// The packets of a stream since the count began. Sequence numbers are extended, so they do not wrap; each arrives once.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Sequence {
    /// The first number that counts, and the highest seen.
    bounds: Option<(u64, u64)>,
    delivered: u64,
    reordered: u64,
}

/// Packets of one or several streams.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Packets {
    pub(crate) delivered: u64,
    pub(crate) lost: u64,
    /// Arrived after a packet with a higher number. Retransmissions are among them.
    pub(crate) reordered: u64,
}

impl Sequence {
    /// A packet arrived. Returns whether it counts: those from before the count began do not.
    pub(crate) fn arrive(&mut self, number: u64) -> bool {
        let (first, highest) = *self.bounds.get_or_insert((number, number));
        if number < first {
            return false;
        }
        self.delivered += 1;
        self.reordered += u64::from(number < highest);
        self.bounds = Some((first, highest.max(number)));
        true
    }

    /// Whether a packet ever arrived, also before the count began.
    pub(crate) fn has_begun(&self) -> bool {
        self.bounds.is_some()
    }

    /// Counts from the next packet on.
    pub(crate) fn restart(&mut self) {
        let bounds = self.bounds.map(|(_, highest)| (highest + 1, highest));
        *self = Self { bounds, ..Self::default() };
    }

    pub(crate) fn packets(&self) -> Packets {
        let expected = self.bounds.map_or(0, |(first, highest)| (highest + 1).saturating_sub(first));
        let lost = expected.saturating_sub(self.delivered);
        Packets { delivered: self.delivered, lost, reordered: self.reordered }
    }
}

impl std::ops::AddAssign for Packets {
    fn add_assign(&mut self, other: Self) {
        self.delivered += other.delivered;
        self.lost += other.lost;
        self.reordered += other.reordered;
    }
}

impl Packets {
    /// Lost packets per packet sent, 0 to 1.
    #[expect(clippy::cast_precision_loss, reason = "a ratio of counts far below 2^52")]
    pub(crate) fn loss(self) -> f64 {
        let sent = self.delivered + self.lost;
        if sent == 0 { 0.0 } else { self.lost as f64 / sent as f64 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn count(numbers: &[u64]) -> Packets {
        let mut sequence = Sequence::default();
        for number in numbers {
            sequence.arrive(*number);
        }
        sequence.packets()
    }

    #[test]
    fn gaps_are_lost_and_late_packets_fill_them() {
        let packets = |delivered, lost, reordered| Packets { delivered, lost, reordered };
        let cases: [(&[u64], Packets); 5] = [
            (&[], packets(0, 0, 0)),
            (&[70_000, 70_001, 70_002], packets(3, 0, 0)),
            (&[5, 7, 8], packets(3, 1, 0)),
            (&[5, 7, 6, 8], packets(4, 0, 1)),
            (&[5, 3, 6], packets(2, 0, 0)),
        ];
        for (numbers, expected) in cases {
            assert_eq!(count(numbers), expected, "{numbers:?}");
        }
    }

    #[test]
    fn a_restart_forgets_what_was_before_and_sees_what_is_lost_from_then_on() {
        let mut sequence = Sequence::default();
        for number in [1, 4, 9] {
            sequence.arrive(number);
        }
        sequence.restart();
        assert_eq!((sequence.packets(), sequence.has_begun()), (Packets::default(), true));
        assert!(!sequence.arrive(7), "of the time before");
        assert!(sequence.arrive(12));
        assert_eq!(sequence.packets(), Packets { delivered: 1, lost: 2, reordered: 0 });
    }

    #[test]
    fn loss_is_a_share_of_what_was_sent() {
        let packets = Packets { delivered: 75, lost: 25, reordered: 3 };
        assert!((packets.loss() - 0.25).abs() < 1e-9 && Packets::default().loss() == 0.0);
    }

    proptest! {
        /// In any order, whatever the gaps: what is delivered and what is lost add up to the numbers used, as long as the first comes first.
        #[test]
        fn delivered_and_lost_add_up(order in Just((1..200_u64).collect::<Vec<_>>()).prop_shuffle(), kept in 1..198_usize) {
            let numbers: Vec<u64> = std::iter::once(0).chain(order.into_iter().take(kept)).collect();
            let highest = *numbers.iter().max().expect("not empty");
            let packets = count(&numbers);
            prop_assert_eq!(packets.delivered, numbers.len() as u64);
            prop_assert_eq!(packets.delivered + packets.lost, highest + 1);
        }
    }
}
