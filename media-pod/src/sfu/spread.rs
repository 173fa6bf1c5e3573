//! Chooses the worker for a room's next transport. Pure: loads in, a choice out.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

/// Where to create a transport.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Choice {
    /// On a router of the room, by its index.
    At(usize),
    /// On an additional worker.
    New,
}

/// Chooses by the consumers that each worker carries. `used` are the room's workers, in the order of its routers; `unused` is the least
/// loaded of the others. A worker with `full` consumers is full. Workers are filled one after the other, because every additional one
/// costs a pipe per stream.
pub(crate) fn choose(used: &[usize], unused: Option<usize>, full: usize) -> Choice {
    if let Some(router) = used.iter().position(|load| *load < full) {
        return Choice::At(router);
    }
    let lightest = used.iter().enumerate().min_by_key(|(_, load)| **load);
    match (lightest, unused) {
        (None, _) => Choice::New,
        (Some((_, load)), Some(other)) if other < *load => Choice::New,
        (Some((router, _)), _) => Choice::At(router),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn workers_are_filled_one_after_the_other() {
        let cases = [
            ("empty room", &[][..], Some(0), Choice::New),
            ("there is place", &[5], Some(0), Choice::At(0)),
            ("full, another is free", &[10], Some(3), Choice::New),
            ("full, no other", &[10], None, Choice::At(0)),
            ("full, the other is fuller", &[10], Some(11), Choice::At(0)),
            ("the second has place", &[10, 4], Some(0), Choice::At(1)),
            ("all full: the lightest", &[12, 11], Some(11), Choice::At(1)),
        ];
        for (name, used, unused, expected) in cases {
            assert_eq!(choose(used, unused, 10), expected, "{name}");
        }
    }
}
