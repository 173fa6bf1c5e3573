//! Operations on the room's transports: WebRTC transports on the workers' servers, plain transports on ports of the block.
//!
//! Bandwidth limits are set when a transport is created and never changed.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Instant;

use convene_protocol::message::{Direction, DownlinkBwe};
use mediasoup::plain_transport::PlainTransportRemoteParameters;
use mediasoup::prelude::{
    ListenInfo, PlainTransportOptions, Protocol, Transport, TransportGeneric, WebRtcTransport, WebRtcTransportOptions,
    WebRtcTransportRemoteParameters,
};
use mediasoup::transport::{TransportTraceEventData, TransportTraceEventType};
use mediasoup::types::data_structures::IceState;
use serde_json::{Value, json};

use super::bandwidth::LastEstimate;
use super::convert::{MediaResult, done, failed, finished, gone, read, refused, report, stats};
use super::handles::{RoomTransport, TransportHandle};
use super::parameters::dtls_parameters;
use super::plane::MediaPlane;
use super::routers::RouterId;
use crate::network::announced_ports::IpProtocol;
use crate::network::candidates::announce;
use crate::room::{CreatedPlainTransport, CreatedTransport, MediaError, MediaEvent, Outcome, TransportId};
use crate::sfu::listen::listen_info;

impl MediaPlane {
    pub(super) async fn create_transport(&mut self, direction: Option<Direction>, force_tcp: bool) -> MediaResult {
        self.wake().await?;
        let router = self.routers.for_transport(direction).await;
        let options = self.web_rtc_options(router, force_tcp);
        let transport = self.routers.router(router).create_webrtc_transport(options).await.map_err(failed)?;
        self.routers.credentials(router).register(&transport);
        self.limit(&transport).await?;
        let id = TransportId(transport.id().to_string());
        self.listen_to_transport(&id, &transport);
        if direction != Some(Direction::Producer) {
            self.trace_bandwidth(&id, &transport).await;
        }
        let created = CreatedTransport {
            id: id.clone(),
            ice_parameters: json!(transport.ice_parameters()),
            ice_candidates: announce(
                &json!(transport.ice_candidates()),
                self.routers.port(router),
                self.routers.workers().endpoints(),
            ),
            dtls_parameters: json!(transport.dtls_parameters()),
            sctp_parameters: transport.sctp_parameters().map(|parameters| json!(parameters)),
        };
        self.keep_transport(id, TransportHandle::WebRtc(transport), router, "webrtc");
        Ok(Outcome::Transport(Box::new(created)))
    }

    fn web_rtc_options(&self, router: RouterId, force_tcp: bool) -> WebRtcTransportOptions {
        let mut options = WebRtcTransportOptions::new_with_server(self.routers.server(router));
        options.enable_udp = !force_tcp;
        options.enable_tcp = true;
        options.prefer_udp = true;
        options.enable_sctp = true;
        options.initial_available_outgoing_bitrate = self.settings.initial_outgoing_bitrate.into();
        options.ice_consent_timeout = self.settings.ice_consent_timeout;
        options
    }

    async fn limit(&self, transport: &WebRtcTransport) -> Result<(), MediaError> {
        let settings = &self.settings;
        if let Some(bitrate) = settings.max_incoming_bitrate {
            transport.set_max_incoming_bitrate(bitrate.into()).await.map_err(failed)?;
        }
        // Sets the maximum first: the worker refuses a maximum below the minimum.
        if let Some(bitrate) = settings.max_outgoing_bitrate {
            transport.set_max_outgoing_bitrate(bitrate.into()).await.map_err(failed)?;
        }
        if let Some(bitrate) = settings.min_outgoing_bitrate {
            transport.set_min_outgoing_bitrate(bitrate.into()).await.map_err(failed)?;
        }
        Ok(())
    }

    pub(super) async fn create_plain_transport(
        &mut self,
        direction: Option<Direction>,
        comedia: bool,
        rtcp_mux: bool,
    ) -> MediaResult {
        self.wake().await?;
        let router = self.routers.for_transport(direction).await;
        let listen_info = self.plain_listen_info()?;
        let mut options = PlainTransportOptions::new(listen_info.clone());
        options.rtcp_listen_info = (!rtcp_mux).then_some(listen_info);
        options.rtcp_mux = rtcp_mux;
        options.comedia = comedia;
        options.max_incoming_bitrate = self.settings.max_incoming_bitrate.map(Into::into);
        let transport = self.routers.router(router).create_plain_transport(options).await.map_err(|error| {
            MediaError { code: 503, message: format!("could not open a port for a plain transport: {error}") }
        })?;
        let announced = |port| self.routers.workers().endpoints().ports.of(port, IpProtocol::Udp);
        let created = CreatedPlainTransport {
            id: TransportId(transport.id().to_string()),
            ip: transport.tuple().local_address().clone(),
            port: announced(transport.tuple().local_port()),
            rtcp_port: transport.rtcp_tuple().map(|tuple| announced(tuple.local_port())),
        };
        self.keep_transport(created.id.clone(), TransportHandle::Plain(transport), router, "plain");
        Ok(Outcome::PlainTransport(created))
    }

