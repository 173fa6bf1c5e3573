//! The plan of a run, and its limits. Pure.
#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use thiserror::Error;
use url::{Host, Url};

/// Maximum number of clients of a run.
pub const MAX_CLIENTS: u32 = 5000;
/// Maximum number of meetings.
pub const MAX_MEETINGS: u32 = 1000;
/// Maximum number of streams that one subscriber receives.
pub const MAX_STREAMS: u32 = 1000;
/// Longest measurement.
pub const MAX_DURATION: Duration = Duration::from_hours(1);
/// Maximum number of joins per second, also for `--churn`.
pub const MAX_JOINS_PER_SECOND: f64 = 200.0;
/// Longest time limit of a step of a join.
pub const MAX_STEP: Duration = Duration::from_mins(5);
/// Longest time for connections to settle.
pub const MAX_SETTLE: Duration = Duration::from_mins(1);
/// Maximum number of newcomers.
pub const MAX_NEWCOMERS: u32 = 100;
/// Maximum bitrate of a publisher's video, in bit/s.
pub const MAX_BITRATE: u32 = 10_000_000;
/// Maximum frame rate.
pub const MAX_FRAME_RATE: u32 = 120;

/// Streams that a media pod carries in one room, summed over those who receive them, before it sends each participant a share.
const ROOM_CONSUMERS: u32 = 20_000;

/// The plan of a run.
#[derive(Clone, Debug)]
pub struct Plan {
    /// Where the meetings are.
    pub target: Target,
    /// Join token. Required for servers that are not on this machine.
    pub token: Option<String>,
    /// Join token of those that receive, if it is another one.
    pub subscriber_token: Option<String>,
    /// Clients that send and do not receive.
    pub publishers: u32,
    /// Clients that receive and do not send.
    pub subscribers: u32,
    /// Number of meetings, to which the clients are distributed evenly.
    pub meetings: u32,
    /// Bitrate of each publisher's video (bit/s); 0 for none.
    pub video_bitrate: u32,
    /// Frames per second of each publisher's video.
    pub frames_per_second: u32,
    /// Three layers instead of one.
    pub simulcast: bool,
    /// Whether publishers send audio.
    pub audio: bool,
    /// How long to measure, after all have joined.
    pub duration: Duration,
    /// How long to wait after the last join, until connections and bandwidth estimation have settled.
    pub settle: Duration,
    /// Publishers that join and leave one after the other when all else is over, to measure how soon they are seen.
    pub newcomers: u32,
    /// Joins per second.
    pub ramp: f64,
    /// Subscribers per second that leave during the measurement, each replaced by a new one.
    pub churn: f64,
    /// Time limit of each step of a join: a connection, a request, ICE with DTLS.
    pub step_limit: Duration,
    /// Process id of the server, to measure its processor time and memory.
    pub server_pid: Option<u32>,
    /// Folder of the server's cgroup.
    pub server_cgroup: Option<PathBuf>,
}

/// A server and the name of a meeting.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    url: Url,
    kind: TargetKind,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum TargetKind {
    /// `ws://HOST/signal/NAME`: signaling of a media pod or router.
    Signaling,
    /// `https://HOST/NAMESPACE/NAME`: a meeting of a router, with its join route.
    Meeting,
    /// `ws://127.0.0.1:PORT/rtc/NAME`: a room of a LiveKit server on this machine.
    #[cfg(feature = "livekit")]
    LiveKit(LiveKitKey),
}

/// An API key of a LiveKit server.
#[cfg(feature = "livekit")]
#[derive(Clone, PartialEq, Eq)]
pub struct LiveKitKey {
    /// Name of the key.
    pub key: String,
    /// Its secret.
    pub secret: String,
}

#[cfg(feature = "livekit")]
impl std::fmt::Debug for LiveKitKey {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LiveKitKey").field("key", &self.key).finish_non_exhaustive()
    }
}

/// Why a plan is refused.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum PlanError {
    /// Not an address of a meeting.
    #[error(
        "{0:?} is neither a meeting (https://HOST/NAMESPACE/NAME) nor a signaling URL (ws://HOST:PORT/signal/NAME)"
    )]
    Target(String),
    /// LiveKit on another machine.
    #[cfg(feature = "livekit")]
    #[error("LiveKit is supported on this machine only, for comparisons: ws://127.0.0.1:PORT/rtc/NAME")]
    LiveKit,
    /// Another machine, without a token.
    #[error(
        "{0:?} is not on this machine: a join token is needed, so that only people with access can put load on a server"
    )]
    NeedsToken(String),
    /// Not a join token.
    #[error("the token is not a JWT: three parts with dots between them, none of them empty")]
    Token,
    /// A value out of its range.
    #[error("{what} must be {range}")]
    Range {
        /// The value.
        what: &'static str,
        /// What is allowed.
        range: String,
    },
}

