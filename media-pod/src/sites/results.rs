//! Outcomes of the operations of sites: what they mean for the streams between sites, and for the room.

use super::Sites;
use super::objects::Object;
use super::pairs::Change;
use super::step::{HOME, MediaResult, Note, SiteId, Step, Ticket};
use crate::room::{
    ConnectionId, ConsumerId, MediaError, Outcome, PipeOutcome, PipedChannel, PipedStream, ProducerId, TransportId,
};

impl Sites {
    /// The outcome of an operation of a site. Each comes once, also for a site that is gone: as a failure.
    pub(crate) fn done(&mut self, site: SiteId, ticket: Ticket, outcome: MediaResult) -> Vec<Step> {
        let mut steps = Vec::new();
        match ticket {
            Ticket::Room(context, note) => {
                let outcome = self.record(site, note, outcome, &mut steps);
                steps.push(Step::Done(context, outcome));
            }
            Ticket::Open(id) => {
                let change = self.pairs.opened(id, site, outcome.ok(), &mut steps);
                self.pair_changed(change, &mut steps);
            }
            Ticket::Connect(id) => {
                let change = self.pairs.connected(id, outcome.is_ok(), &mut steps);
                self.pair_changed(change, &mut steps);
            }
            Ticket::Send(attempt) => {
                self.streams.sent(&attempt, outcome.and_then(stream_of), &mut self.pairs, &mut steps);
            }
            Ticket::Receive(attempt) => {
                self.streams.received(&attempt, outcome.map(|_| ()), &mut self.pairs, &mut steps);
            }
            Ticket::Describe(attempt) => {
                self.channels.described(&attempt, outcome.and_then(channel_of), &mut steps);
            }
            Ticket::Mirror(attempt) => {
                let created = outcome.and_then(|outcome| match outcome {
                    Outcome::DataProducer(id) => Ok(id),
                    _ => Err(unexpected()),
                });
                self.channels.mirrored(&attempt, created, &mut steps);
            }
            Ticket::Quiet => {}
        }
        steps
    }

    fn pair_changed(&mut self, change: Change, steps: &mut Vec<Step>) {
        match change {
            Change::None => {}
            Change::Opened(between) => self.streams.start(between, &mut self.pairs, steps),
            Change::Failed(between) => self.streams.fail_all(between, steps),
        }
    }

    /// Records what an operation has created.
    fn record(&mut self, site: SiteId, note: Note, outcome: MediaResult, steps: &mut Vec<Step>) -> MediaResult {
        match (note, outcome) {
            (Note::Transport(connection), outcome) => self.record_transport(site, connection, outcome),
            (Note::Producer { transport, is_audio }, Ok(Outcome::Producer(created))) => {
                self.objects.add(Object::Producer(created.id.clone()), &transport);
                if is_audio && site != HOME && self.objects.site_of_transport(&transport) == site {
                    self.streams.observe(&(created.id.clone(), HOME), site, &mut self.pairs, steps);
                }
                Ok(Outcome::Producer(created))
            }
            (Note::Consumer { transport, producer, is_active }, outcome) => {
                let created = match &outcome {
                    Ok(Outcome::Consumer(created)) => Some(created.id.clone()),
                    _ => None,
                };
                self.consumed(site, (transport, producer), created, is_active, steps);
                outcome
            }
            (Note::Resumed(id), Ok(outcome)) => {
                self.streams.set_active(&id, true, &mut self.pairs, steps);
                Ok(outcome)
            }
            (Note::DataProducer(transport), Ok(Outcome::DataProducer(id))) => {
                self.objects.add(Object::DataProducer(id.clone()), &transport);
                Ok(Outcome::DataProducer(id))
            }
            (Note::DataConsumer(transport, of), Ok(Outcome::DataConsumer(mut created))) => {
                self.objects.add(Object::DataConsumer(created.id.clone()), &transport);
                created.producer = of.unwrap_or(created.producer);
                Ok(Outcome::DataConsumer(created))
            }
            (Note::Producer { .. } | Note::DataProducer(_) | Note::DataConsumer(..), Ok(_)) if site != HOME => {
                Err(unexpected())
            }
            (_, outcome) => outcome,
        }
    }

    fn record_transport(&mut self, site: SiteId, connection: ConnectionId, outcome: MediaResult) -> MediaResult {
        let outcome = match outcome {
            Ok(Outcome::Transport(created)) if !self.objects.has_transport(&created.id) => {
                self.objects.arrive(connection, site, Some(created.id.clone()));
                return Ok(Outcome::Transport(created));
            }
            Ok(_) => Err(unexpected()),
            Err(error) => Err(error),
        };
        self.objects.arrive(connection, site, None);
        self.note_refusal(site);
        outcome
    }

    fn consumed(
        &mut self,
        site: SiteId,
        (transport, producer): (TransportId, ProducerId),
        created: Option<ConsumerId>,
        is_active: bool,
        steps: &mut Vec<Step>,
    ) {
        if let Some(id) = &created {
            self.objects.add(Object::Consumer(id.clone()), &transport);
        }
        let created = created.map(|id| (id, transport, is_active));
        self.streams.consumed(&(producer, site), created, &mut self.pairs, steps);
    }
}

fn stream_of(outcome: Outcome) -> Result<PipedStream, MediaError> {
    match outcome {
        Outcome::Pipe(PipeOutcome::Sending(stream)) => Ok(stream),
        _ => Err(unexpected()),
    }
}

fn channel_of(outcome: Outcome) -> Result<PipedChannel, MediaError> {
    match outcome {
        Outcome::Pipe(PipeOutcome::Channel(channel)) => Ok(channel),
        _ => Err(unexpected()),
    }
}

/// A site that returns something else is not of this program.
fn unexpected() -> MediaError {
    MediaError { code: 500, message: "another media pod returned an unexpected outcome".into() }
}