    fn plain_listen_info(&self) -> Result<ListenInfo, MediaError> {
        let no_ports = || MediaError {
            code: 503,
            message: "this media pod has no ports for plain transports: enlarge its block of RTC ports".into(),
        };
        let ports = self.routers.workers().plain_ports().ok_or_else(no_ports)?;
        let listener = self.routers.workers().endpoints().listeners.first().ok_or_else(no_ports)?;
        Ok(ListenInfo { port_range: Some(ports), ..listen_info(listener, Protocol::Udp) })
    }

    fn keep_transport(&mut self, id: TransportId, handle: TransportHandle, router: RouterId, kind: &str) {
        let counted = self.counted("transport", kind);
        self.transports.insert(id, RoomTransport { handle, router, _counted: counted });
    }

    pub(super) async fn connect_transport(&self, id: &TransportId, dtls: Value) -> MediaResult {
        let dtls_parameters = read(dtls_parameters(dtls), "dtlsParameters")?;
        let transport = self.transport(id)?.web_rtc()?;
        finished(transport.connect(WebRtcTransportRemoteParameters { dtls_parameters }).await)
    }

    pub(super) async fn connect_plain_transport(
        &self,
        id: &TransportId,
        ip: IpAddr,
        port: u16,
        rtcp_port: Option<u16>,
    ) -> MediaResult {
        let TransportHandle::Plain(transport) = &self.transport(id)?.handle else {
            return Err(gone("plain transport"));
        };
        let remote =
            PlainTransportRemoteParameters { ip: Some(ip), port: Some(port), rtcp_port, srtp_parameters: None };
        // The worker refuses parameters that do not fit the transport, such as an address for one with comedia, which is the caller's
        // mistake.
        transport.connect(remote).await.map(|()| Outcome::Done).map_err(refused)
    }

    pub(super) async fn restart_ice(&self, id: &TransportId) -> MediaResult {
        let transport = self.transport(id)?;
        let parameters = transport.web_rtc()?.restart_ice().await.map_err(failed)?;
        self.routers.credentials(transport.router).restarted(&id.0, &parameters);
        Ok(Outcome::IceParameters(json!(parameters)))
    }

    pub(super) fn close_transport(&mut self, id: &TransportId) -> Outcome {
        self.data.close_transport(id, &mut self.pipes);
        self.consumers.retain(|_, consumer| consumer.transport != *id);
        for (producer, _) in self.producers.extract_if(|_, producer| producer.transport == *id) {
            self.pipe_ends.drop_producer(&producer);
            self.pipes.drop_producer(&producer);
        }
        done(self.transports.remove(id))
    }

    pub(super) async fn transport_stats(&self, id: &TransportId) -> MediaResult {
        match &self.transport(id)?.handle {
            TransportHandle::WebRtc(transport) => stats(transport.get_stats().await, "webrtc-transport"),
            TransportHandle::Plain(transport) => stats(transport.get_stats().await, "plain-rtp-transport"),
        }
    }

    fn listen_to_transport(&self, id: &TransportId, transport: &WebRtcTransport) {
        let (events, id) = (self.events.clone(), id.clone());
        let on_change = transport.on_ice_state_change(move |state| match state {
            IceState::New => {}
            IceState::Connected | IceState::Completed => report(&events, MediaEvent::TransportConnected(id.clone())),
            IceState::Disconnected => report(&events, MediaEvent::TransportDisconnected(id.clone())),
        });
        on_change.detach();
    }

    async fn trace_bandwidth(&self, id: &TransportId, transport: &WebRtcTransport) {
        let (events, of, last) = (self.events.clone(), id.clone(), LastEstimate::default());
        let on_trace = transport.on_trace(Arc::new(move |trace| {
            if let TransportTraceEventData::Bwe { info, .. } = trace {
                let estimate = DownlinkBwe {
                    desired_bitrate: bits(info.desired_bitrate),
                    effective_desired_bitrate: bits(info.desired_bitrate.min(info.max_bitrate)),
                    available_bitrate: bits(info.available_bitrate),
                };
                // Before the room is woken, which happens many times a second for each client otherwise.
                if last.replace(Instant::now(), &estimate) {
                    report(&events, MediaEvent::DownlinkBwe(of.clone(), estimate));
                }
            }
        }));
        on_trace.detach();
        if let Err(error) = transport.enable_trace_event(vec![TransportTraceEventType::Bwe]).await {
            tracing::debug!(%error, "could not trace the bandwidth of a transport");
        }
    }
}

fn bits(bitrate: u64) -> u32 {
    u32::try_from(bitrate).unwrap_or(u32::MAX)
}
