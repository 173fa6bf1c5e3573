//! Pairs of pipe transports, one for each two sites with streams between them. A pair is one unit: if one end fails, both are closed and
//! nothing of the attempt is kept, so that the next stream starts from the beginning.

use std::collections::BTreeMap;

use super::step::{SiteId, Step, Ticket};
use crate::room::{Operation, Outcome, PipeEnd, PipeId, PipeOperation, PipeOutcome};

/// Two sites, the lower id first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Between(SiteId, SiteId);

impl Between {
    pub(super) fn new(a: SiteId, b: SiteId) -> Self {
        Self(a.min(b), a.max(b))
    }

    fn has(self, site: SiteId) -> bool {
        self.0 == site || self.1 == site
    }

    fn other(self, site: SiteId) -> SiteId {
        if self.0 == site { self.1 } else { self.0 }
    }
}

/// All pairs of a room.
#[derive(Debug, Default)]
pub(super) struct Pairs {
    pairs: BTreeMap<Between, Pair>,
    last: u64,
}

#[derive(Debug)]
struct Pair {
    id: PipeId,
    state: State,
}

#[derive(Debug)]
enum State {
    /// One end has been created, or none.
    Opening(Option<(SiteId, PipeEnd)>),
    /// Ends that are not connected yet.
    Connecting(u8),
    Open,
}

/// What an outcome means for the streams of a pair.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Change {
    /// They wait.
    None,
    /// They can be sent.
    Opened(Between),
    /// They fail.
    Failed(Between),
}

impl Pairs {
    /// The pair between two sites if streams can use it. If there is none, it is opened.
    pub(super) fn request(&mut self, between: Between, steps: &mut Vec<Step>) -> Option<PipeId> {
        if let Some(pair) = self.pairs.get(&between) {
            return matches!(pair.state, State::Open).then_some(pair.id);
        }
        self.last += 1;
        let id = PipeId(self.last);
        self.pairs.insert(between, Pair { id, state: State::Opening(None) });
        for site in [between.0, between.1] {
            steps.push(Step::Run(site, Operation::Pipe(PipeOperation::Open(id)), Ticket::Open(id)));
        }
        None
    }

    /// The id of the pair between two sites, whatever its state.
    pub(super) fn id(&self, between: Between) -> Option<PipeId> {
        self.pairs.get(&between).map(|pair| pair.id)
    }

    /// An end was created, or could not be.
    pub(super) fn opened(
        &mut self,
        id: PipeId,
        site: SiteId,
        outcome: Option<Outcome>,
        steps: &mut Vec<Step>,
    ) -> Change {
        let Some(between) = self.between(id) else { return Change::None };
        let Some(Outcome::Pipe(PipeOutcome::Open(end))) = outcome else { return self.fail(between, steps) };
        let Some(pair) = self.pairs.get_mut(&between) else { return Change::None };
        let State::Opening(first) = &mut pair.state else { return self.fail(between, steps) };
        let Some((other, other_end)) = first.take() else {
            *first = Some((site, end));
            return Change::None;
        };
        pair.state = State::Connecting(2);
        let connect =
            |site, end| Step::Run(site, Operation::Pipe(PipeOperation::Connect(id, end)), Ticket::Connect(id));
        steps.extend([connect(site, other_end), connect(other, end)]);
        Change::None
    }

    /// An end was connected, or could not be.
    pub(super) fn connected(&mut self, id: PipeId, is_done: bool, steps: &mut Vec<Step>) -> Change {
        let Some(between) = self.between(id) else { return Change::None };
        match self.pairs.get_mut(&between).map(|pair| &mut pair.state) {
            Some(state @ State::Connecting(1)) if is_done => {
                *state = State::Open;
                Change::Opened(between)
            }
            Some(State::Connecting(left)) if is_done => {
                *left -= 1;
                Change::None
            }
            _ => self.fail(between, steps),
        }
    }

    fn between(&self, id: PipeId) -> Option<Between> {
        self.pairs.iter().find(|(_, pair)| pair.id == id).map(|(between, _)| *between)
    }

    fn fail(&mut self, between: Between, steps: &mut Vec<Step>) -> Change {
        self.close(between, steps);
        Change::Failed(between)
    }

    /// Closes both ends.
    pub(super) fn close(&mut self, between: Between, steps: &mut Vec<Step>) {
        let Some(pair) = self.pairs.remove(&between) else { return };
        let close = |site| Step::quiet(site, Operation::Pipe(PipeOperation::Close(pair.id)));
        steps.extend([between.0, between.1].map(close));
    }

    /// Closes the other ends of pipes to a site that is gone.
    pub(super) fn lose(&mut self, site: SiteId, steps: &mut Vec<Step>) {
        let lost: Vec<Between> = self.pairs.keys().copied().filter(|between| between.has(site)).collect();
        for between in lost {
            if let Some(pair) = self.pairs.remove(&between) {
                steps.push(Step::quiet(between.other(site), Operation::Pipe(PipeOperation::Close(pair.id))));
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.pairs.is_empty()
    }
}
