//! Operations of the room: each is for one site, or needs something at others first.

use convene_protocol::message::MediaKind;

use super::Sites;
use super::objects::Object;
use super::step::{HOME, Note, SiteId, Step, Ticket, Waiting};
use crate::room::{Context, DataProducerId, Operation, ProducerId, TransportId};

impl Sites {
    /// What is next for an operation of the room, which has `people` clients.
    pub(crate) fn request(&mut self, operation: Operation, context: Context, people: usize) -> Vec<Step> {
        let mut steps = Vec::new();
        match operation {
            Operation::Consume { ref transport, ref producer, paused, .. } => {
                let (transport, producer) = (transport.clone(), producer.clone());
                let note =
                    Note::Consumer { transport: transport.clone(), producer: producer.clone(), is_active: !paused };
                self.consume(&producer, Waiting { operation, context, note, transport }, &mut steps);
            }
            Operation::ConsumeData { ref transport, producer: Some(ref producer) } => {
                let (transport, producer) = (transport.clone(), producer.clone());
                self.consume_data(&producer, operation, context, transport, &mut steps);
            }
            Operation::CreateTransport { .. } => self.create_transport(operation, context, people, &mut steps),
            operation => {
                let site = self.site_of(&operation);
                let note = note_of(&operation);
                let after = self.note_request(&operation, site, &mut steps);
                steps.push(Step::Run(site, operation, Ticket::Room(context, note)));
                steps.extend(after);
            }
        }
        steps
    }

    fn consume(&mut self, producer: &ProducerId, waiting: Waiting, steps: &mut Vec<Step>) {
        let from = self.objects.site_of(&Object::Producer(producer.clone()));
        let to = self.objects.site_of_transport(&waiting.transport);
        if from == to {
            return steps.push(waiting.run(to));
        }
        self.streams.consume(&(producer.clone(), to), from, waiting, &mut self.pairs, steps);
    }

    fn consume_data(
        &mut self,
        producer: &DataProducerId,
        operation: Operation,
        context: Context,
        transport: TransportId,
        steps: &mut Vec<Step>,
    ) {
        let from = self.objects.site_of(&Object::DataProducer(producer.clone()));
        let to = self.objects.site_of_transport(&transport);
        if from == to {
            let note = Note::DataConsumer(transport, None);
            return steps.push(Step::Run(to, operation, Ticket::Room(context, note)));
        }
        let note = Note::DataConsumer(transport.clone(), Some(producer.clone()));
        self.channels.consume((producer.clone(), to), from, Waiting { operation, context, note, transport }, steps);
    }

    fn create_transport(&mut self, operation: Operation, context: Context, people: usize, steps: &mut Vec<Step>) {
        if let Context::CreateTransport { requester, .. } = &context {
            self.latest = self.latest.max(requester.peer.0);
        }
        let (site, note) = match &context {
            Context::CreateTransport { requester, .. } if !self.remote.is_empty() => {
                let site = self.place(requester.peer, people);
                self.objects.expect(requester.peer, site);
                (site, Note::Transport(requester.peer))
            }
            _ => (HOME, Note::Nothing),
        };
        steps.push(Step::Run(site, operation, Ticket::Room(context, note)));
    }

    /// The site that runs an operation.
    fn site_of(&self, operation: &Operation) -> SiteId {
        match target_of(operation) {
            Some(Target::Transport(id)) => self.objects.site_of_transport(id),
            Some(Target::Object(object)) => self.objects.site_of(&object),
            None => HOME,
        }
    }

