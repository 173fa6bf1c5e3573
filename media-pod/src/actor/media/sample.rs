//! Samples statistics of transports and streams for the metrics. Never of all streams at once, because the room's operations wait in the
//! meantime.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use mediasoup::consumer::{ConsumerRtpStreamStat, ConsumerStat};
use mediasoup::prelude::{Consumer, MediaKind, Producer};
use mediasoup::producer::ProducerStat;

use super::handles::{Owned, RoomTransport};
use crate::metrics::flow::{Flow, FlowDirection, StreamSample};
use crate::room::{ConsumerId, ProducerId, TransportId};

/// Producers, and consumers, that are sampled in one round; those sampled least recently come first.
const AT_ONCE: usize = 100;

/// The last samples of a room.
#[derive(Debug, Default)]
pub(super) struct Sampler {
    round: u64,
    bytes: HashMap<TransportId, (u64, u64)>,
    producers: Samples<ProducerId>,
    consumers: Samples<ConsumerId>,
}

/// Packets of each stream when it was last sampled, and the round of that sample.
#[derive(Debug)]
struct Samples<Id>(HashMap<Id, (u64, u64)>);

impl<Id> Default for Samples<Id> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<Id: Clone + Eq + Hash + Ord> Samples<Id> {
    /// The streams to sample in this round, out of the `existing` ones; all others are forgotten.
    fn next<'a>(&mut self, existing: impl Iterator<Item = &'a Id>) -> Vec<Id>
    where
        Id: 'a,
    {
        let mut streams: Vec<Id> = existing.cloned().collect();
        streams.sort_by_cached_key(|id| (self.0.get(id).map(|(_, round)| *round), id.clone()));
        let known: HashSet<&Id> = streams.iter().collect();
        self.0.retain(|id, _| known.contains(id));
        streams.truncate(AT_ONCE);
        streams
    }

    /// Packets since the last sample.
    fn increase(&mut self, id: &Id, packets: u64, round: u64) -> u64 {
        let (before, _) = self.0.insert(id.clone(), (packets, round)).unwrap_or_default();
        packets.saturating_sub(before)
    }
}

impl Sampler {
    /// Samples every transport, and a bounded number of producers and consumers.
    pub(super) async fn sample(
        &mut self,
        transports: &HashMap<TransportId, RoomTransport>,
        producers: &HashMap<ProducerId, Owned<Producer>>,
        consumers: &HashMap<ConsumerId, Owned<Consumer>>,
        flow: &Flow,
    ) {
        self.round += 1;
        self.sample_bytes(transports, flow).await;
        self.sample_producers(transports, producers, flow).await;
        self.sample_consumers(consumers, flow).await;
    }

    async fn sample_bytes(&mut self, transports: &HashMap<TransportId, RoomTransport>, flow: &Flow) {
        self.bytes.retain(|id, _| transports.contains_key(id));
        for (id, transport) in transports {
            let Some((received, sent)) = transport.bytes().await else { continue };
            let before = self.bytes.insert(id.clone(), (received, sent)).unwrap_or_default();
            flow.bytes(FlowDirection::In, received.saturating_sub(before.0));
            flow.bytes(FlowDirection::Out, sent.saturating_sub(before.1));
        }
    }

    /// Those that come from other pods are sampled there.
    async fn sample_producers(
        &mut self,
        transports: &HashMap<TransportId, RoomTransport>,
        producers: &HashMap<ProducerId, Owned<Producer>>,
        flow: &Flow,
    ) {
        let own = producers.iter().filter(|(_, producer)| transports.contains_key(&producer.transport));
        for id in self.producers.next(own.map(|(id, _)| id)) {
            let Some(producer) = producers.get(&id) else { continue };
            let Ok(streams) = producer.handle.get_stats().await else { continue };
            let packets =
                self.producers.increase(&id, streams.iter().map(|stream| stream.packet_count).sum(), self.round);
            if let Some(stream) = streams.iter().max_by_key(|stream| stream.bitrate) {
                flow.stream(FlowDirection::In, label(producer.handle.kind()), received(stream, packets));
            }
        }
    }

    async fn sample_consumers(&mut self, consumers: &HashMap<ConsumerId, Owned<Consumer>>, flow: &Flow) {
        for id in self.consumers.next(consumers.keys()) {
            let Some(consumer) = consumers.get(&id) else { continue };
            let Ok(streams) = consumer.handle.get_stats().await else { continue };
            let outbound = streams.iter().find_map(|stream| match stream {
                ConsumerRtpStreamStat::Outbound(stream) => Some(stream),
                ConsumerRtpStreamStat::Inbound(_) => None,
            });
            let Some(stream) = outbound else { continue };
            let packets = self.consumers.increase(&id, stream.packet_count, self.round);
            flow.stream(FlowDirection::Out, label(consumer.handle.kind()), sent(stream, packets));
        }
    }
}

fn received(stream: &ProducerStat, packets: u64) -> StreamSample {
    let round_trip = seconds(stream.round_trip_time);
    StreamSample { packets, loss: ratio(stream.fraction_lost), round_trip, score: stream.score }
}

fn sent(stream: &ConsumerStat, packets: u64) -> StreamSample {
    let round_trip = seconds(stream.round_trip_time);
    StreamSample { packets, loss: ratio(stream.fraction_lost), round_trip, score: stream.score }
}

/// RTCP's fraction lost, in 256ths (RFC 3550 section 6.4.1).
fn ratio(fraction_lost: u8) -> f64 {
    f64::from(fraction_lost) / 256.0
}

/// The worker reports milliseconds, and 0 while the time is unknown.
fn seconds(milliseconds: Option<f32>) -> Option<f64> {
    milliseconds.filter(|milliseconds| *milliseconds > 0.0).map(|milliseconds| f64::from(milliseconds) / 1000.0)
}

fn label(kind: MediaKind) -> &'static str {
    match kind {
        MediaKind::Audio => "audio",
        MediaKind::Video => "video",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_not_seen_for_longest_come_first_and_those_gone_are_forgotten() {
        let mut seen = Samples::<u16>::default();
        let first = seen.next((0..150).collect::<Vec<_>>().iter());
        assert_eq!(first.len(), AT_ONCE);
        for id in &first {
            assert_eq!(seen.increase(id, 10, 1), 10);
        }
        let second = seen.next((0..150).collect::<Vec<_>>().iter());
        assert_eq!(second[..50], (100..150).collect::<Vec<_>>());
        assert_eq!(seen.increase(&0, 25, 2), 15);
        seen.next([1].iter());
        assert_eq!(seen.0.len(), 1);
    }
}
