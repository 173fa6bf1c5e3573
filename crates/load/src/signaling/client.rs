//! One client: joins a meeting, publishes or subscribes, and stays until it is stopped.

use std::net::Ipv4Addr;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use str0m::media::MediaKind;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender};
use tokio::sync::watch;
use tokio::time::sleep_until;
#[cfg(feature = "livekit")]
use url::Url;

#[cfg(feature = "livekit")]
use super::livekit;
use super::protoo::Protoo;
use super::role::{Role, began};
use super::rtp::{Formats, offered};
use super::stream::Caller;
use super::ticket::{self, Ticket};
use super::transport::{Remote, rtc};
use super::within::within;
use crate::error::JoinError;
use crate::media::engine::{Connection, Engine};
use crate::media::peer::{PeerEvent, Publishing};
use crate::media::source::{Source, SourceSettings, StreamKind};
#[cfg(feature = "livekit")]
use crate::plan::LiveKitKey;
use crate::plan::{Address, MAX_STREAMS};

/// Progress of a client, with the time since it began to join.
#[derive(Debug)]
pub(crate) enum Progress {
    /// The join was answered, and ICE and DTLS are connected.
    Joined { time: Duration, is_subscriber: bool },
    /// The first packet arrived.
    FirstPacket(Duration),
    /// The first key frame arrived.
    FirstKeyFrame(Duration),
    /// A packet of each expected stream has arrived.
    AllStreams,
    /// It did not join, or was disconnected.
    Failed {
        /// Whether it had joined.
        had_joined: bool,
        /// Why.
        error: JoinError,
    },
}

/// A client that has not joined yet.
pub(crate) struct Client {
    pub(crate) engine: Engine,
    pub(crate) address: Address,
    pub(crate) token: Option<String>,
    pub(crate) peer_id: String,
    pub(crate) role: Role,
    /// Time limit of each step.
    pub(crate) limit: Duration,
}

/// A client in a meeting.
struct Joined {
    signaling: Signaling,
    connection: Connection,
    events: UnboundedReceiver<PeerEvent>,
    start: Instant,
    connected: Option<Instant>,
    consumers: u32,
    /// Whether all that is expected has begun to arrive.
    is_served: bool,
}

/// The signaling of a client in a meeting.
enum Signaling {
    Convene(Box<Protoo>),
    #[cfg(feature = "livekit")]
    LiveKit(Box<livekit::Session>),
}

/// A message of a server.
enum Message {
    Convene(Value),
    #[cfg(feature = "livekit")]
    LiveKit(Box<livekit::Message>),
}

impl Client {
    /// Joins and stays until `stop` is true and it has received all that it should, or has waited for it. Errors are progress, too.
    pub(crate) async fn run(self, progress: UnboundedSender<Progress>, stop: watch::Receiver<bool>) {
        let mut had_joined = false;
        let ended = self.join_and_stay(&progress, stop, &mut had_joined).await;
        if let Err(error) = ended {
            let _ = progress.send(Progress::Failed { had_joined, error });
        }
    }

    async fn join_and_stay(
        &self,
        progress: &UnboundedSender<Progress>,
        stop: watch::Receiver<bool>,
        had_joined: &mut bool,
    ) -> Result<(), JoinError> {
        let mut joined = self.open_meeting().await?;
        let time = joined.wait_for_media(self.limit).await?;
        *had_joined = true;
        let is_subscriber = matches!(self.role, Role::Subscriber { .. });
        let _ = progress.send(Progress::Joined { time, is_subscriber });
        joined.stay(progress, stop, self.limit).await
    }

    async fn open_meeting(&self) -> Result<Joined, JoinError> {
        #[cfg(feature = "livekit")]
        if let Address::LiveKit(url, key) = &self.address {
            return self.join_livekit(url, key).await;
        }
        self.join().await
    }

    #[cfg(feature = "livekit")]
    async fn join_livekit(&self, url: &Url, key: &LiveKitKey) -> Result<Joined, JoinError> {
        let start = Instant::now();
        let caller = Caller { own: self.engine.loopback_address(), has_token: false, limit: self.limit };
        let joined = livekit::join(&self.engine, (url, key), &self.peer_id, self.role, caller, start);
        let (session, connection, events) = within(self.limit, "answer of LiveKit", Box::pin(joined)).await?;
        Ok(self.joined(Signaling::LiveKit(Box::new(session)), connection, events, start))
    }

