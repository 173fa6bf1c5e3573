//! Handles of single objects of a room, with the counts that they hold. They close the object when dropped.

use convene_service::metrics::GaugeGuard;
use mediasoup::prelude::{PlainTransport, Transport, TransportGeneric, WebRtcTransport};

use super::convert::gone;
use super::routers::RouterId;
use crate::room::{MediaError, TransportId};
use crate::sfu::load::LoadGuard;

/// A producer or consumer on a transport of the room.
#[derive(Debug)]
pub(super) struct Owned<T> {
    pub(super) handle: T,
    pub(super) transport: TransportId,
    pub(super) router: RouterId,
    pub(super) _counted: GaugeGuard,
    pub(super) _load: Option<LoadGuard>,
}

#[derive(Debug)]
pub(super) struct RoomTransport {
    pub(super) handle: TransportHandle,
    pub(super) router: RouterId,
    pub(super) _counted: GaugeGuard,
}

/// A transport of either kind.
#[derive(Debug)]
pub(super) enum TransportHandle {
    WebRtc(WebRtcTransport),
    Plain(PlainTransport),
}

impl RoomTransport {
    pub(super) fn as_transport(&self) -> &dyn Transport {
        match &self.handle {
            TransportHandle::WebRtc(transport) => transport,
            TransportHandle::Plain(transport) => transport,
        }
    }

    /// Bytes received and sent so far.
    pub(super) async fn bytes(&self) -> Option<(u64, u64)> {
        match &self.handle {
            TransportHandle::WebRtc(transport) => {
                let stats = transport.get_stats().await.ok()?;
                stats.first().map(|stat| (stat.bytes_received, stat.bytes_sent))
            }
            TransportHandle::Plain(transport) => {
                let stats = transport.get_stats().await.ok()?;
                stats.first().map(|stat| (stat.bytes_received, stat.bytes_sent))
            }
        }
    }

    pub(super) fn is_plain(&self) -> bool {
        matches!(self.handle, TransportHandle::Plain(_))
    }

    pub(super) fn web_rtc(&self) -> Result<&WebRtcTransport, MediaError> {
        match &self.handle {
            TransportHandle::WebRtc(transport) => Ok(transport),
            TransportHandle::Plain(_) => Err(gone("WebRTC transport")),
        }
    }
}
