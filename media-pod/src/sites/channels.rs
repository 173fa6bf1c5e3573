//! Data channels that are received at another site than their own. Pipes do not encrypt messages, so the home sends them over its links: to a data
//! producer of the other pod's process (mirror), which stands for the one of the client.

use std::collections::{BTreeMap, BTreeSet};

use super::step::{Attempt, ChannelKey, HOME, SiteId, Step, Ticket, Waiting};
use super::streams::unavailable;
use super::{fail, gone};
use crate::room::{DataProducerId, MediaError, Operation, PipeOperation, PipedChannel, TransportId};

/// All such channels of a room.
#[derive(Debug, Default)]
pub(super) struct Channels {
    channels: BTreeMap<ChannelKey, Channel>,
    attempts: u64,
}

#[derive(Debug)]
struct Channel {
    attempt: u64,
    from: SiteId,
    state: State,
    waiting: Vec<Waiting>,
    /// Transports that were closed at its site before its own is known.
    closed: BTreeSet<TransportId>,
}

#[derive(Debug, PartialEq, Eq)]
enum State {
    /// Its site describes it.
    Describing,
    /// The mirror is created.
    Creating(Option<TransportId>),
    /// There is a mirror.
    Open { mirror: DataProducerId, transport: Option<TransportId> },
}

impl Channel {
    fn ends_with(&self, closed: &TransportId) -> bool {
        match &self.state {
            State::Describing => false,
            State::Creating(transport) | State::Open { transport, .. } => transport.as_ref() == Some(closed),
        }
    }
}

impl Channels {
    /// A data consumer is to be created at another site than its data producer's.
    pub(super) fn consume(&mut self, key: ChannelKey, from: SiteId, waiting: Waiting, steps: &mut Vec<Step>) {
        if let Some(channel) = self.channels.get_mut(&key) {
            match &channel.state {
                State::Open { mirror, .. } => steps.push(waiting.receiving(mirror).run(key.1)),
                State::Describing | State::Creating(_) => channel.waiting.push(waiting),
            }
            return;
        }
        self.attempts += 1;
        let attempt = self.attempts;
        let describe = Operation::Pipe(PipeOperation::Describe(key.0.clone()));
        steps.push(Step::Run(from, describe, Ticket::Describe(Attempt { key: key.clone(), number: attempt })));
        let waiting = vec![waiting];
        self.channels
            .insert(key, Channel { attempt, from, state: State::Describing, waiting, closed: BTreeSet::new() });
    }

    /// A data producer is described, or is gone.
    pub(super) fn described(
        &mut self,
        attempt: &Attempt<ChannelKey>,
        described: Result<PipedChannel, MediaError>,
        steps: &mut Vec<Step>,
    ) {
        let Some(channel) = self.of_attempt(attempt) else { return };
        match described {
            Ok(PipedChannel { label, protocol, transport })
                if transport.as_ref().is_none_or(|transport| !channel.closed.contains(transport)) =>
            {
                channel.state = State::Creating(transport);
                let mirror = Operation::Pipe(PipeOperation::Mirror { label, protocol });
                steps.push(Step::Run(attempt.key.1, mirror, Ticket::Mirror(attempt.clone())));
            }
            Ok(_) => self.end(&attempt.key, &gone("data producer"), steps),
            Err(error) => self.end(&attempt.key, &error, steps),
        }
    }

    /// A mirror was created, or could not be.
    pub(super) fn mirrored(
        &mut self,
        attempt: &Attempt<ChannelKey>,
        created: Result<DataProducerId, MediaError>,
        steps: &mut Vec<Step>,
    ) {
        let site = attempt.key.1;
        let Some(channel) = self.of_attempt(attempt) else {
            // It came too late, and nothing else knows it.
            steps.extend(created.ok().map(|mirror| Step::quiet(site, Operation::CloseDataProducer(mirror))));
            return;
        };
        let mirror = match created {
            Ok(mirror) => mirror,
            Err(error) => return self.end(&attempt.key, &error, steps),
        };
        let State::Creating(transport) = &channel.state else { return };
        channel.state = State::Open { mirror: mirror.clone(), transport: transport.clone() };
        let waiting = std::mem::take(&mut channel.waiting);
        steps.extend(waiting.into_iter().map(|waiting| waiting.receiving(&mirror).run(site)));
    }