    fn joined(
        &self,
        signaling: Signaling,
        connection: Connection,
        events: UnboundedReceiver<PeerEvent>,
        start: Instant,
    ) -> Joined {
        let is_served = self.streams() == 0;
        Joined { signaling, connection, events, start, connected: None, consumers: 0, is_served }
    }

    async fn join(&self) -> Result<Joined, JoinError> {
        let start = Instant::now();
        let own = self.engine.loopback_address();
        let mut protoo = self.open(own).await?;
        let capabilities = protoo.ask("getRouterRtpCapabilities", json!({})).await?;
        let formats = Formats::read(&capabilities)?;
        let (connection, events, transport, ssrcs) = self.connect(&mut protoo, own, &formats, start).await?;
        let mut join = json!({ "displayName": self.peer_id, "device": { "name": "convene bench" } });
        if matches!(self.role, Role::Subscriber { .. }) {
            join["rtpCapabilities"] = capabilities;
        }
        protoo.ask("join", join).await?;
        if let Role::Publisher { settings, .. } = self.role {
            produce(&mut protoo, &transport, &formats, settings, &ssrcs).await?;
        }
        Ok(self.joined(Signaling::Convene(Box::new(protoo)), connection, events, start))
    }

    /// The number of streams that should arrive.
    fn streams(&self) -> usize {
        if let Role::Subscriber { streams } = self.role { streams } else { 0 }
    }

    async fn open(&self, own: Ipv4Addr) -> Result<Protoo, JoinError> {
        let caller = Caller { own, has_token: self.token.is_some(), limit: self.limit };
        let token = self.token.as_deref();
        let Ticket { mut url, token } = match &self.address {
            Address::Signaling(url) => Ticket { url: url.clone(), token: self.token.clone() },
            Address::JoinRoute(route) => {
                within(self.limit, "response to the join request", ticket::request(route, token, caller)).await?
            }
            #[cfg(feature = "livekit")]
            Address::LiveKit(..) => return Err(JoinError::Malformed("no signaling of a media pod")),
        };
        url.query_pairs_mut().append_pair("peerId", &self.peer_id);
        Protoo::open(&url, token.as_deref(), caller).await
    }

    /// Creates the transport and connects it.
    async fn connect(
        &self,
        protoo: &mut Protoo,
        own: Ipv4Addr,
        formats: &Formats,
        start: Instant,
    ) -> Result<(Connection, UnboundedReceiver<PeerEvent>, String, Vec<(StreamKind, u32, u32)>), JoinError> {
        let direction = if matches!(self.role, Role::Subscriber { .. }) { "consumer" } else { "producer" };
        let data = json!({ "forceTcp": false, "appData": { "direction": direction } });
        let answer = protoo.ask("createWebRtcTransport", data).await?;
        let remote = Remote::read(&answer, self.token.is_some())?;
        let local = self.engine.local(own, remote.address);
        let local = local.map_err(|source| JoinError::Socket { address: remote.address, source })?;
        let ssrcs = if let Role::Publisher { settings, .. } = self.role { ssrcs(settings) } else { Vec::new() };
        let (rtc, dtls) = rtc(&remote, local.address, formats, &ssrcs)?;
        let publishing = self.publishing(formats, &ssrcs, start);
        let (connection, events) = self.engine.add(rtc, local, publishing, self.streams());
        let data = json!({ "transportId": remote.id, "dtlsParameters": dtls });
        protoo.ask("connectWebRtcTransport", data).await?;
        Ok((connection, events, remote.id, ssrcs))
    }

    /// What a publisher sends, from now on.
    fn publishing(&self, formats: &Formats, ssrcs: &[(StreamKind, u32, u32)], start: Instant) -> Option<Publishing> {
        let Role::Publisher { settings, receivers } = self.role else { return None };
        let payload_type = |stream| if stream == StreamKind::Audio { formats.opus } else { formats.vp8 };
        let streams = ssrcs.iter().map(|(stream, ssrc, _)| (*stream, payload_type(*stream), *ssrc)).collect();
        Some(Publishing { source: Source::new(settings, start), began: began(start), streams, receivers })
    }
}

fn ssrcs(settings: SourceSettings) -> Vec<(StreamKind, u32, u32)> {
    let first = rand::random_range(1..0x7fff_ff00);
    settings.streams().into_iter().zip((first..).step_by(2)).map(|(stream, ssrc)| (stream, ssrc, ssrc + 1)).collect()
}