/// Where a client connects.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Address {
    /// Directly to the signaling.
    Signaling(Url),
    /// With a ticket from the join route.
    JoinRoute(Url),
    /// A room of LiveKit.
    #[cfg(feature = "livekit")]
    LiveKit(Url, LiveKitKey),
}

impl std::str::FromStr for Target {
    type Err = PlanError;

    fn from_str(text: &str) -> Result<Self, PlanError> {
        let problem = || PlanError::Target(text.to_owned());
        let url = Url::parse(text).map_err(|_| problem())?;
        let names = url.path().trim_matches('/').split('/').filter(|name| !name.is_empty()).count();
        let kind = match url.scheme() {
            "ws" | "wss" if names >= 2 => TargetKind::Signaling,
            "http" | "https" if names == 2 => TargetKind::Meeting,
            _ => return Err(problem()),
        };
        let is_plain = url.username().is_empty() && url.password().is_none() && url.query().is_none();
        if url.host().is_none() || !is_plain { Err(problem()) } else { Ok(Self { url, kind }) }
    }
}

impl Target {
    /// The URL as it was given, in normal form.
    pub fn as_str(&self) -> &str {
        self.url.as_str()
    }

    /// The target as a room of a LiveKit server, which must be on this machine.
    #[cfg(feature = "livekit")]
    pub fn livekit(self, key: LiveKitKey) -> Result<Self, PlanError> {
        let is_room = self.kind == TargetKind::Signaling && self.url.path().starts_with("/rtc/");
        if !is_room || !self.is_loopback() {
            return Err(PlanError::LiveKit);
        }
        Ok(Self { kind: TargetKind::LiveKit(key), ..self })
    }

    /// Whether the host is a loopback address by its name. The addresses of `localhost` are checked again when connecting.
    pub(crate) fn is_loopback(&self) -> bool {
        match self.url.host() {
            Some(Host::Domain(name)) => name == "localhost",
            Some(Host::Ipv4(ip)) => ip.is_loopback(),
            Some(Host::Ipv6(ip)) => ip.is_loopback(),
            None => false,
        }
    }

    /// The address of one of several meetings: `NAME-2` is the second one. A single meeting has the name itself.
    pub(crate) fn address(&self, meeting: u32, meetings: u32) -> Address {
        let mut url = self.url.clone();
        let suffix = if meetings > 1 { format!("-{}", meeting + 1) } else { String::new() };
        let path = format!("{}{suffix}", url.path().trim_matches('/'));
        match &self.kind {
            TargetKind::Signaling => {
                url.set_path(&path);
                Address::Signaling(url)
            }
            TargetKind::Meeting => {
                url.set_path(&format!("api/v1/meetings/{path}/join"));
                Address::JoinRoute(url)
            }
            #[cfg(feature = "livekit")]
            TargetKind::LiveKit(key) => {
                url.set_path(&path);
                Address::LiveKit(url, key.clone())
            }
        }
    }
}

impl Plan {
    /// Subscribers of a meeting.
    pub(crate) fn subscribers_of(&self, meeting: u32) -> u32 {
        share(self.subscribers, meeting, self.meetings)
    }

    /// Streams that a subscriber of a meeting should receive. Of more streams than a room carries, each participant is sent a share: then at
    /// least one.
    pub(crate) fn streams_of(&self, meeting: u32) -> usize {
        let streams = share(self.publishers, meeting, self.meetings).saturating_mul(self.kinds());
        let is_shared = streams.saturating_mul(self.subscribers_of(meeting)) > ROOM_CONSUMERS;
        if is_shared { 1 } else { streams as usize }
    }

    /// The join token of a client.
    pub(crate) fn token_of(&self, is_publisher: bool) -> Option<&str> {
        let own = if is_publisher { None } else { self.subscriber_token.as_deref() };
        own.or(self.token.as_deref())
    }

    /// Streams of a publisher.
    fn kinds(&self) -> u32 {
        u32::from(self.audio) + u32::from(self.video_bitrate > 0)
    }

