//! Streams that are received at another site than their own. Each is created for the first receiver there, and closed with the last.
//!
//! A stream is sent as long as a receiver is not paused, and resumed after its receiver: so one key frame is requested from the sender.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::pairs::{Between, Pairs};
use super::step::{Attempt, SiteId, Step, StreamKey, Ticket, Waiting};
use super::{fail, gone};
use crate::room::{ConsumerId, MediaError, Operation, PipeId, PipeOperation, PipedStream, ProducerId, TransportId};

/// All such streams of a room.
#[derive(Debug, Default)]
pub(super) struct Streams {
    all: BTreeMap<StreamKey, Stream>,
    receivers: HashMap<ConsumerId, StreamKey>,
    attempts: u64,
}

#[derive(Debug)]
struct Stream {
    attempt: u64,
    from: SiteId,
    state: State,
    waiting: Vec<Waiting>,
    /// Consumers on their way to the site.
    requested: usize,
    receivers: BTreeMap<ConsumerId, Receiver>,
    /// Whether the home compares its volume.
    is_observed: bool,
    /// Whether its producer was paused or resumed since the stream was requested.
    paused: Option<bool>,
    /// Transports that were closed at its site before its own is known.
    closed: BTreeSet<TransportId>,
}

#[derive(Debug, PartialEq)]
enum State {
    /// Waits for the pipe.
    Waiting,
    /// Is about to be sent.
    Sending,
    /// Is about to be received.
    Receiving(TransportId),
    /// Is received.
    Open {
        /// The producer's.
        transport: TransportId,
        /// Whether it is sent now.
        is_flowing: bool,
    },
}

#[derive(Debug)]
struct Receiver {
    transport: TransportId,
    is_active: bool,
    /// Whether the room has last requested it to be resumed.
    is_wanted: bool,
}

impl Stream {
    fn new(attempt: u64, from: SiteId) -> Self {
        Self {
            attempt,
            from,
            state: State::Waiting,
            waiting: Vec::new(),
            requested: 0,
            receivers: BTreeMap::new(),
            is_observed: false,
            paused: None,
            closed: BTreeSet::new(),
        }
    }

    fn send(&self, pipe: PipeId, key: &StreamKey) -> Step {
        let ticket = Ticket::Send(Attempt { key: key.clone(), number: self.attempt });
        Step::Run(self.from, Operation::Pipe(PipeOperation::Send(pipe, key.0.clone())), ticket)
    }

    fn is_used(&self) -> bool {
        self.is_observed || self.requested > 0 || !self.waiting.is_empty() || !self.receivers.is_empty()
    }

    fn is_wanted(&self) -> bool {
        self.is_observed || self.receivers.values().any(|receiver| receiver.is_active)
    }

    /// Whether it ends with a transport of its site.
    fn ends_with(&self, closed: &TransportId) -> bool {
        match &self.state {
            State::Waiting | State::Sending => false,
            State::Receiving(transport) | State::Open { transport, .. } => transport == closed,
        }
    }
}

impl Streams {
    /// A consumer is to be created at another site than its producer's.
    pub(super) fn consume(
        &mut self,
        key: &StreamKey,
        from: SiteId,
        waiting: Waiting,
        pairs: &mut Pairs,
        steps: &mut Vec<Step>,
    ) {
        let stream = self.request(key, from, pairs, steps);
        if matches!(stream.state, State::Open { .. }) {
            stream.requested += 1;
            steps.push(waiting.run(key.1));
        } else {
            stream.waiting.push(waiting);
        }
    }

    /// The home is to compare the volume of a microphone.
    pub(super) fn observe(&mut self, key: &StreamKey, from: SiteId, pairs: &mut Pairs, steps: &mut Vec<Step>) {
        self.request(key, from, pairs, steps).is_observed = true;
        self.settle(key, pairs, steps);
    }

    fn request(&mut self, key: &StreamKey, from: SiteId, pairs: &mut Pairs, steps: &mut Vec<Step>) -> &mut Stream {
        let attempts = &mut self.attempts;
        let stream = self.all.entry(key.clone()).or_insert_with(|| {
            *attempts += 1;
            Stream::new(*attempts, from)
        });
        if stream.state == State::Waiting
            && let Some(pipe) = pairs.request(Between::new(from, key.1), steps)
        {
            stream.state = State::Sending;
            steps.push(stream.send(pipe, key));
        }
        stream
    }

    /// The streams of a pair can be sent.
    pub(super) fn start(&mut self, between: Between, pairs: &mut Pairs, steps: &mut Vec<Step>) {
        for key in self.between(between) {
            let Some(stream) = self.all.get_mut(&key).filter(|stream| stream.state == State::Waiting) else {
                continue;
            };
            let Some(pipe) = pairs.id(between) else { continue };
            stream.state = State::Sending;
            steps.push(stream.send(pipe, &key));
        }
    }

    /// The streams of a pair have failed with it.
    pub(super) fn fail_all(&mut self, between: Between, steps: &mut Vec<Step>) {
        for key in self.between(between) {
            self.drop_stream(&key, &unavailable(), steps);
        }
    }

