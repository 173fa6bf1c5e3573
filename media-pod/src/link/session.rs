//! One link, seen from the room's pod: connects, introduces the room, sends requests, passes on what arrives, and notices silence.

use std::net::{IpAddr, SocketAddr};
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use convene_protocol::admin::SiteTarget;
use futures_util::stream::{SplitSink, SplitStream};
use futures_util::{SinkExt, StreamExt};
use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio::time::{MissedTickBehavior, interval, timeout};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest;
use tokio_tungstenite::tungstenite::http::{HeaderValue, header::AUTHORIZATION};
use tokio_tungstenite::tungstenite::protocol::WebSocketConfig;
use tokio_tungstenite::tungstenite::{Error as WebSocketError, Message};
use tokio_tungstenite::{WebSocketStream, client_async_with_config};

use super::certificate::pinned;
use super::error::LinkError;
use super::frames::{
    Hello, HomeFrame, LINK_PATH, LinkRequest, MAX_FRAME_BYTES, Reported, SiteFrame, Welcome, read_report,
};
use super::input::LinkInput;
use super::path;
use crate::sfu::workers::PipePorts;

/// Time limit for opening a link.
const OPEN_LIMIT: Duration = Duration::from_secs(5);
/// Time limit for sending a message.
const SEND_LIMIT: Duration = Duration::from_secs(3);
/// How often a sign of life is requested.
const PING: Duration = Duration::from_secs(1);
/// Requests for a sign of life without any answer after which a site counts as lost.
const SILENT: u32 = 3;
/// The same without the outcome of any operation, as long as one is awaited.
const STUCK: u32 = 15;

type Socket = WebSocketStream<TlsStream<TcpStream>>;

/// Runs a link until `requests` ends or the link does. `pass_on` returns false once the room is over.
pub(super) async fn run<F: Future<Output = bool>>(
    target: &SiteTarget,
    hello: &Hello,
    pipes: &PipePorts,
    requests: mpsc::UnboundedReceiver<LinkRequest>,
    pass_on: impl Fn(LinkInput) -> F,
) -> Result<(), LinkError> {
    let address = SocketAddr::new(target.address, target.port);
    let opened = timeout(OPEN_LIMIT, open(address, target, hello)).await;
    let (socket, welcome) = opened.map_err(|_| LinkError::Timeout { address })??;
    check_path(target.address, welcome, pipes).await?;
    let (sink, stream) = socket.split();
    if !pass_on(LinkInput::Linked).await {
        return Ok(());
    }
    let hearing = Hearing::default();
    // Side by side: a site that waits until its outcomes are read takes no further requests.
    tokio::select! {
        biased;
        result = read(Reader { stream, address }, &hearing, pass_on) => result,
        result = write(Writer { sink, address }, requests, &hearing) => result,
    }
}

async fn write(
    mut writer: Writer,
    mut requests: mpsc::UnboundedReceiver<LinkRequest>,
    hearing: &Hearing,
) -> Result<(), LinkError> {
    let mut pings = interval(PING);
    pings.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        tokio::select! {
            request = requests.recv() => match request {
                Some(request) => {
                    hearing.requested();
                    writer.send(&HomeFrame::Request(Box::new(request))).await?;
                }
                None => return writer.close().await,
            },
            _ = pings.tick() => {
                if let Some(problem) = hearing.problem(writer.address) {
                    return Err(problem);
                }
                writer.send(&HomeFrame::Ping).await?;
                hearing.asked();
            }
        }
    }
}

async fn read<F: Future<Output = bool>>(
    mut reader: Reader,
    hearing: &Hearing,
    pass_on: impl Fn(LinkInput) -> F,
) -> Result<(), LinkError> {
    loop {
        let frame = reader.next().await?;
        hearing.heard(matches!(frame, Some(SiteFrame::Done(_))));
        if let Some(input) = frame.and_then(input_of) {
            hearing.set_busy(true);
            if !pass_on(input).await {
                return Ok(());
            }
            hearing.set_busy(false);
        }
    }
}