    fn of_attempt(&mut self, attempt: &Attempt<ChannelKey>) -> Option<&mut Channel> {
        self.channels.get_mut(&attempt.key).filter(|channel| channel.attempt == attempt.number)
    }

    /// A message of a data producer, for all other sites with receivers.
    pub(super) fn say(&self, producer: &DataProducerId, text: &str) -> Vec<Step> {
        let say = |((_, site), channel): (&ChannelKey, &Channel)| match &channel.state {
            State::Open { mirror, .. } => {
                Some(Step::quiet(*site, Operation::VoiceSay(mirror.clone(), text.to_owned())))
            }
            State::Describing | State::Creating(_) => None,
        };
        self.of_producer(producer).filter_map(say).collect()
    }

    fn of_producer(&self, producer: &DataProducerId) -> impl Iterator<Item = (&ChannelKey, &Channel)> {
        self.channels.range((producer.clone(), HOME)..).take_while(move |((of, _), _)| of == producer)
    }

    /// A data producer is closed.
    pub(super) fn remove_producer(&mut self, producer: &DataProducerId, steps: &mut Vec<Step>) {
        let keys: Vec<ChannelKey> = self.of_producer(producer).map(|(key, _)| key.clone()).collect();
        for key in keys {
            self.end(&key, &gone("data producer"), steps);
        }
    }

    /// A transport of `site` is closed.
    pub(super) fn close_transport(&mut self, id: &TransportId, site: SiteId, steps: &mut Vec<Step>) {
        let keys: Vec<ChannelKey> = self.channels.keys().cloned().collect();
        for key in keys {
            let Some(channel) = self.channels.get_mut(&key) else { continue };
            if channel.from == site && channel.ends_with(id) {
                self.end(&key, &gone("data producer"), steps);
                continue;
            }
            if channel.from == site && channel.state == State::Describing {
                channel.closed.insert(id.clone());
            }
            if key.1 == site {
                fail(channel.waiting.extract_if(.., |waiting| waiting.transport == *id), &gone("transport"), steps);
            }
        }
    }

    /// A site has no transports any longer: what it was to receive ends, so that it can rest.
    pub(super) fn leave(&mut self, site: SiteId, steps: &mut Vec<Step>) {
        let keys: Vec<ChannelKey> = self.channels.keys().filter(|key| key.1 == site).cloned().collect();
        for key in keys {
            self.end(&key, &gone("transport"), steps);
        }
    }

    fn end(&mut self, key: &ChannelKey, error: &MediaError, steps: &mut Vec<Step>) {
        let Some(channel) = self.channels.remove(key) else { return };
        fail(channel.waiting, error, steps);
        if let State::Open { mirror, .. } = channel.state {
            steps.push(Step::quiet(key.1, Operation::CloseDataProducer(mirror)));
        }
    }

    /// Ends what was sent or received by a site that is gone.
    pub(super) fn lose(&mut self, site: SiteId, steps: &mut Vec<Step>) {
        let lost = |(key, channel): &(&ChannelKey, &Channel)| key.1 == site || channel.from == site;
        let lost: Vec<ChannelKey> = self.channels.iter().filter(lost).map(|(key, _)| key.clone()).collect();
        for key in lost {
            if key.1 == site {
                let waiting = self.channels.remove(&key).map(|channel| channel.waiting);
                fail(waiting.unwrap_or_default(), &unavailable(), steps);
            } else {
                self.end(&key, &unavailable(), steps);
            }
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.channels.is_empty()
    }
}

impl Waiting {
    /// The same, receiving from the mirror.
    fn receiving(self, mirror: &DataProducerId) -> Self {
        let producer = Some(mirror.clone());
        let operation = Operation::ConsumeData { transport: self.transport.clone(), producer };
        Self { operation, ..self }
    }
}
