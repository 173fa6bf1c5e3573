//! Where the next transport of a room goes when the room may be larger than a worker. Pure: numbers in, a choice out.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

/// Where to make a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// On a worker where the room is already, by its number in the room.
    At(usize),
    /// On a worker where the room is not yet.
    Beside,
}

/// Chooses by the consumers that each worker carries. `here` are the workers where the room is, in the order in which it came to
/// them; `elsewhere` is the least loaded of the others. A worker is `full` from that many consumers on. Workers are filled one after
/// the other, since every further one costs a pipe per stream.
pub fn choose(here: &[usize], elsewhere: Option<usize>, full: usize) -> Choice {
    if let Some(site) = here.iter().position(|load| *load < full) {
        return Choice::At(site);
    }
    let lightest = here.iter().enumerate().min_by_key(|(_, load)| **load);
    match (lightest, elsewhere) {
        (None, _) => Choice::Beside,
        (Some((_, load)), Some(other)) if other < *load => Choice::Beside,
        (Some((site, _)), _) => Choice::At(site),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_filled_one_after_the_other() {
        let cases = [
            ("empty room", &[][..], Some(0), Choice::Beside),
            ("there is place", &[5], Some(0), Choice::At(0)),
            ("full, another is free", &[10], Some(3), Choice::Beside),
            ("full, no other", &[10], None, Choice::At(0)),
            ("full, the other is fuller", &[10], Some(11), Choice::At(0)),
            ("the second has place", &[10, 4], Some(0), Choice::At(1)),
            ("all full: the lightest", &[12, 11], Some(11), Choice::At(1)),
        ];
        for (name, here, elsewhere, expected) in cases {
            assert_eq!(choose(here, elsewhere, 10), expected, "{name}");
        }
    }
}