    /// Checks the limits.
    pub fn check(&self) -> Result<(), PlanError> {
        if self.token.is_none() && !self.target.is_loopback() {
            return Err(PlanError::NeedsToken(self.target.as_str().to_owned()));
        }
        if [true, false].into_iter().filter_map(|publishes| self.token_of(publishes)).any(|token| !is_token(token)) {
            return Err(PlanError::Token);
        }
        let clients = self.publishers.saturating_add(self.subscribers);
        in_range("the number of publishers and subscribers together", clients, 1, MAX_CLIENTS)?;
        in_range("the number of publishers", self.publishers, u32::from(self.subscribers > 0), MAX_CLIENTS)?;
        in_range("the number of meetings", self.meetings, 1, MAX_MEETINGS.min(self.publishers.max(1)))?;
        let streams = share(self.publishers, 0, self.meetings).saturating_mul(self.kinds());
        in_range("the number of streams that each subscriber receives", streams, 0, MAX_STREAMS)?;
        in_range("the frame rate", self.frames_per_second, 1, MAX_FRAME_RATE)?;
        in_range("the bitrate of the video", self.video_bitrate, u32::from(!self.audio) * 10_000, MAX_BITRATE)?;
        in_range("the duration in seconds", self.duration.as_secs_f64(), 1.0, MAX_DURATION.as_secs_f64())?;
        in_range("the time limit of a step in seconds", self.step_limit.as_secs_f64(), 0.1, MAX_STEP.as_secs_f64())?;
        in_range("the time to settle in seconds", self.settle.as_secs_f64(), 0.0, MAX_SETTLE.as_secs_f64())?;
        let newcomers = if self.video_bitrate > 0 { MAX_NEWCOMERS } else { 0 };
        in_range("the number of newcomers, which need video,", self.newcomers, 0, newcomers)?;
        in_range("the joins per second", self.ramp, 0.1, MAX_JOINS_PER_SECOND)?;
        in_range("the churn per second", self.churn, 0.0, MAX_JOINS_PER_SECOND)
    }
}

/// Clients of one of several meetings, to which they are distributed in turn.
fn share(clients: u32, meeting: u32, meetings: u32) -> u32 {
    let meetings = meetings.max(1);
    clients / meetings + u32::from(meeting < clients % meetings)
}

fn in_range<T: Copy + PartialOrd + std::fmt::Display>(
    what: &'static str,
    value: T,
    low: T,
    high: T,
) -> Result<(), PlanError> {
    if value >= low && value <= high {
        Ok(())
    } else {
        Err(PlanError::Range { what, range: format!("{low} to {high}") })
    }
}

/// Whether it has the form of a JWT. Only the server can tell whether it is valid.
fn is_token(text: &str) -> bool {
    text.split('.').count() == 3 && text.split('.').all(|part| !part.is_empty())
}

