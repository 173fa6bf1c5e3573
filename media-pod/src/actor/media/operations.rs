//! Executes the room's operations on its handles. The room decides on the operations.

use std::time::Duration;

use mediasoup::prelude::ConsumerLayers;

use super::convert::{MediaResult, done, finished, stats};
use super::data::NewChannel;
use super::plane::MediaPlane;
use crate::actor::media_queue::Media;
use crate::room::Operation;

impl Media for MediaPlane {
    /// Whatever the result, the room rests afterwards if no client uses it.
    async fn run(&mut self, operation: Operation) -> MediaResult {
        let result = self.execute(operation).await;
        self.rest();
        result
    }

    async fn sample(&mut self) {
        let Self { transports, producers, consumers, metrics, sampler, .. } = self;
        sampler.sample(transports, producers, consumers, &metrics.flow).await;
    }

    fn sample_interval(&self) -> Duration {
        self.settings.sample_interval
    }

    fn has_transports(&self) -> bool {
        !self.transports.is_empty()
    }
}

impl MediaPlane {
    async fn execute(&mut self, operation: Operation) -> MediaResult {
        match operation {
            Operation::CreateTransport { direction, force_tcp } => self.create_transport(direction, force_tcp).await,
            Operation::CreatePlainTransport { direction, comedia, rtcp_mux } => {
                self.create_plain_transport(direction, comedia, rtcp_mux).await
            }
            Operation::ConnectTransport(id, dtls) => self.connect_transport(&id, dtls).await,
            Operation::ConnectPlainTransport { transport, ip, port, rtcp_port } => {
                self.connect_plain_transport(&transport, ip, port, rtcp_port).await
            }
            Operation::RestartIce(id) => self.restart_ice(&id).await,
            Operation::CloseTransport(id) => Ok(self.close_transport(&id)),
            Operation::Produce { transport, kind, rtp_parameters, paused } => {
                self.produce(transport, kind, rtp_parameters, paused).await
            }
            Operation::Consume { transport, producer, rtp_capabilities, paused } => {
                self.consume(transport, &producer, &rtp_capabilities, paused).await
            }
            Operation::ProduceData { transport, channel, sctp_stream_parameters, label, protocol } => {
                self.produce_data(&transport, NewChannel { channel, sctp_stream_parameters, label, protocol }).await
            }
            Operation::ConsumeData { transport, producer } => self.consume_data(&transport, producer.as_ref()).await,
            Operation::CreateVoice => self.create_voice().await,
            Operation::VoiceSay(voice, text) => self.data.say_with(&voice, text),
            Operation::BotSay(text) => self.data.say(text),
            Operation::PauseDataProducer(id) => self.data.pause(&id).await,
            Operation::ResumeDataProducer(id) => self.data.resume(&id).await,
            Operation::CloseDataConsumer(id) => Ok(self.data.close_consumer(&id)),
            Operation::CloseDataProducer(id) => Ok(self.data.close_producer(&id, &mut self.pipes)),
            Operation::CloseProducer(id) => Ok(self.close_producer(&id)),
            Operation::CloseConsumer(id) => Ok(done(self.consumers.remove(&id))),
            Operation::PauseProducer(id) => finished(self.producer(&id)?.pause().await),
            Operation::ResumeProducer(id) => finished(self.producer(&id)?.resume().await),
            Operation::PauseConsumer(id) => finished(self.consumer(&id)?.pause().await),
            Operation::ResumeConsumer(id) => finished(self.consumer(&id)?.resume().await),
            Operation::RequestKeyFrame(id) => finished(self.consumer(&id)?.request_key_frame().await),
            Operation::SetPriority(id, priority) => finished(self.consumer(&id)?.set_priority(priority).await),
            Operation::SetPreferredLayers(id, spatial_layer, temporal_layer) => {
                let layers = ConsumerLayers { spatial_layer, temporal_layer };
                finished(self.consumer(&id)?.set_preferred_layers(layers).await)
            }
            Operation::TransportStats(id) => self.transport_stats(&id).await,
            Operation::ProducerStats(id) => stats(self.producer(&id)?.get_stats().await, "inbound-rtp"),
            Operation::ConsumerStats(id) => stats(self.consumer(&id)?.get_stats().await, "outbound-rtp"),
            Operation::DataProducerStats(id) => self.data.producer_stats(&id).await,
            Operation::DataConsumerStats(id) => self.data.consumer_stats(&id).await,
            Operation::Pipe(operation) => self.run_pipe(operation).await,
        }
    }
}
