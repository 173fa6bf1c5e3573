//! Looks at what flows from time to time, for the metrics. Never at everything at once: the room waits meanwhile.

use std::collections::{HashMap, HashSet};
use std::hash::Hash;

use mediasoup::consumer::{ConsumerRtpStreamStat, ConsumerStat};
use mediasoup::prelude::MediaKind;
use mediasoup::producer::ProducerStat;

use super::media::MediaPlane;
use crate::metrics::flow::{StreamSample, Way};
use crate::room::{ConsumerId, ProducerId, TransportId};

/// Streams of each sort that are looked at in one go; those not looked at for longest come first.
const AT_ONCE: usize = 100;

/// What was seen when.
#[derive(Debug, Default)]
pub(super) struct Sampler {
    round: u64,
    bytes: HashMap<TransportId, (u64, u64)>,
    producers: Seen<ProducerId>,
    consumers: Seen<ConsumerId>,
}

/// Packets of each stream at the last look, and in which round that was.
#[derive(Debug)]
struct Seen<Id>(HashMap<Id, (u64, u64)>);

impl<Id> Default for Seen<Id> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

impl<Id: Clone + Eq + Hash + Ord> Seen<Id> {
    /// Which to look at now. What is no more is forgotten.
    fn next<'a>(&mut self, there: impl Iterator<Item = &'a Id>) -> Vec<Id>
    where
        Id: 'a,
    {
        let mut there: Vec<Id> = there.cloned().collect();
        there.sort_by_cached_key(|id| (self.0.get(id).map(|(_, round)| *round), id.clone()));
        let known: HashSet<&Id> = there.iter().collect();
        self.0.retain(|id, _| known.contains(id));
        there.truncate(AT_ONCE);
        there
    }

    /// Packets since the last look.
    fn grown(&mut self, id: &Id, packets: u64, round: u64) -> u64 {
        let (before, _) = self.0.insert(id.clone(), (packets, round)).unwrap_or_default();
        packets.saturating_sub(before)
    }
}

impl MediaPlane {
    pub(super) async fn sample(&mut self) {
        let mut sampler = std::mem::take(&mut self.sampler);
        sampler.round += 1;
        self.sample_bytes(&mut sampler).await;
        self.sample_producers(&mut sampler).await;
        self.sample_consumers(&mut sampler).await;
        self.sampler = sampler;
    }

    async fn sample_bytes(&self, sampler: &mut Sampler) {
        sampler.bytes.retain(|id, _| self.transports.contains_key(id));
        for (id, transport) in &self.transports {
            let Some((received, sent)) = transport.bytes().await else { continue };
            let before = sampler.bytes.insert(id.clone(), (received, sent)).unwrap_or_default();
            self.metrics.flow.bytes(Way::In, received.saturating_sub(before.0));
            self.metrics.flow.bytes(Way::Out, sent.saturating_sub(before.1));
        }
    }

    async fn sample_producers(&self, sampler: &mut Sampler) {
        for id in sampler.producers.next(self.producers.keys()) {
            let Some(producer) = self.producers.get(&id) else { continue };
            let Ok(streams) = producer.handle.get_stats().await else { continue };
            let packets =
                sampler.producers.grown(&id, streams.iter().map(|stream| stream.packet_count).sum(), sampler.round);
            if let Some(sample) =
                streams.iter().max_by_key(|stream| stream.bitrate).map(|stream| received(stream, packets))
            {
                self.metrics.flow.stream(Way::In, label(producer.handle.kind()), sample);
            }
        }
    }

    async fn sample_consumers(&self, sampler: &mut Sampler) {
        for id in sampler.consumers.next(self.consumers.keys()) {
            let Some(consumer) = self.consumers.get(&id) else { continue };
            let Ok(streams) = consumer.handle.get_stats().await else { continue };
            let outbound = streams.iter().find_map(|stream| match stream {
                ConsumerRtpStreamStat::Outbound(stream) => Some(stream),
                ConsumerRtpStreamStat::Inbound(_) => None,
            });
            let Some(stream) = outbound else { continue };
            let packets = sampler.consumers.grown(&id, stream.packet_count, sampler.round);
            self.metrics.flow.stream(Way::Out, label(consumer.handle.kind()), sent(stream, packets));
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

/// The worker tells milliseconds, and 0 before it knows.
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
        let mut seen = Seen::<u16>::default();
        let first = seen.next((0..150).collect::<Vec<_>>().iter());
        assert_eq!(first.len(), AT_ONCE);
        for id in &first {
            assert_eq!(seen.grown(id, 10, 1), 10);
        }
        let second = seen.next((0..150).collect::<Vec<_>>().iter());
        assert_eq!(second[..50], (100..150).collect::<Vec<_>>());
        assert_eq!(seen.grown(&0, 25, 2), 15);
        seen.next([1].iter());
        assert_eq!(seen.0.len(), 1);
    }
}