    /// What other sites have to do before an operation runs (`steps`), and after it.
    fn note_request(&mut self, operation: &Operation, site: SiteId, steps: &mut Vec<Step>) -> Vec<Step> {
        let mut after = Vec::new();
        match operation {
            Operation::CloseTransport(id) => self.close_transport(id, site, steps),
            Operation::CloseProducer(id) => {
                self.streams.remove_producer(id, &mut self.pairs, steps);
                self.objects.remove(&Object::Producer(id.clone()));
            }
            Operation::CloseConsumer(id) => {
                self.objects.remove(&Object::Consumer(id.clone()));
                self.streams.remove_receiver(id, &mut self.pairs, &mut after);
            }
            Operation::CloseDataProducer(id) => {
                self.channels.remove_producer(id, steps);
                self.objects.remove(&Object::DataProducer(id.clone()));
            }
            Operation::CloseDataConsumer(id) => self.objects.remove(&Object::DataConsumer(id.clone())),
            Operation::PauseProducer(id) => self.streams.set_paused(id, true, &mut after),
            Operation::ResumeProducer(id) => self.streams.set_paused(id, false, &mut after),
            Operation::ResumeConsumer(id) => self.streams.want(id, true),
            Operation::PauseConsumer(id) => {
                self.streams.want(id, false);
                self.streams.set_active(id, false, &mut self.pairs, &mut after);
            }
            Operation::VoiceSay(id, text) => after = self.channels.say(id, text),
            Operation::BotSay(text) => {
                let say = |site: &SiteId| Step::quiet(*site, Operation::BotSay(text.clone()));
                after.extend(self.remote.keys().filter(|site| self.people(**site) > 0).map(say));
            }
            _ => {}
        }
        after
    }

    fn close_transport(&mut self, id: &TransportId, site: SiteId, steps: &mut Vec<Step>) {
        self.streams.close_transport(id, site, &mut self.pairs, steps);
        self.channels.close_transport(id, site, steps);
        self.objects.remove_transport(id);
        if site != HOME && self.people(site) == 0 {
            self.channels.leave(site, steps);
        }
    }
}

/// What an operation is about.
enum Target<'a> {
    Transport(&'a TransportId),
    Object(Object),
}

/// What an operation is about; `None`: something of the home.
fn target_of(operation: &Operation) -> Option<Target<'_>> {
    Some(match operation {
        Operation::ConnectPlainTransport { transport, .. }
        | Operation::ConnectTransport(transport, _)
        | Operation::RestartIce(transport)
        | Operation::CloseTransport(transport)
        | Operation::Produce { transport, .. }
        | Operation::Consume { transport, .. }
        | Operation::ProduceData { transport, .. }
        | Operation::ConsumeData { transport, .. }
        | Operation::TransportStats(transport) => Target::Transport(transport),
        Operation::PauseProducer(id)
        | Operation::ResumeProducer(id)
        | Operation::CloseProducer(id)
        | Operation::ProducerStats(id) => Target::Object(Object::Producer(id.clone())),
        Operation::PauseConsumer(id)
        | Operation::ResumeConsumer(id)
        | Operation::RequestKeyFrame(id)
        | Operation::SetPreferredLayers(id, ..)
        | Operation::SetPriority(id, _)
        | Operation::CloseConsumer(id)
        | Operation::ConsumerStats(id) => Target::Object(Object::Consumer(id.clone())),
        Operation::PauseDataProducer(id)
        | Operation::ResumeDataProducer(id)
        | Operation::CloseDataProducer(id)
        | Operation::DataProducerStats(id) => Target::Object(Object::DataProducer(id.clone())),
        Operation::CloseDataConsumer(id) | Operation::DataConsumerStats(id) => {
            Target::Object(Object::DataConsumer(id.clone()))
        }
        Operation::CreateTransport { .. }
        | Operation::CreatePlainTransport { .. }
        | Operation::CreateVoice
        | Operation::VoiceSay(..)
        | Operation::BotSay(_)
        | Operation::Pipe(_) => return None,
    })
}

/// What is recorded when an operation succeeds.
fn note_of(operation: &Operation) -> Note {
    match operation {
        Operation::Produce { transport, kind, .. } => {
            Note::Producer { transport: transport.clone(), is_audio: *kind == MediaKind::Audio }
        }
        Operation::ProduceData { transport, .. } => Note::DataProducer(transport.clone()),
        Operation::ConsumeData { transport, .. } => Note::DataConsumer(transport.clone(), None),
        Operation::ResumeConsumer(id) => Note::Resumed(id.clone()),
        _ => Note::Nothing,
    }
}