async fn produce(
    protoo: &mut Protoo,
    transport: &str,
    formats: &Formats,
    settings: SourceSettings,
    ssrcs: &[(StreamKind, u32, u32)],
) -> Result<(), JoinError> {
    let kinds = [
        (MediaKind::Audio, "audio", settings.has_audio),
        (MediaKind::Video, "video", settings.video_bitrate.is_some()),
    ];
    for (kind, name, _) in kinds.into_iter().filter(|(.., is_sent)| *is_sent) {
        let data = json!({
            "transportId": transport, "kind": name, "appData": { "source": name },
            "rtpParameters": formats.produce(kind, settings, ssrcs),
        });
        protoo.ask("produce", data).await?;
    }
    Ok(())
}

/// Waits until it is true, or the run has ended.
async fn until(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|stop| *stop).await;
}

impl Joined {
    /// Waits for ICE and DTLS. Returns the time since the client began to join.
    async fn wait_for_media(&mut self, limit: Duration) -> Result<Duration, JoinError> {
        within(limit, "media connection (ICE and DTLS)", self.until_connected()).await?;
        Ok(self.start.elapsed())
    }

    /// Messages of the server are answered meanwhile.
    async fn until_connected(&mut self) -> Result<(), JoinError> {
        loop {
            tokio::select! {
                message = self.signaling.next() => self.take(message?).await?,
                event = self.events.recv() => {
                    let Some(PeerEvent::Connected(at)) = event else { return Err(JoinError::MediaEnded) };
                    self.connected = Some(at);
                    return Ok(());
                }
            }
        }
    }

    async fn stay(
        &mut self,
        progress: &UnboundedSender<Progress>,
        mut stop: watch::Receiver<bool>,
        limit: Duration,
    ) -> Result<(), JoinError> {
        let mut leave_at = None;
        loop {
            tokio::select! {
                message = self.signaling.next() => self.take(message?).await?,
                event = self.events.recv() => self.report(event, progress)?,
                () = until(&mut stop), if leave_at.is_none() => leave_at = Some(Instant::now() + limit),
                () = sleep_until(leave_at.unwrap_or(self.start).into()), if leave_at.is_some() => return Ok(()),
            }
            if leave_at.is_some() && self.is_served {
                return Ok(());
            }
        }
    }

    fn report(&mut self, event: Option<PeerEvent>, progress: &UnboundedSender<Progress>) -> Result<(), JoinError> {
        let report = match event {
            Some(PeerEvent::FirstPacket(at)) => Progress::FirstPacket(at - self.start),
            Some(PeerEvent::FirstKeyFrame(at)) => Progress::FirstKeyFrame(at - self.start),
            Some(PeerEvent::AllStreams) => Progress::AllStreams,
            Some(PeerEvent::Connected(_)) => return Ok(()),
            Some(PeerEvent::Closed) | None => return Err(JoinError::MediaEnded),
        };
        self.is_served |= matches!(report, Progress::AllStreams);
        let _ = progress.send(report);
        Ok(())
    }

    async fn take(&mut self, message: Message) -> Result<(), JoinError> {
        match (message, &mut self.signaling) {
            (Message::Convene(message), Signaling::Convene(protoo)) => {
                self.consumers += u32::from(accept(protoo, &message, &self.connection).await?);
                let is_bounded = self.consumers <= MAX_STREAMS;
                if is_bounded { Ok(()) } else { Err(JoinError::Malformed("too many consumers")) }
            }
            #[cfg(feature = "livekit")]
            (Message::LiveKit(message), Signaling::LiveKit(session)) => session.take(*message, &self.connection).await,
            #[cfg(feature = "livekit")]
            _ => Ok(()),
        }
    }
}

/// Accepts a consumer and refuses all other requests. Returns whether it was one.
async fn accept(protoo: &mut Protoo, message: &Value, connection: &Connection) -> Result<bool, JoinError> {
    if message["request"] != true {
        return Ok(false);
    }
    if message["method"] != "newConsumer" {
        return protoo.reply(message, Err("convene bench receives audio and video only")).await.map(|()| false);
    }
    connection.announce(offered(&message["data"])?);
    protoo.reply(message, Ok(())).await.map(|()| true)
}

impl Signaling {
    /// The next message.
    async fn next(&mut self) -> Result<Message, JoinError> {
        match self {
            Self::Convene(protoo) => protoo.next().await.map(Message::Convene),
            #[cfg(feature = "livekit")]
            Self::LiveKit(session) => session.next().await.map(|message| Message::LiveKit(Box::new(message))),
        }
    }
}
