//! Participants who have just left the room and may return. Bounded in number and time.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::room::interface::ids::PeerId;

/// How long a participant whose connection has ended may return as the same participant.
const RETURN_TIME: Duration = Duration::from_mins(1);

/// Traces by which a participant who comes back is recognized.
#[derive(Clone, Debug)]
pub(crate) struct Trace {
    pub(crate) person: Option<String>,
    pub(crate) address: Option<String>,
    pub(crate) hand_raised: bool,
}

#[derive(Debug)]
struct Departure {
    at: Duration,
    trace: Trace,
}

/// The participants who have just left.
#[derive(Debug, Default)]
pub(crate) struct Departed(BTreeMap<PeerId, Departure>);

impl Departed {
    /// All of them count as having left `at` the same time.
    pub(crate) fn all_at(at: Duration, traces: BTreeMap<PeerId, Trace>) -> Self {
        Self(traces.into_iter().map(|(id, trace)| (id, Departure { at, trace })).collect())
    }

    /// Remembers one more, unless there are already `limit`. A proven person is remembered once: with many peerIds it would take the places of others.
    pub(crate) fn add(&mut self, id: PeerId, trace: Trace, limit: usize, now: Duration) {
        let is_person = |other: &Trace| trace.person.is_some() && other.person == trace.person;
        self.0.retain(|_, departure| !is_person(&departure.trace));
        if self.0.len() < limit {
            self.0.insert(id, Departure { at: now, trace });
        }
    }

    pub(crate) fn take(&mut self, id: &PeerId) -> Option<Trace> {
        self.0.remove(id).map(|departure| departure.trace)
    }

    pub(crate) fn has_person(&self, person: &str) -> bool {
        self.0.values().any(|departure| departure.trace.person.as_deref() == Some(person))
    }

    /// Whether a client without a proven identity was here with this peerId, from the same address.
    pub(crate) fn has_unproven(&self, id: &PeerId, address: Option<&str>) -> bool {
        let trace = self.0.get(id).map(|departure| &departure.trace);
        trace.is_some_and(|trace| trace.person.is_none() && trace.address.as_deref() == address)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(crate) fn traces(&self) -> impl Iterator<Item = (&PeerId, &Trace)> {
        self.0.iter().map(|(id, departure)| (id, &departure.trace))
    }

    pub(crate) fn forget(&mut self, id: &PeerId, person: Option<&str>) {
        let is_person = |trace: &Trace| person.is_some() && trace.person.as_deref() == person;
        self.0.retain(|other, departure| other != id && !is_person(&departure.trace));
    }

    pub(crate) fn forget_expired(&mut self, now: Duration) {
        self.0.retain(|_, departure| now.saturating_sub(departure.at) < RETURN_TIME);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proven_person_takes_one_place() {
        let mut departed = Departed::default();
        let trace =
            |person: Option<&str>| Trace { person: person.map(str::to_owned), address: None, hand_raised: false };
        for number in 0..10 {
            departed.add(PeerId(format!("eve-{number}")), trace(Some("eve")), 3, Duration::ZERO);
        }
        departed.add(PeerId::from("bob"), trace(Some("bob")), 3, Duration::ZERO);
        departed.add(PeerId::from("demo"), trace(None), 3, Duration::ZERO);
        assert_eq!(departed.traces().map(|(id, _)| id.0.as_str()).collect::<Vec<_>>(), ["bob", "demo", "eve-9"]);
    }
}
