//! The result of a run: for programs as JSON, for people as a table. Pure.
#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeMap;
use std::fmt::{self, Display, Formatter};

use serde::Serialize;

use crate::media::peer::Totals;
use crate::server::{Reading, ServerError, ServerUse};
use crate::stats::times::Percentiles;

/// 99th percentile of the lateness of frames in milliseconds above which the figures are those of this machine and not of the server.
const MAX_LAG_MS: f64 = 20.0;

/// The result of a run.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Report {
    /// The address of the meetings.
    pub target: String,
    /// Meetings, publishers, subscribers.
    pub clients: Clients,
    /// How the clients joined.
    pub joins: Joins,
    /// What arrived at the subscribers during the measurement.
    pub media: Media,
    /// What the server used during the measurement.
    pub server: Server,
    /// How well this program kept up.
    pub generator: Generator,
}

/// Numbers of clients.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Clients {
    /// Meetings.
    pub meetings: u32,
    /// Clients that send.
    pub publishers: u32,
    /// Clients that receive.
    pub subscribers: u32,
}

/// How the clients joined, including those of `--churn`.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Joins {
    /// Clients that tried.
    pub attempted: u32,
    /// Clients that joined, with media connected.
    pub succeeded: u32,
    /// Clients that could not join.
    pub failed: u32,
    /// Clients that joined and were disconnected.
    pub lost: u32,
    /// Subscribers that joined.
    pub subscribers: u32,
    /// Subscribers that received at least one packet of every stream of their meeting.
    pub served: u32,
    /// From the start to a joined client with connected media.
    pub time: Percentiles,
    /// From the start to the first packet of a subscriber.
    pub first_packet: Percentiles,
    /// From the start to the first key frame of a subscriber.
    pub first_key_frame: Percentiles,
    /// From the start of a newcomer's join to its first key frame, at each subscriber that was connected before.
    pub newcomer: Percentiles,
    /// Reasons of failures, and how often.
    pub errors: BTreeMap<String, u32>,
}

/// What arrived.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Media {
    /// Length of the measurement.
    pub seconds: f64,
    /// Packets that publishers sent.
    pub sent: u64,
    /// Packets that arrived at subscribers.
    pub delivered: u64,
    /// Packets sent, times the subscribers of their meeting; only without simulcast and churn, with which fewer are right.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub expected: Option<u64>,
    /// Delivered packets in percent of those expected. Packets on their way at the begin and the end make it inexact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub delivered_percent: Option<f64>,
    /// Packets that did not arrive, not even retransmitted.
    pub lost: u64,
    /// Lost packets in percent.
    pub loss_percent: f64,
    /// Packets that arrived after later ones, among them retransmissions.
    pub reordered: u64,
    /// Key frames that arrived.
    pub key_frames: u64,
    /// RTP payload that arrived, in Mbit/s.
    pub mbits_per_second: f64,
    /// From sending to the kernel of the receiver.
    pub delay: Percentiles,
}

/// What the server used.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Server {
    /// Processor time.
    #[serde(flatten)]
    pub used: ServerUse,
    /// Processor time in microseconds for each delivered packet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub micros_per_packet: Option<f64>,
    /// Processors used, on average.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub processors: Option<f64>,
    /// How much memory grew for each client, in KiB.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub kib_per_client: Option<f64>,
    /// Why there are no figures: the server has ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
}

/// How well this program kept up.
#[derive(Clone, Copy, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct Generator {
    /// Processors used by this program, on average. All media is on one of them.
    pub processors: f64,
    /// How late frames were sent, those included that were skipped.
    pub lag: Percentiles,
    /// Whether the lag is short enough for the figures to be those of the server.
    pub kept_up: bool,
}

impl Media {
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    pub(crate) fn new(totals: &Totals, seconds: f64, has_expectation: bool) -> Self {
        let packets = totals.packets;
        let expected = has_expectation.then_some(totals.expected).filter(|expected| *expected > 0);
        Self {
            seconds,
            sent: totals.sent,
            delivered: packets.delivered,
            expected,
            delivered_percent: expected.map(|expected| packets.delivered as f64 * 100.0 / expected as f64),
            lost: packets.lost,
            loss_percent: packets.loss() * 100.0,
            reordered: packets.reordered,
            key_frames: totals.key_frames,
            mbits_per_second: totals.bytes as f64 * 8.0 / 1e6 / seconds.max(1e-9),
            delay: totals.delay.percentiles(),
        }
    }
}