    fn between(&self, between: Between) -> Vec<StreamKey> {
        let is_on = |(key, stream): &(&StreamKey, &Stream)| Between::new(stream.from, key.1) == between;
        self.all.iter().filter(is_on).map(|(key, _)| key.clone()).collect()
    }

    /// A stream is sent, or could not be.
    pub(super) fn sent(
        &mut self,
        attempt: &Attempt<StreamKey>,
        sent: Result<PipedStream, MediaError>,
        pairs: &mut Pairs,
        steps: &mut Vec<Step>,
    ) {
        let key = &attempt.key;
        let Some(stream) = self.all.get_mut(key).filter(|stream| stream.attempt == attempt.number) else { return };
        let Some(pipe) = pairs.id(Between::new(stream.from, key.1)) else { return };
        match sent {
            Ok(sent) if !stream.closed.contains(&sent.transport) => {
                stream.state = State::Receiving(sent.transport.clone());
                let sent = PipedStream { paused: stream.paused.unwrap_or(sent.paused), ..sent };
                let receive = Operation::Pipe(PipeOperation::Receive(pipe, key.0.clone(), sent));
                steps.push(Step::Run(key.1, receive, Ticket::Receive(attempt.clone())));
            }
            Ok(_) => self.end(key, &gone("producer"), pairs, steps),
            Err(error) => self.end(key, &error, pairs, steps),
        }
    }

    /// A stream is received, or could not be.
    pub(super) fn received(
        &mut self,
        attempt: &Attempt<StreamKey>,
        received: Result<(), MediaError>,
        pairs: &mut Pairs,
        steps: &mut Vec<Step>,
    ) {
        let key = &attempt.key;
        let Some(stream) = self.all.get_mut(key).filter(|stream| stream.attempt == attempt.number) else { return };
        let State::Receiving(transport) = &stream.state else { return };
        if let Err(error) = received {
            return self.end(key, &error, pairs, steps);
        }
        stream.state = State::Open { transport: transport.clone(), is_flowing: false };
        let waiting = std::mem::take(&mut stream.waiting);
        stream.requested += waiting.len();
        steps.extend(waiting.into_iter().map(|waiting| waiting.run(key.1)));
        self.settle(key, pairs, steps);
    }

    /// A consumer that was on its way has come, or could not be created.
    pub(super) fn consumed(
        &mut self,
        key: &StreamKey,
        created: Option<(ConsumerId, TransportId, bool)>,
        pairs: &mut Pairs,
        steps: &mut Vec<Step>,
    ) {
        let Some(stream) = self.all.get_mut(key) else { return };
        stream.requested = stream.requested.saturating_sub(1);
        if let Some((id, transport, is_active)) = created {
            stream.receivers.insert(id.clone(), Receiver { transport, is_active, is_wanted: is_active });
            self.receivers.insert(id, key.clone());
        }
        self.settle(key, pairs, steps);
    }

    /// A consumer is about to be paused or resumed.
    pub(super) fn want(&mut self, id: &ConsumerId, is_wanted: bool) {
        let stream = self.receivers.get(id).and_then(|key| self.all.get_mut(key));
        if let Some(receiver) = stream.and_then(|stream| stream.receivers.get_mut(id)) {
            receiver.is_wanted = is_wanted;
        }
    }

    /// A consumer was paused or resumed, unless the room has requested the opposite meanwhile.
    pub(super) fn set_active(&mut self, id: &ConsumerId, is_active: bool, pairs: &mut Pairs, steps: &mut Vec<Step>) {
        let Some(key) = self.receivers.get(id).cloned() else { return };
        if let Some(receiver) = self.all.get_mut(&key).and_then(|stream| stream.receivers.get_mut(id)) {
            receiver.is_active = is_active && receiver.is_wanted;
        }
        self.settle(&key, pairs, steps);
    }

    /// A consumer is closed.
    pub(super) fn remove_receiver(&mut self, id: &ConsumerId, pairs: &mut Pairs, steps: &mut Vec<Step>) {
        let Some(key) = self.receivers.remove(id) else { return };
        if let Some(stream) = self.all.get_mut(&key) {
            stream.receivers.remove(id);
        }
        self.settle(&key, pairs, steps);
    }

    /// A producer was paused or resumed. The sites that receive it must know: a pipe does not tell.
    pub(super) fn set_paused(&mut self, producer: &ProducerId, is_paused: bool, steps: &mut Vec<Step>) {
        for key in self.of_producer(producer) {
            let Some(stream) = self.all.get_mut(&key) else { continue };
            stream.paused = Some(is_paused);
            if matches!(stream.state, State::Receiving(_) | State::Open { .. }) {
                let set = if is_paused { Operation::PauseProducer } else { Operation::ResumeProducer };
                steps.push(Step::quiet(key.1, set(producer.clone())));
            }
        }
    }