/// Signs of life of a site. They are counted by requests for them and not by time, in which this process may have stood still.
#[derive(Debug, Default)]
struct Hearing {
    /// Requests for a sign of life since something was received.
    unanswered: AtomicU32,
    /// Requests of the room without an outcome.
    in_flight: AtomicU32,
    /// Requests for a sign of life since an outcome was received, as long as one is awaited.
    stuck: AtomicU32,
    /// Whether the room does not take what was received.
    is_busy: AtomicBool,
}

impl Hearing {
    fn asked(&self) {
        if self.is_busy.load(Ordering::Relaxed) {
            return;
        }
        self.unanswered.fetch_add(1, Ordering::Relaxed);
        if self.in_flight.load(Ordering::Relaxed) > 0 {
            self.stuck.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn requested(&self) {
        self.in_flight.fetch_add(1, Ordering::Relaxed);
    }

    fn heard(&self, is_outcome: bool) {
        self.unanswered.store(0, Ordering::Relaxed);
        if is_outcome {
            self.stuck.store(0, Ordering::Relaxed);
            let one_less = |count: u32| Some(count.saturating_sub(1));
            let _ = self.in_flight.fetch_update(Ordering::Relaxed, Ordering::Relaxed, one_less);
        }
    }

    fn set_busy(&self, is_busy: bool) {
        self.is_busy.store(is_busy, Ordering::Relaxed);
    }

    /// Why the site counts as lost, if it does.
    fn problem(&self, address: SocketAddr) -> Option<LinkError> {
        if self.unanswered.load(Ordering::Relaxed) >= SILENT {
            return Some(LinkError::Silent { address, seconds: SILENT.into() });
        }
        let is_stuck = self.stuck.load(Ordering::Relaxed) >= STUCK;
        is_stuck.then_some(LinkError::Stuck { address, seconds: STUCK.into() })
    }
}

fn input_of(frame: SiteFrame) -> Option<LinkInput> {
    match frame {
        SiteFrame::Done(done) => Some(LinkInput::Done(done.id, done.outcome)),
        SiteFrame::Event(event) => Some(LinkInput::Event(event)),
        SiteFrame::Welcome(_) | SiteFrame::Pong => None,
    }
}

async fn open(address: SocketAddr, target: &SiteTarget, hello: &Hello) -> Result<(Socket, Welcome), LinkError> {
    let tcp = TcpStream::connect(address).await.map_err(|source| LinkError::Connect { address, source })?;
    let _ = tcp.set_nodelay(true);
    let connector = TlsConnector::from(pinned(target.fingerprint.clone()));
    let tls = connector.connect(ServerName::IpAddress(address.ip().into()), tcp).await;
    let tls = tls.map_err(|source| LinkError::Tls { address, source })?;
    let request = request(address, &target.ticket)?;
    let config =
        WebSocketConfig::default().max_message_size(Some(MAX_FRAME_BYTES)).max_frame_size(Some(MAX_FRAME_BYTES));
    let upgraded = client_async_with_config(request, tls, Some(config)).await;
    let (mut socket, _) = upgraded.map_err(|error| refused(address, &error))?;
    let sent = socket.send(Message::text(text_of(&HomeFrame::Hello(hello.clone()), address)?)).await;
    sent.map_err(|error| ended(address, &error))?;
    loop {
        match frame_of(socket.next().await, address)? {
            Some(SiteFrame::Welcome(welcome)) => return Ok((socket, welcome)),
            Some(_) => return Err(LinkError::Invalid { address }),
            None => {}
        }
    }
}

/// Without a port to spare on both pods nothing is known.
async fn check_path(site: IpAddr, welcome: Welcome, pipes: &PipePorts) -> Result<(), LinkError> {
    let Some(to) = welcome.echo.map(|port| SocketAddr::new(site, port)) else { return Ok(()) };
    match path::bind(pipes).await {
        Some(socket) if !path::is_open(&socket, to).await => Err(LinkError::NoPath { own: pipes.ip, to }),
        _ => Ok(()),
    }
}

fn request(address: SocketAddr, ticket: &str) -> Result<tokio_tungstenite::tungstenite::http::Request<()>, LinkError> {
    let invalid = || LinkError::Invalid { address };
    let mut request = format!("wss://{address}{LINK_PATH}").into_client_request().map_err(|_| invalid())?;
    let mut bearer = HeaderValue::from_str(&format!("Bearer {ticket}")).map_err(|_| invalid())?;
    bearer.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, bearer);
    Ok(request)
}

fn refused(address: SocketAddr, error: &WebSocketError) -> LinkError {
    match error {
        WebSocketError::Http(response) => LinkError::Refused { address, status: response.status().as_u16() },
        error => ended(address, error),
    }
}

fn ended(address: SocketAddr, error: &WebSocketError) -> LinkError {
    LinkError::Ended { address, problem: error.to_string() }
}

fn text_of(frame: &HomeFrame, address: SocketAddr) -> Result<String, LinkError> {
    serde_json::to_string(frame).map_err(|_| LinkError::Invalid { address })
}

/// The message in what was received; `None` for control frames.
fn frame_of(
    received: Option<Result<Message, WebSocketError>>,
    address: SocketAddr,
) -> Result<Option<SiteFrame>, LinkError> {
    match received {
        Some(Ok(Message::Text(text))) => match read_report(&text) {
            Some(Reported::Known(frame)) => Ok(Some(frame)),
            Some(Reported::Other) => Ok(None),
            None => Err(LinkError::Invalid { address }),
        },
        Some(Ok(Message::Binary(_))) => Err(LinkError::Invalid { address }),
        Some(Ok(Message::Close(frame))) => {
            let problem = frame.map_or_else(|| "closed".to_owned(), |frame| frame.reason.to_string());
            Err(LinkError::Ended { address, problem })
        }
        Some(Ok(_)) => Ok(None),
        Some(Err(error)) => Err(ended(address, &error)),
        None => Err(LinkError::Ended { address, problem: "closed".into() }),
    }
}

struct Reader {
    stream: SplitStream<Socket>,
    address: SocketAddr,
}

impl Reader {
    async fn next(&mut self) -> Result<Option<SiteFrame>, LinkError> {
        frame_of(self.stream.next().await, self.address)
    }
}

struct Writer {
    sink: SplitSink<Socket, Message>,
    address: SocketAddr,
}

impl Writer {
    async fn send(&mut self, frame: &HomeFrame) -> Result<(), LinkError> {
        let address = self.address;
        let text = text_of(frame, address)?;
        let sent = timeout(SEND_LIMIT, self.sink.send(Message::text(text))).await;
        let sent = sent.map_err(|_| LinkError::Silent { address, seconds: SEND_LIMIT.as_secs() })?;
        sent.map_err(|error| ended(address, &error))
    }