impl Server {
    /// `growth` is the memory that the clients cost, in bytes.
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    pub(crate) fn new(used: ServerUse, media: &Media, growth: Option<u64>, clients: u32) -> Self {
        let micros_per_packet =
            used.seconds().filter(|_| media.delivered > 0).map(|seconds| seconds * 1e6 / media.delivered as f64);
        let processors = used.seconds().map(|seconds| seconds / media.seconds.max(1e-9));
        let kib_per_client = growth.map(|bytes| bytes as f64 / 1024.0 / f64::from(clients.max(1)));
        Self { used, micros_per_packet, processors, kib_per_client, error: None }
    }

    /// From three readings: without clients, before the measurement, and after it. `clients` had joined at the second. A server that has ended
    /// since the first has no figures.
    pub(crate) fn between(
        empty: &Reading,
        before: Result<Reading, ServerError>,
        after: Result<Reading, ServerError>,
        media: &Media,
        clients: u32,
    ) -> Self {
        match before.and_then(|before| Ok((after?, before))) {
            Ok((after, before)) => {
                let growth = before.memory.zip(empty.memory).map(|(full, empty)| full.saturating_sub(empty));
                Self::new(after.since(&before), media, growth, clients)
            }
            Err(error) => Self { error: Some(error.to_string()), ..Self::default() },
        }
    }
}

impl Generator {
    pub(crate) fn new(processors: f64, lag: Percentiles) -> Self {
        Self { processors, lag, kept_up: lag.p99_ms <= MAX_LAG_MS }
    }
}

impl Joins {
    /// Whether each subscriber that joined received something of every stream.
    pub fn are_served(&self) -> bool {
        self.first_packet.count >= u64::from(self.subscribers) && self.served >= self.subscribers
    }
}

impl Report {
    /// Whether media arrived at all subscribers.
    pub fn is_received(&self) -> bool {
        self.joins.are_served() && (self.clients.subscribers == 0 || self.media.delivered > 0)
    }

    /// Whether every client joined and stayed.
    pub fn is_complete(&self) -> bool {
        self.joins.failed == 0 && self.joins.lost == 0
    }
}

impl Display for Report {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Self { target, clients: Clients { meetings, publishers, subscribers }, joins, media, server, generator } =
            self;
        writeln!(
            f,
            "{target}, {:.1} s\nmeetings {meetings}, publishers {publishers}, subscribers {subscribers}\n",
            media.seconds
        )?;
        write_joins(f, joins)?;
        write_media(f, media)?;
        write_server(f, server)?;
        row(
            f,
            "generator",
            &format!("{:.2} processors, packets late by {}", generator.processors, times(&generator.lag)),
        )?;
        if !generator.kept_up {
            writeln!(f, "\nThis program did not keep up: the figures are those of this machine, not of the server.")?;
        }
        Ok(())
    }
}

fn row(f: &mut Formatter<'_>, name: &str, value: &str) -> fmt::Result {
    writeln!(f, "{name:<18}{value}")
}

fn times(Percentiles { count, p50_ms, p99_ms, max_ms }: &Percentiles) -> String {
    if *count == 0 { "none".into() } else { format!("p50 {p50_ms:.1} ms, p99 {p99_ms:.1} ms, max {max_ms:.1} ms") }
}

fn write_joins(f: &mut Formatter<'_>, joins: &Joins) -> fmt::Result {
    let Joins { attempted, succeeded, failed, lost, subscribers, served, time, .. } = joins;
    row(f, "joined", &format!("{succeeded} of {attempted}; {failed} failed, {lost} disconnected later"))?;
    for (reason, count) in &joins.errors {
        row(f, "", &format!("{count} x {reason}"))?;
    }
    row(f, "time to join", &times(time))?;
    let first_packet = &joins.first_packet;
    let served = format!("{} of {subscribers} subscribers, all streams {served}", first_packet.count);
    row(f, "first packet", &format!("{served}; {}", times(first_packet)))?;
    row(f, "first key frame", &times(&joins.first_key_frame))?;
    if joins.newcomer.count == 0 {
        return Ok(());
    }
    row(f, "newcomer seen", &format!("{} times; {}", joins.newcomer.count, times(&joins.newcomer)))
}

fn write_media(f: &mut Formatter<'_>, media: &Media) -> fmt::Result {
    let Media { delivered, lost, loss_percent, reordered, key_frames, mbits_per_second, delay, seconds, .. } = media;
    #[expect(clippy::cast_precision_loss, reason = "counts far below 2^52")]
    let rate = *delivered as f64 / seconds.max(1e-9);
    row(
        f,
        "delivered",
        &format!("{delivered} packets, {rate:.0}/s, {mbits_per_second:.1} Mbit/s, {key_frames} key frames"),
    )?;
    if let (Some(expected), Some(percent)) = (media.expected, media.delivered_percent) {
        row(f, "expected", &format!("{expected} packets, of which {percent:.2} % delivered"))?;
    }
    row(f, "lost", &format!("{lost} ({loss_percent:.4} %); {reordered} reordered or retransmitted"))?;
    row(f, "one-way delay", &times(delay))
}

