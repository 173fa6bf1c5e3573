//! Operations on streams between media pods. Pipes are encrypted with SRTP, and lost packets are sent again.
//!
//! It does not choose pods, and never sends messages of data channels, which a pipe would not encrypt.

use std::collections::HashMap;

use convene_protocol::message::MediaKind as WireKind;
use mediasoup::pipe_transport::{PipeTransportOptions, PipeTransportRemoteParameters};
use mediasoup::prelude::{ConsumerOptions, MediaKind, ProducerOptions, RtpCapabilities, RtpParameters, Transport};
use serde_json::json;

use super::convert::{MediaResult, done, finished, gone, read, refused};
use super::handles::Owned;
use super::pipe_ends::PipeEndHandle;
use super::plane::MediaPlane;
use super::routers::HOME;
use super::settings::KEY_FRAME_REQUEST_DELAY;
use crate::room::{
    MediaError, Outcome, PipeEnd, PipeId, PipeKey, PipeOperation, PipeOutcome, PipedStream, ProducerId, TransportId,
};

impl MediaPlane {
    pub(super) async fn run_pipe(&mut self, operation: PipeOperation) -> MediaResult {
        match operation {
            PipeOperation::Open(id) => self.open_pipe(id).await,
            PipeOperation::Connect(id, remote) => self.connect_pipe(id, remote).await,
            PipeOperation::Close(id) => Ok(self.close_pipe(id)),
            PipeOperation::Send(id, producer) => self.send_piped(id, producer).await,
            PipeOperation::Resume(id, producer) => finished(self.pipe_ends.sent(id, &producer)?.resume().await),
            PipeOperation::Pause(id, producer) => finished(self.pipe_ends.sent(id, &producer)?.pause().await),
            PipeOperation::StopSending(id, producer) => {
                Ok(done(self.pipe_ends.0.get_mut(&id).and_then(|end| end.sending.remove(&producer))))
            }
            PipeOperation::Receive(id, producer, stream) => self.receive_piped(id, producer, stream).await,
            PipeOperation::Describe(id) => self.data.describe(&id),
            PipeOperation::Mirror { label, protocol } => {
                self.wake().await?;
                self.data.create_mirror(label, protocol).await
            }
        }
    }

    async fn open_pipe(&mut self, id: PipeId) -> MediaResult {
        self.wake().await?;
        let no_ports = || MediaError { code: 503, message: "this media pod has no ports for pipes".into() };
        let mut options = PipeTransportOptions::new(self.routers.workers().pipe_listen().ok_or_else(no_ports)?);
        options.enable_rtx = true;
        options.enable_srtp = true;
        let transport =
            self.routers.router(HOME).create_pipe_transport(options).await.map_err(|error| MediaError {
                code: 503,
                message: format!("could not open a port for a pipe: {error}"),
            })?;
        let (tuple, key) = (transport.tuple(), transport.srtp_parameters());
        let ip = tuple.local_address().parse().map_err(|_| gone("address of the pipe"))?;
        let end = PipeEnd { ip, port: tuple.local_port(), key: PipeKey(json!(key)) };
        let counted = self.counted("transport", "pipe");
        self.pipe_ends.0.insert(id, PipeEndHandle { sending: HashMap::new(), transport, _counted: counted });
        Ok(Outcome::Pipe(PipeOutcome::Open(end)))
    }

    async fn connect_pipe(&self, id: PipeId, remote: PipeEnd) -> MediaResult {
        let PipeEnd { ip, port, key } = remote;
        let srtp_parameters = Some(read(key.0, "srtpParameters")?);
        let remote = PipeTransportRemoteParameters { ip, port, srtp_parameters };
        finished(self.pipe_ends.end(id)?.transport.connect(remote).await)
    }

    /// Everything received through it ends too.
    fn close_pipe(&mut self, id: PipeId) -> Outcome {
        let Some(end) = self.pipe_ends.0.remove(&id) else { return Outcome::Done };
        let transport = TransportId(end.transport.id().to_string());
        for (producer, _) in self.producers.extract_if(|_, producer| producer.transport == transport) {
            self.pipes.drop_producer(&producer);
        }
        done(end)
    }

    async fn send_piped(&mut self, id: PipeId, producer: ProducerId) -> MediaResult {
        let source = self.producers.get(&producer).ok_or_else(|| gone("producer"))?;
        self.pipes.pipe(&self.routers, &source.handle, source.router, HOME).await?;
        let mut options = ConsumerOptions::new(source.handle.id(), RtpCapabilities::default());
        options.paused = true;
        let consumer = self.pipe_ends.end(id)?.transport.consume(options).await.map_err(refused)?;
        let stream = PipedStream {
            transport: source.transport.clone(),
            kind: wire_kind(consumer.kind()),
            rtp_parameters: json!(consumer.rtp_parameters()),
            paused: consumer.producer_paused(),
        };
        let end = self.pipe_ends.0.get_mut(&id).ok_or_else(|| gone("pipe"))?;
        end.sending.insert(producer, consumer);
        Ok(Outcome::Pipe(PipeOutcome::Sending(stream)))
    }

    async fn receive_piped(&mut self, id: PipeId, producer: ProducerId, stream: PipedStream) -> MediaResult {
        let end = self.pipe_ends.end(id)?;
        let known = producer.0.parse().map_err(|_| gone("producer with such an id"))?;
        let parameters: RtpParameters = read(stream.rtp_parameters, "rtpParameters")?;
        let kind = media_kind(stream.kind);
        let mut options = ProducerOptions::new_pipe_transport(known, kind, parameters);
        options.paused = stream.paused;
        options.key_frame_request_delay = KEY_FRAME_REQUEST_DELAY;
        let transport = TransportId(end.transport.id().to_string());
        let handle = end.transport.produce(options).await.map_err(refused)?;
        if let Some(observers) = self.observers.as_ref().filter(|_| kind == MediaKind::Audio) {
            observers.add(&handle).await;
        }
        let counted = self.counted("producer", "piped");
        self.producers.insert(producer, Owned { handle, transport, router: HOME, _counted: counted, _load: None });
        Ok(Outcome::Done)
    }
}

fn wire_kind(kind: MediaKind) -> WireKind {
    match kind {
        MediaKind::Audio => WireKind::Audio,
        MediaKind::Video => WireKind::Video,
    }
}

fn media_kind(kind: WireKind) -> MediaKind {
    match kind {
        WireKind::Audio => MediaKind::Audio,
        WireKind::Video => MediaKind::Video,
    }
}