/// Whether media may be sent to an address that a server announced: without a token, to this machine only.
pub(crate) fn may_send_to(ip: IpAddr, has_token: bool) -> bool {
    let is_broadcast = matches!(ip, IpAddr::V4(ip) if ip.is_broadcast());
    ip.is_loopback() || (has_token && !ip.is_unspecified() && !ip.is_multicast() && !is_broadcast)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(target: &str) -> Plan {
        Plan {
            target: target.parse().unwrap(),
            token: None,
            subscriber_token: None,
            publishers: 2,
            subscribers: 10,
            meetings: 1,
            video_bitrate: 600_000,
            frames_per_second: 30,
            simulcast: false,
            audio: true,
            duration: Duration::from_secs(10),
            settle: Duration::from_secs(2),
            newcomers: 0,
            ramp: 10.0,
            churn: 0.0,
            step_limit: Duration::from_secs(15),
            server_pid: None,
            server_cgroup: None,
        }
    }

    #[test]
    fn targets_are_meetings_or_signaling() {
        for (text, is_loopback) in [
            ("ws://127.0.0.1:8080/signal/load", true),
            ("ws://localhost:8080/signal/team-a/load", true),
            ("ws://[::1]:8080/signal/load", true),
            ("https://meet.example.com/team-a/load", false),
            ("wss://127.0.0.1.example.com/signal/load", false),
        ] {
            assert_eq!(text.parse::<Target>().unwrap().is_loopback(), is_loopback, "{text}");
        }
        for text in [
            "",
            "load",
            "https://meet.example.com",
            "https://meet.example.com/a",
            "https://meet.example.com/a/b/c",
            "ftp://127.0.0.1/a/b",
            "ws://127.0.0.1/signal",
            "http://user:secret@127.0.0.1/a/b",
            "ws://127.0.0.1/signal/a?x=1",
        ] {
            assert_eq!(text.parse::<Target>(), Err(PlanError::Target(text.to_owned())));
        }
    }

    #[cfg(feature = "livekit")]
    #[test]
    fn livekit_is_measured_on_this_machine_only() {
        let key = LiveKitKey { key: "devkey".into(), secret: "secret".into() };
        let livekit = |text: &str| text.parse::<Target>().unwrap().livekit(key.clone());
        let target = livekit("ws://127.0.0.1:7880/rtc/load").unwrap();
        let url = Url::parse("ws://127.0.0.1:7880/rtc/load-2").unwrap();
        assert_eq!(target.address(1, 2), Address::LiveKit(url, key.clone()));
        assert!(!format!("{target:?}").contains("secret\""), "{target:?}");
        for text in
            ["wss://livekit.example.com/rtc/load", "ws://127.0.0.1:7880/signal/load", "http://127.0.0.1:7880/rtc/load"]
        {
            assert_eq!(livekit(text), Err(PlanError::LiveKit), "{text}");
        }
    }

    #[test]
    fn each_meeting_has_its_address() {
        let url = |text: &str| Url::parse(text).unwrap();
        let pod: Target = "ws://127.0.0.1:8080/signal/load".parse().unwrap();
        assert_eq!(pod.address(0, 1), Address::Signaling(url("ws://127.0.0.1:8080/signal/load")));
        assert_eq!(pod.address(2, 3), Address::Signaling(url("ws://127.0.0.1:8080/signal/load-3")));
        let router: Target = "https://meet.example.com/team-a/load/".parse().unwrap();
        let route = url("https://meet.example.com/api/v1/meetings/team-a/load-1/join");
        assert_eq!(router.address(0, 2), Address::JoinRoute(route));
    }

    #[test]
    fn each_subscriber_expects_the_streams_of_its_meeting() {
        let plan = Plan { publishers: 3, subscribers: 5, meetings: 2, ..plan("ws://127.0.0.1:8080/signal/load") };
        let of = |plan: &Plan, meeting| (plan.subscribers_of(meeting), plan.streams_of(meeting));
        assert_eq!((of(&plan, 0), of(&plan, 1)), ((3, 4), (2, 2)));
        let silent = Plan { audio: false, ..plan.clone() };
        assert_eq!(of(&silent, 0), (3, 2));
        let large = Plan { publishers: 300, subscribers: 300, ..plan };
        assert_eq!(of(&Plan { meetings: 1, ..large }, 0), (300, 1), "a share");
    }

    #[test]
    fn another_machine_needs_a_token() {
        let mut plan = plan("https://meet.example.com/team-a/load");
        assert!(matches!(plan.check(), Err(PlanError::NeedsToken(_))));
        plan.token = Some("header.claims.signature".into());
        assert_eq!(plan.check(), Ok(()));
        for text in ["", "token", "a.b", "a..c", "a.b.", "a.b.c.d"] {
            plan.token = Some(text.into());
            assert_eq!(plan.check(), Err(PlanError::Token), "{text:?}");
        }
    }

    #[test]
    fn everything_has_a_limit() {
        let good = plan("ws://127.0.0.1:8080/signal/load");
        assert_eq!(good.check(), Ok(()));
        let changes: [fn(&mut Plan); 18] = [
            |plan| plan.settle = MAX_SETTLE + Duration::from_secs(1),
            |plan| plan.newcomers = MAX_NEWCOMERS + 1,
            |plan| (plan.newcomers, plan.video_bitrate) = (1, 0),
            |plan| plan.publishers = MAX_STREAMS / 2 + 1,
            |plan| plan.step_limit = Duration::ZERO,
            |plan| plan.subscribers = MAX_CLIENTS,
            |plan| plan.subscribers = u32::MAX,
            |plan| plan.publishers = 0,
            |plan| (plan.publishers, plan.subscribers) = (0, 0),
            |plan| plan.meetings = 0,
            |plan| plan.meetings = 3,
            |plan| plan.frames_per_second = 0,
            |plan| plan.video_bitrate = MAX_BITRATE + 1,
            |plan| (plan.audio, plan.video_bitrate) = (false, 0),
            |plan| plan.duration = MAX_DURATION + Duration::from_secs(1),
            |plan| plan.ramp = f64::NAN,
            |plan| plan.ramp = 1000.0,
            |plan| plan.churn = -1.0,
        ];
        for (index, change) in changes.iter().enumerate() {
            let mut bad = good.clone();
            change(&mut bad);
            assert!(matches!(bad.check(), Err(PlanError::Range { .. })), "change {index}");
        }
    }

    #[test]
    fn a_server_on_this_machine_cannot_direct_media_to_others() {
        let may = |ip: &str, has_token| may_send_to(ip.parse().unwrap(), has_token);
        assert!(may("127.0.0.1", false) && may("::1", false) && may("192.0.2.1", true));
        for (ip, has_token) in [
            ("192.0.2.1", false),
            ("2001:db8::1", false),
            ("0.0.0.0", true),
            ("224.0.0.1", true),
            ("255.255.255.255", true),
        ] {
            assert!(!may(ip, has_token), "{ip}");
        }
    }
}