    /// A producer is closed.
    pub(super) fn remove_producer(&mut self, producer: &ProducerId, pairs: &mut Pairs, steps: &mut Vec<Step>) {
        for key in self.of_producer(producer) {
            self.end(&key, &gone("producer"), pairs, steps);
        }
    }

    fn of_producer(&self, producer: &ProducerId) -> Vec<StreamKey> {
        let first = (producer.clone(), SiteId(0));
        let of_it = self.all.range(first..).take_while(|((of, _), _)| of == producer);
        of_it.map(|(key, _)| key.clone()).collect()
    }

    /// A transport of `site` is closed, and with it its producers and consumers.
    pub(super) fn close_transport(&mut self, id: &TransportId, site: SiteId, pairs: &mut Pairs, steps: &mut Vec<Step>) {
        let keys: Vec<StreamKey> = self.all.keys().cloned().collect();
        for key in keys {
            let Some(stream) = self.all.get_mut(&key) else { continue };
            if stream.from == site && stream.ends_with(id) {
                self.end(&key, &gone("producer"), pairs, steps);
                continue;
            }
            if stream.from == site && matches!(stream.state, State::Waiting | State::Sending) {
                stream.closed.insert(id.clone());
            }
            if key.1 == site {
                self.close_receivers(&key, id, pairs, steps);
            }
        }
    }

    /// Receivers on a transport end with it.
    fn close_receivers(&mut self, key: &StreamKey, id: &TransportId, pairs: &mut Pairs, steps: &mut Vec<Step>) {
        let Some(stream) = self.all.get_mut(key) else { return };
        fail(stream.waiting.extract_if(.., |waiting| waiting.transport == *id), &gone("transport"), steps);
        let (receivers, count) = (&mut self.receivers, stream.receivers.len());
        stream.receivers.retain(|consumer, receiver| {
            let is_kept = receiver.transport != *id;
            if !is_kept {
                receivers.remove(consumer);
            }
            is_kept
        });
        if stream.receivers.len() != count || !stream.is_used() {
            self.settle(key, pairs, steps);
        }
    }

    /// Sends a stream if it has receivers that are not paused, and ends it if it has none at all.
    fn settle(&mut self, key: &StreamKey, pairs: &mut Pairs, steps: &mut Vec<Step>) {
        let Some(stream) = self.all.get_mut(key) else { return };
        if !stream.is_used() {
            return self.end(key, &gone("producer"), pairs, steps);
        }
        let is_wanted = stream.is_wanted();
        let State::Open { is_flowing, .. } = &mut stream.state else { return };
        let Some(pipe) = pairs.id(Between::new(stream.from, key.1)) else { return };
        if std::mem::replace(is_flowing, is_wanted) != is_wanted {
            let flow = if is_wanted { PipeOperation::Resume } else { PipeOperation::Pause };
            steps.push(Step::quiet(stream.from, Operation::Pipe(flow(pipe, key.0.clone()))));
        }
    }

    /// Ends a stream at both sites, and the pair with its last stream.
    fn end(&mut self, key: &StreamKey, error: &MediaError, pairs: &mut Pairs, steps: &mut Vec<Step>) {
        let Some(between) = self.all.get(key).map(|stream| Between::new(stream.from, key.1)) else { return };
        let stream = self.drop_stream(key, error, steps);
        if self.between(between).is_empty() {
            return pairs.close(between, steps);
        }
        let (Some(stream), Some(pipe)) = (stream, pairs.id(between)) else { return };
        if stream.state != State::Waiting {
            steps.push(Step::quiet(key.1, Operation::CloseProducer(key.0.clone())));
            steps.push(Step::quiet(stream.from, Operation::Pipe(PipeOperation::StopSending(pipe, key.0.clone()))));
        }
    }

    /// Forgets a stream; what waits for it fails.
    fn drop_stream(&mut self, key: &StreamKey, error: &MediaError, steps: &mut Vec<Step>) -> Option<Stream> {
        let mut stream = self.all.remove(key)?;
        for consumer in stream.receivers.keys() {
            self.receivers.remove(consumer);
        }
        fail(std::mem::take(&mut stream.waiting), error, steps);
        Some(stream)
    }

    /// Ends what was sent or received by a site that is gone.
    pub(super) fn lose(&mut self, site: SiteId, steps: &mut Vec<Step>) {
        let lost = |(key, stream): &(&StreamKey, &Stream)| key.1 == site || stream.from == site;
        let lost: Vec<StreamKey> = self.all.iter().filter(lost).map(|(key, _)| key.clone()).collect();
        for key in lost {
            self.drop_stream(&key, &unavailable(), steps);
        }
    }

    #[cfg(test)]
    pub(super) fn is_empty(&self) -> bool {
        self.all.is_empty() && self.receivers.is_empty()
    }
}

impl Waiting {
    pub(super) fn run(self, site: SiteId) -> Step {
        Step::Run(site, self.operation, Ticket::Room(self.context, self.note))
    }
}

/// The other media pod cannot be used.
pub(super) fn unavailable() -> MediaError {
    MediaError { code: 503, message: "the media pod of this stream is not available: try again".into() }
}
