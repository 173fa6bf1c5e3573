//! The media of one room: the media plane of this pod, and links to other pods that lend it theirs. It runs what [`Sites`] decides, and returns
//! outcomes for the room and events.
//!
//! It makes no decision, opens no link itself, and knows nothing of the room but the number of its clients.

use std::collections::{BTreeMap, VecDeque};
use std::fmt;
use std::future::poll_fn;
use std::task::{self, Poll};
use std::time::Duration;

use convene_protocol::admin::{RoomSites, SiteReport, SiteState, SiteTarget};
use tokio::sync::mpsc;

use super::media_queue::{Media, MediaQueue};
use crate::link::{Dial, LinkInput, LinkRequest};
use crate::room::{Context, MediaError, MediaEvent, Operation, Outcome};
use crate::sites::{HOME, SiteId, Sites, Step, Ticket};

/// Operations that wait before a room takes no more inputs: a client must not fill the memory while the media plane is slow. Joins of large
/// rooms stay below it.
const FULL: usize = 10_000;
/// Outcomes and events of other pods that wait for the room; while there are more, their links are not read.
const LINK_INBOX: usize = 256;

/// Something that has arrived from a media plane.
#[derive(Debug)]
pub(super) enum Arrival {
    /// The outcome of an operation of the room.
    Done(Context, Result<Outcome, MediaError>),
    /// An event of another pod.
    Event(Box<MediaEvent>),
    /// The state of a link has changed.
    Link,
}

/// The media of one room.
pub(super) struct RoomMedia<M> {
    local: MediaQueue<M, Ticket>,
    sites: Sites,
    links: Option<Box<Links>>,
    ready: VecDeque<Arrival>,
    /// Opens links; `None` if the pod opens none.
    dial: Option<Dial>,
    /// Clients of the room.
    people: usize,
}

/// Links to other pods.
#[derive(Debug)]
struct Links {
    all: BTreeMap<SiteId, Link>,
    sender: mpsc::Sender<(SiteId, LinkInput)>,
    inputs: mpsc::Receiver<(SiteId, LinkInput)>,
    last: u32,
}

#[derive(Debug)]
struct Link {
    pod: String,
    capacity: u32,
    state: SiteState,
    requests: mpsc::UnboundedSender<LinkRequest>,
    in_flight: BTreeMap<u64, Ticket>,
    next: u64,
}

impl Links {
    fn new() -> Self {
        let (sender, inputs) = mpsc::channel(LINK_INBOX);
        Self { all: BTreeMap::new(), sender, inputs, last: HOME.0 }
    }

    fn in_flight(&self) -> usize {
        self.all.values().map(|link| link.in_flight.len()).sum()
    }

    fn of_pod(&self, pod: &str) -> Option<SiteId> {
        self.all.iter().find(|(_, link)| link.pod == pod && link.state != SiteState::Lost).map(|(site, _)| *site)
    }

    fn set_capacity(&mut self, site: SiteId, capacity: u32) {
        if let Some(link) = self.all.get_mut(&site) {
            link.capacity = capacity;
        }
    }

    fn open(&mut self, target: SiteTarget, dial: &Dial) {
        self.all.retain(|_, link| link.pod != target.pod);
        self.last += 1;
        let (site, (requests, received)) = (SiteId(self.last), mpsc::unbounded_channel());
        let (pod, capacity) = (target.pod.clone(), target.capacity);
        dial.open(site, target, received, self.sender.clone());
        let (state, in_flight) = (SiteState::Linking, BTreeMap::new());
        self.all.insert(site, Link { pod, capacity, state, requests, in_flight, next: 0 });
    }
}

impl<M: Media> RoomMedia<M> {
    pub(super) fn new(media: M, dial: Option<Dial>) -> Self {
        Self {
            local: MediaQueue::new(media),
            sites: Sites::default(),
            links: None,
            ready: VecDeque::new(),
            dial,
            people: 0,
        }
    }

    /// Requests an operation for a room with so many clients.
    pub(super) fn push(&mut self, operation: Operation, context: Context, people: usize) {
        self.people = people;
        let steps = self.sites.request(operation, context, people);
        self.take(steps);
    }

    /// An event of this pod, before the room handles it.
    pub(super) fn observe(&mut self, event: &MediaEvent) {
        let steps = self.sites.observe(event);
        self.take(steps);
    }

    fn take(&mut self, steps: Vec<Step>) {
        let mut steps = VecDeque::from(steps);
        while let Some(step) = steps.pop_front() {
            match step {
                Step::Run(HOME, operation, ticket) => self.local.push(operation, ticket),
                Step::Run(site, operation, ticket) => {
                    if let Some(ticket) = self.send(site, operation, ticket) {
                        steps.extend(self.sites.done(site, ticket, Err(lost())));
                    }
                }
                Step::Done(context, outcome) => self.ready.push_back(Arrival::Done(context, outcome)),
            }
        }
    }

    /// Sends an operation to another pod; returns the ticket if there is no link to it.
    fn send(&mut self, site: SiteId, operation: Operation, ticket: Ticket) -> Option<Ticket> {
        let link = self.links.as_mut().and_then(|links| links.all.get_mut(&site));
        let Some(link) = link.filter(|link| link.state == SiteState::Linked) else { return Some(ticket) };
        link.next += 1;
        // Fails if the link has just ended, which is reported separately.
        let _ = link.requests.send(LinkRequest { id: link.next, operation });
        link.in_flight.insert(link.next, ticket);
        None
    }

