//! Candidates with their own clocks, an API server, and a network that delays and loses messages; candidates pause, crash and resign. No
//! two of them may ever consider themselves the leader at the same time.

use std::{cmp::Reverse, collections::BinaryHeap};

use proptest::prelude::*;

use super::*;

/// Milliseconds of simulated time, which no candidate sees.
type Time = u64;

const LENGTH: Time = 180_000;

/// Reproducible random numbers (splitmix64).
struct Numbers(u64);

impl Numbers {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    fn between(&mut self, least: u64, most: u64) -> u64 {
        least + self.next() % (most - least + 1)
    }

    fn one_in(&mut self, count: u64) -> bool {
        self.next().is_multiple_of(count)
    }
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Request {
    Read,
    Create { holder: String },
    Put { version: u64, holder: Option<String> },
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Answer {
    Found(Option<(u64, Option<String>)>),
    Written(u64),
    Refused,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum What {
    Wake,
    Arrive(u64, Request),
    Answer(u64, Request, Answer),
    GiveUp(u64),
}

/// An API server with one lease.
#[derive(Default)]
struct Server {
    lease: Option<(u64, Option<String>)>,
    version: u64,
}

impl Server {
    fn handle(&mut self, request: &Request) -> Answer {
        match request {
            Request::Read => Answer::Found(self.lease.clone()),
            Request::Create { holder } if self.lease.is_none() => self.write(Some(holder.clone())),
            Request::Put { version, holder } if self.lease.as_ref().is_some_and(|(current, _)| current == version) => {
                self.write(holder.clone())
            }
            Request::Create { .. } | Request::Put { .. } => Answer::Refused,
        }
    }

    fn write(&mut self, holder: Option<String>) -> Answer {
        self.version += 1;
        self.lease = Some((self.version, holder));
        Answer::Written(self.version)
    }
}

struct Node {
    candidate: Candidate,
    /// Zero of its clock, and how fast it runs in thousandths.
    offset: u64,
    speed: u64,
    /// The request it waits for, and when it began by its clock.
    waiting: Option<(u64, Moment)>,
    paused_until: Time,
}

impl Node {
    fn clock(&self, time: Time) -> Moment {
        Duration::from_millis(self.offset + time * self.speed / 1000)
    }
}

struct World {
    timing: Timing,
    numbers: Numbers,
    server: Server,
    nodes: Vec<Node>,
    events: BinaryHeap<Reverse<(Time, u64, usize, What)>>,
    count: u64,
    /// One in this many messages is lost, and one in this many steps goes wrong; 0 means never.
    trouble: u64,
}

/// The result.
#[derive(Debug, Default)]
struct Outcome {
    most_leaders: usize,
    times_won: u64,
    longest_without: Time,
}

impl World {
    fn new(seed: u64, nodes: usize, timing: Timing, trouble: u64) -> Self {
        let mut numbers = Numbers(seed);
        let build = |index| Node {
            candidate: Candidate::new(format!("{index}-0"), timing),
            offset: numbers.between(0, 1_000_000),
            speed: numbers.between(950, 1050),
            waiting: None,
            paused_until: 0,
        };
        let nodes: Vec<_> = (0..nodes).map(build).collect();
        let server = Server::default();
        let mut world = Self { timing, numbers, server, nodes, events: BinaryHeap::new(), count: 0, trouble };
        for node in 0..world.nodes.len() {
            world.push(0, node, What::Wake);
        }
        world
    }

    fn run(mut self) -> Outcome {
        let mut outcome = Outcome::default();
        let (mut led_before, mut leaderless_since) = (None, 0);
        while let Some(Reverse((time, _, node, what))) = self.events.pop() {
            if time > LENGTH {
                break;
            }
            self.handle(time, node, what);
            let leading: Vec<_> = (0..self.nodes.len()).filter(|node| self.leads(*node, time)).collect();
            outcome.most_leaders = outcome.most_leaders.max(leading.len());
            if let Some(leader) = leading.first() {
                outcome.times_won += u64::from(led_before.as_ref() != Some(leader));
                led_before = Some(*leader);
                leaderless_since = time;
            }
            outcome.longest_without = outcome.longest_without.max(time - leaderless_since);
        }
        outcome
    }

    fn leads(&self, node: usize, time: Time) -> bool {
        self.nodes[node].candidate.leads(self.nodes[node].clock(time))
    }

    fn push(&mut self, time: Time, node: usize, what: What) {
        self.count += 1;
        self.events.push(Reverse((time, self.count, node, what)));
    }

    fn is_trouble(&mut self) -> bool {
        self.trouble > 0 && self.numbers.one_in(self.trouble)
    }

    fn handle(&mut self, time: Time, node: usize, what: What) {
        if let What::Arrive(id, request) = what {
            let answer = self.server.handle(&request);
            return self.send(time, node, What::Answer(id, request, answer));
        }
        let paused_until = self.nodes[node].paused_until;
        if time < paused_until {
            return self.push(paused_until, node, what);
        }
        if self.is_trouble() && self.numbers.one_in(4) {
            self.nodes[node].paused_until = time + self.numbers.between(1, 25_000);
        }
        let is_waited_for = |world: &Self, id| world.nodes[node].waiting.is_some_and(|(waiting, _)| waiting == id);
        match what {
            What::Answer(id, request, answer) if is_waited_for(self, id) => self.heard(time, node, request, answer),
            What::GiveUp(id) if is_waited_for(self, id) => {
                self.nodes[node].waiting = None;
                self.nodes[node].candidate.doubt();
                let pause = u64::try_from(self.timing.retry.as_millis() / 4).unwrap();
                self.push(time + pause, node, What::Wake);
            }
            What::Wake if self.nodes[node].waiting.is_none() => self.act(time, node),
            _ => {}
        }
    }

    fn send(&mut self, time: Time, node: usize, what: What) {
        if self.is_trouble() {
            return;
        }
        let most = if self.is_trouble() { 20_000 } else { 40 };
        let delay = self.numbers.between(1, most);
        self.push(time + delay, node, what);
    }

    fn ask(&mut self, time: Time, node: usize, request: Request) {
        self.count += 1;
        let id = self.count;
        self.nodes[node].waiting = Some((id, self.nodes[node].clock(time)));
        self.send(time, node, What::Arrive(id, request));
        let limit = u64::try_from(self.timing.request.as_millis()).unwrap();
        self.push(time + limit, node, What::GiveUp(id));
    }

    fn heard(&mut self, time: Time, node: usize, request: Request, answer: Answer) {
        let duration = self.timing.lease;
        let node_state = &mut self.nodes[node];
        let (now, begun) = (node_state.clock(time), node_state.waiting.take().unwrap().1);
        let sighting = |version: u64, holder| Sighting { version: version.to_string(), holder, duration };
        match (request, answer) {
            (_, Answer::Found(found)) => {
                node_state.candidate.observe(found.map(|(version, holder)| sighting(version, holder)), now);
            }
            (Request::Put { holder: None, .. }, _) => return self.restart(time, node),
            (Request::Create { holder } | Request::Put { holder: Some(holder), .. }, Answer::Written(version)) => {
                node_state.candidate.succeed(sighting(version, Some(holder)), begun, now);
            }
            (_, Answer::Refused | Answer::Written(_)) => node_state.candidate.doubt(),
        }
        self.push(time, node, What::Wake);
    }

    fn restart(&mut self, time: Time, node: usize) {
        self.count += 1;
        self.nodes[node].waiting = None;
        self.nodes[node].candidate = Candidate::new(format!("{node}-{}", self.count), self.timing);
        let pause = self.numbers.between(1, 3000);
        self.push(time + pause, node, What::Wake);
    }

    fn act(&mut self, time: Time, node: usize) {
        if self.is_trouble() && self.numbers.one_in(4) {
            return self.restart(time, node);
        }
        let now = self.nodes[node].clock(time);
        let candidate = &mut self.nodes[node].candidate;
        let version = candidate.seen.as_ref().map_or(0, |seen| seen.sighting.version.parse().unwrap());
        let holder = candidate.identity.clone();
        let decision = candidate.decide(now);
        if candidate.leads(now) && self.is_trouble() {
            // The work has ended: belief ends first, then the lease is released.
            self.nodes[node].candidate.resign();
            return self.ask(time, node, Request::Put { version, holder: None });
        }
        match decision {
            Decision::Read => self.ask(time, node, Request::Read),
            Decision::Create => self.ask(time, node, Request::Create { holder }),
            Decision::Acquire | Decision::Renew => self.ask(time, node, Request::Put { version, holder: Some(holder) }),
            Decision::Lost(_) => self.restart(time, node),
            Decision::Wait(pause) => {
                let pause = u64::try_from(pause.as_millis()).unwrap() + self.numbers.between(1, 20);
                self.push(time + pause, node, What::Wake);
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn no_two_believe_that_they_lead(seed: u64, nodes in 2_usize..6, trouble in 3_u64..60) {
        let outcome = World::new(seed, nodes, Timing::default(), trouble).run();
        prop_assert!(outcome.most_leaders <= 1, "{outcome:?}");
    }

    #[test]
    fn without_trouble_the_first_leads_for_ever(seed: u64, nodes in 1_usize..6) {
        let outcome = World::new(seed, nodes, Timing::default(), 0).run();
        prop_assert_eq!((outcome.most_leaders, outcome.times_won), (1, 1), "{:?}", outcome);
        prop_assert!(outcome.longest_without < 1000, "{outcome:?}");
    }
}

#[test]
fn the_simulation_sees_many_changes_of_hands() {
    let won: u64 = (0..50).map(|seed| World::new(seed, 3, Timing::default(), 20).run().times_won).sum();
    assert!(won > 250, "{won}");
}

#[test]
fn the_simulation_finds_the_fault_of_a_holder_that_believes_too_long() {
    let timing = Timing { renew_deadline: Duration::from_secs(14), ..Timing::default() };
    assert!((0..200).any(|seed| World::new(seed, 3, timing, 10).run().most_leaders > 1));
}

#[test]
fn the_lease_of_one_that_died_is_taken_within_15_seconds() {
    for seed in 0..100 {
        let mut world = World::new(seed, 2, Timing::default(), 0);
        world.server.lease = Some((0, Some("who died".into())));
        let outcome = world.run();
        assert_eq!(outcome.times_won, 1, "{seed}: {outcome:?}");
        assert!(outcome.longest_without < 12_000, "{seed}: {outcome:?}");
    }
}