    /// The other pod drops everything when the link is closed.
    async fn close(&mut self) -> Result<(), LinkError> {
        let _ = timeout(SEND_LIMIT, self.sink.close()).await;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn problem(hearing: &Hearing) -> Option<&'static str> {
        hearing.problem(([127, 0, 0, 1], 9).into()).map(|problem| problem.reason())
    }

    #[test]
    fn a_site_is_lost_after_three_unanswered_requests_for_a_sign_of_life() {
        let hearing = Hearing::default();
        for _ in 0..3 {
            assert_eq!(problem(&hearing), None);
            hearing.asked();
        }
        assert_eq!(problem(&hearing), Some("Silent"));
        hearing.heard(false);
        assert_eq!(problem(&hearing), None);
    }

    #[test]
    fn a_site_that_answers_and_completes_nothing_is_lost_too() {
        let hearing = Hearing::default();
        let wait = || {
            (0..STUCK).for_each(|_| {
                hearing.asked();
                hearing.heard(false);
            });
        };
        wait();
        assert_eq!(problem(&hearing), None, "nothing is awaited");
        hearing.requested();
        hearing.requested();
        wait();
        assert_eq!(problem(&hearing), Some("Stuck"));
        hearing.heard(true);
        assert_eq!(problem(&hearing), None);
        hearing.heard(true);
        wait();
        assert_eq!(problem(&hearing), None);
    }

    #[test]
    fn time_in_which_the_room_is_busy_does_not_count() {
        let hearing = Hearing::default();
        hearing.set_busy(true);
        (0..100).for_each(|_| hearing.asked());
        assert_eq!(problem(&hearing), None);
    }
}
