//! One stream as it arrives: what is missing, how late it is, and which pictures move. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use super::rtcp::Reception;

/// Sound that is later than the earliest by this much comes too late to be heard.
const TOO_LATE: Duration = Duration::from_millis(400);
/// Requests for the same packet.
const REQUESTS: u8 = 5;
const REQUEST_INTERVAL: Duration = Duration::from_millis(100);
const RATE: f64 = 48_000.0;

/// The description that a packet carries.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Arrived<'a> {
    pub(crate) number: u16,
    pub(crate) time: u32,
    pub(crate) is_last_of_frame: bool,
    pub(crate) payload: &'a [u8],
}

#[derive(Debug, Default)]
pub(crate) struct Stream {
    pub(crate) ssrc: u32,
    pub(crate) rtx: u32,
    pub(crate) is_audio: bool,
    highest: Option<u32>,
    missing: BTreeMap<u32, (u8, Option<Instant>)>,
    received: u32,
    first: u32,
    at_last_report: (u32, u32),
    /// Of each sound that arrived: when, relative to its own time.
    pub(crate) delays: Vec<(Instant, f64)>,
    /// Of each frame: when, and its size.
    pub(crate) frames: Vec<(Instant, u8)>,
    pub(crate) first_frame: Option<Instant>,
    pub(crate) gave_up: bool,
}

impl Stream {
    pub(crate) fn new(ssrc: u32, rtx: u32, is_audio: bool) -> Self {
        Self { ssrc, rtx, is_audio, ..Self::default() }
    }

    pub(crate) fn note(&mut self, packet: Arrived<'_>, start: Instant, at: Instant) {
        let number = self.extended(packet.number);
        if self.is_known(number) {
            return;
        }
        self.received += 1;
        self.missing.remove(&number);
        let next = self.highest.map_or(number, |highest| highest + 1);
        if self.highest.is_none() {
            self.first = number;
        }
        self.missing.extend((next..number).map(|number| (number, (0, None))));
        self.highest = Some(self.highest.map_or(number, |highest| highest.max(number)));
        if self.is_audio {
            self.delays.push((at, (at - start).as_secs_f64() - f64::from(packet.time) / RATE));
        } else if packet.is_last_of_frame {
            self.first_frame.get_or_insert(at);
            self.frames.push((at, size_of(packet.payload)));
        }
    }

    fn extended(&self, number: u16) -> u32 {
        let Some(highest) = self.highest else { return u32::from(number) + 0x1_0000 };
        let ahead = number.wrapping_sub((highest & 0xFFFF) as u16) as i16;
        highest.saturating_add_signed(i32::from(ahead))
    }

    fn is_known(&self, number: u32) -> bool {
        self.highest.is_some_and(|highest| number <= highest && !self.missing.contains_key(&number))
    }

    /// The numbers to request now. What is not sent after some requests is given up.
    pub(crate) fn due(&mut self, now: Instant, round_trip: Duration) -> Vec<u16> {
        let interval = REQUEST_INTERVAL.max(round_trip);
        let mut due = Vec::new();
        for (number, (requests, last)) in &mut self.missing {
            let is_due = last.is_none_or(|last| now - last > interval);
            if is_due && *requests < REQUESTS {
                (*requests, *last) = (*requests + 1, Some(now));
                due.push((*number & 0xFFFF) as u16);
            } else if is_due && *requests == REQUESTS {
                *requests += 1;
                self.gave_up = true;
            }
        }
        due.truncate(100);
        due
    }

    pub(crate) fn reception(&mut self) -> Option<Reception> {
        let highest = self.highest?;
        let expected = highest - self.first + 1;
        let (expected_before, received_before) = std::mem::replace(&mut self.at_last_report, (expected, self.received));
        let (expected_now, received_now) = (expected - expected_before, self.received - received_before);
        let lost = (256 * expected_now.saturating_sub(received_now)).checked_div(expected_now).unwrap_or_default();
        let lost_in_total = expected.saturating_sub(self.received);
        Some(Reception { ssrc: self.ssrc, lost, lost_in_total, highest })
    }

    /// The share of the sound between two times that could not be heard, in percent.
    pub(crate) fn unheard_percent(&self, from: Instant, to: Instant) -> f64 {
        let expected = (to - from).as_secs_f64() * 50.0;
        let earliest = self.delays.iter().map(|(_, delay)| *delay).fold(f64::INFINITY, f64::min);
        let is_heard =
            |(at, delay): &&(Instant, f64)| (from..to).contains(at) && delay - earliest < TOO_LATE.as_secs_f64();
        (100.0 * (1.0 - self.delays.iter().filter(is_heard).count() as f64 / expected)).max(0.0)
    }

    /// The share of seconds in which the picture moved.
    pub(crate) fn moving_percent(&self, from: Instant, to: Instant) -> f64 {
        let seconds = (to - from).as_secs_f64().ceil();
        let second = |at: &Instant| (*at - from).as_secs();
        let times = self.frames.iter().map(|(at, _)| at).filter(|at| (from..to).contains(*at));
        100.0 * times.map(second).collect::<BTreeSet<_>>().len() as f64 / seconds
    }

    /// How often the picture changed its size or stopped for more than a second.
    pub(crate) fn changes(&self, from: Instant, to: Instant) -> usize {
        let frames: Vec<_> = self.frames.iter().filter(|(at, _)| (from..to).contains(at)).collect();
        frames
            .windows(2)
            .filter(|pair| pair[0].1 != pair[1].1 || pair[1].0 - pair[0].0 > Duration::from_secs(1))
            .count()
    }

    pub(crate) fn frames_between(&self, from: Instant, to: Instant) -> (usize, usize) {
        let frames = self.frames.iter().filter(|(at, _)| (from..to).contains(at));
        frames
            .fold((0, 0), |(small, large), (_, size)| if *size == 0 { (small + 1, large) } else { (small, large + 1) })
    }
}

/// Behind the descriptor; only the first packet of a frame has it, and the small size has no more.
fn size_of(payload: &[u8]) -> u8 {
    payload.get(7).copied().unwrap_or_default()
}