    /// The other pods that serve the room from now on.
    pub(super) fn set_sites(&mut self, wanted: RoomSites) {
        let Some(dial) = self.dial.clone() else { return };
        self.sites.set_home_capacity(wanted.capacity);
        let links = self.links.get_or_insert_with(|| Box::new(Links::new()));
        let is_wanted = |link: &Link| wanted.sites.iter().any(|target| target.pod == link.pod);
        let left: Vec<SiteId> = links.all.iter().filter(|(_, link)| !is_wanted(link)).map(|(site, _)| *site).collect();
        for target in wanted.sites {
            match links.of_pod(&target.pod) {
                Some(site) => {
                    self.sites.set_capacity(site, target.capacity);
                    links.set_capacity(site, target.capacity);
                }
                None => links.open(target, &dial),
            }
        }
        for site in left {
            self.lose(site);
            if let Some(links) = &mut self.links {
                links.all.remove(&site);
            }
        }
        self.ready.push_back(Arrival::Link);
    }

    /// The other pods, for the operator.
    pub(super) fn report(&self) -> Vec<SiteReport> {
        let links = self.links.iter().flat_map(|links| &links.all);
        let report = |(site, link): (&SiteId, &Link)| SiteReport {
            pod: link.pod.clone(),
            state: link.state,
            participants: u32::try_from(self.sites.people(*site)).unwrap_or(u32::MAX),
        };
        links.map(report).collect()
    }

    /// Waits for the next outcome or event. Pending as long as none is on its way. Cancel safe.
    pub(super) async fn next(&mut self) -> Arrival {
        poll_fn(|waker| self.poll_next(waker)).await
    }

    fn poll_next(&mut self, waker: &mut task::Context<'_>) -> Poll<Arrival> {
        loop {
            if let Some(arrival) = self.ready.pop_front() {
                return Poll::Ready(arrival);
            }
            self.ready = VecDeque::new();
            if let Poll::Ready((ticket, outcome)) = self.local.poll_next(waker) {
                note_failure(&ticket, &outcome);
                let steps = self.sites.done(HOME, ticket, outcome);
                self.take(steps);
                continue;
            }
            let Some(links) = &mut self.links else { return Poll::Pending };
            let Poll::Ready(Some((site, input))) = links.inputs.poll_recv(waker) else { return Poll::Pending };
            self.on_link(site, input);
        }
    }

    fn on_link(&mut self, site: SiteId, input: LinkInput) {
        let Some(link) = self.links.as_mut().and_then(|links| links.all.get_mut(&site)) else { return };
        match input {
            LinkInput::Linked => {
                link.state = SiteState::Linked;
                self.sites.add(site, link.capacity, self.people);
                self.ready.push_back(Arrival::Link);
            }
            LinkInput::Done(id, outcome) => {
                if let Some(ticket) = link.in_flight.remove(&id) {
                    note_failure(&ticket, &outcome);
                    let steps = self.sites.done(site, ticket, outcome);
                    self.take(steps);
                }
            }
            LinkInput::Event(event) => {
                if self.sites.may_report(site, &event) {
                    self.observe(&event);
                    self.ready.push_back(Arrival::Event(event));
                }
            }
            LinkInput::Lost => self.lose(site),
        }
    }

    /// A pod is no longer used, or is gone. What it has not done has failed.
    fn lose(&mut self, site: SiteId) {
        let Some(link) = self.links.as_mut().and_then(|links| links.all.get_mut(&site)) else { return };
        link.state = SiteState::Lost;
        let in_flight = std::mem::take(&mut link.in_flight);
        let mut steps = Vec::new();
        let transports = self.sites.lose(site, &mut steps);
        // First: a client that learns of a failed request before that would take its connection for broken.
        if !transports.is_empty() {
            self.ready.push_back(Arrival::Event(Box::new(MediaEvent::SiteLost(transports))));
        }
        self.take(steps);
        for ticket in in_flight.into_values() {
            let steps = self.sites.done(site, ticket, Err(lost()));
            self.take(steps);
        }
        self.ready.push_back(Arrival::Link);
    }

    /// Samples as soon as nothing runs.
    pub(super) fn sample(&mut self) {
        self.local.sample();
    }

    pub(super) fn sample_interval(&self) -> Duration {
        self.local.sample_interval()
    }

    /// Whether there is anything to sample, and no sample is due.
    pub(super) fn wants_sample(&self) -> bool {
        self.local.wants_sample()
    }

    /// Whether no outcome is to come.
    pub(super) fn is_settled(&self) -> bool {
        self.ready.is_empty() && self.local.is_settled() && self.in_flight() == 0
    }

    /// Whether so much waits that nothing should be added on behalf of clients.
    pub(super) fn is_full(&self) -> bool {
        self.local.waiting() + self.in_flight() >= FULL
    }

    fn in_flight(&self) -> usize {
        self.links.as_ref().map_or(0, |links| links.in_flight())
    }
}

/// The room only learns that a receiver gets nothing.
fn note_failure(ticket: &Ticket, outcome: &Result<Outcome, MediaError>) {
    if let (true, Err(error)) = (ticket.is_of_pipe(), outcome) {
        tracing::warn!(error = error.message, "could not pass a stream from one media pod to another");
    }
}

fn lost() -> MediaError {
    MediaError { code: 503, message: "a media pod of this meeting was lost: try again".into() }
}

impl<M> fmt::Debug for RoomMedia<M> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { local, links, .. } = self;
        formatter.debug_struct("RoomMedia").field("local", local).field("links", links).finish_non_exhaustive()
    }
}