fn write_server(f: &mut Formatter<'_>, server: &Server) -> fmt::Result {
    let Server { used, micros_per_packet, processors, kib_per_client, error } = server;
    if let Some(error) = error {
        row(f, "server", error)?;
    }
    if let (Some(processors), Some(micros)) = (processors, micros_per_packet) {
        row(f, "server", &format!("{processors:.3} processors, {micros:.2} us per delivered packet"))?;
    }
    for thread in used.threads.iter().take(4) {
        row(f, "", &format!("{:.2} s {}", thread.seconds, thread.name))?;
    }
    kib_per_client.map_or(Ok(()), |kib| row(f, "memory", &format!("{kib:.0} KiB per client")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::server::ThreadUse;
    use crate::stats::sequence::Packets;
    use std::time::Duration;

    fn report() -> Report {
        let mut totals = Totals {
            packets: Packets { delivered: 9_990, lost: 10, reordered: 2 },
            bytes: 10_000_000,
            sent: 2_000,
            expected: 20_000,
            ..Totals::default()
        };
        totals.delay.record(Duration::from_millis(3));
        let media = Media::new(&totals, 10.0, true);
        let threads = vec![ThreadUse { name: "worker".into(), seconds: 0.02 }];
        let used = ServerUse { process_seconds: Some(0.02), cgroup_seconds: None, threads };
        Report {
            target: "ws://127.0.0.1:8080/signal/load".into(),
            clients: Clients { meetings: 1, publishers: 2, subscribers: 8 },
            joins: Joins { attempted: 10, succeeded: 10, subscribers: 8, ..Joins::default() },
            server: Server::new(used, &media, Some(1 << 20), 8),
            media,
            generator: Generator::new(0.25, Percentiles { count: 1, p50_ms: 0.1, p99_ms: 30.0, max_ms: 30.0 }),
        }
    }

    #[test]
    fn figures_are_derived_from_counts() {
        let Report { media, server, .. } = report();
        assert!((media.loss_percent - 0.1).abs() < 1e-9 && (media.mbits_per_second - 8.0).abs() < 1e-9);
        let micros = server.micros_per_packet.unwrap();
        assert!((micros - 2.002).abs() < 0.001, "{micros}");
        assert_eq!((server.processors, server.kib_per_client), (Some(0.002), Some(128.0)));
        let nothing = Server::new(ServerUse::default(), &Media::default(), None, 0);
        assert_eq!((nothing.micros_per_packet, nothing.kib_per_client), (None, None));
    }

    #[test]
    fn the_table_says_what_happened() {
        let mut report = report();
        report.joins.errors.insert("Timeout".into(), 3);
        let text = report.to_string();
        for words in [
            "10 of 10",
            "3 x Timeout",
            "10 (0.1000 %)",
            "0 of 8 subscribers, all streams 0; none",
            "20000 packets, of which 49.95 % delivered",
            "2.00 us per delivered packet",
            "0.02 s worker",
            "128 KiB per client",
            "did not keep up",
        ] {
            assert!(text.contains(words), "{words}: {text}");
        }
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!((&json["media"]["delivered"], &json["server"]["processSeconds"]), (&9_990.into(), &0.02.into()));
    }

    #[test]
    fn a_server_that_has_ended_leaves_a_report() {
        let gone = || Err(ServerError::Parse("/proc/7/task".into()));
        let (reading, media) = (Reading::default(), Media::default());
        for (before, after) in [(gone(), gone()), (Ok(reading.clone()), gone())] {
            let server = Server::between(&reading, before, after, &media, 3);
            let report = Report { server, ..report() };
            assert!(report.to_string().contains("server            could not parse \"/proc/7/task\""), "{report}");
        }
        let server = Server::between(&reading, Ok(reading.clone()), Ok(reading.clone()), &media, 3);
        assert_eq!(server.error, None);
    }

    #[test]
    fn a_run_is_complete_when_all_joined_and_stayed() {
        let mut report = report();
        assert!(report.is_complete());
        report.joins.lost = 1;
        assert!(!report.is_complete());
    }

    #[test]
    fn a_run_in_which_nothing_arrives_is_seen() {
        let mut report = report();
        assert!(!report.is_received(), "{report}");
        (report.joins.first_packet.count, report.joins.served) = (8, 8);
        assert!(report.is_received());
        report.joins.served = 7;
        assert!(!report.is_received(), "one of the streams did not begin");
        report.joins.served = 8;
        report.media.delivered = 0;
        assert!(!report.is_received(), "nothing during the measurement");
        let churning = Media::new(&Totals { expected: 10, ..Totals::default() }, 1.0, false);
        assert_eq!((churning.expected, churning.delivered_percent), (None, None));
    }
}
