//! Streams of objects to reconcile, from the cache to the controllers.

use std::{collections::HashSet, hash::Hash, sync::Arc, time::Duration};

use convene_crds::Meeting;
use futures_util::{Stream, StreamExt, stream};
use kube::runtime::reflector::ObjectRef;
use prometheus::IntGauge;
use tokio::sync::mpsc;

use super::cache::{ClusterCache, Guarded};
use crate::cluster::queue;

/// The items of `receiver`, batched over `period`: requests come in bursts, and one reconciliation serves all requests for an object.
/// Unlike a debounce, which waits for silence, it yields a batch after every period however many requests come in. `depth` is the number of
/// items still to be yielded.
pub(crate) fn stream_batched<T: Eq + Hash + Send + 'static>(
    receiver: mpsc::UnboundedReceiver<T>,
    period: Duration,
    depth: IntGauge,
) -> impl Stream<Item = T> + Send {
    let bursts = stream::unfold((receiver, depth), move |(mut receiver, depth)| async move {
        // The last batch has been yielded.
        depth.set(0);
        let mut burst = HashSet::from([receiver.recv().await?]);
        tokio::time::sleep(period).await;
        while let Ok(item) = receiver.try_recv() {
            burst.insert(item);
        }
        depth.set(i64::try_from(burst.len()).unwrap_or(i64::MAX));
        Some((stream::iter(burst), (receiver, depth)))
    });
    bursts.flatten()
}

/// The Meetings to reconcile, without end. Those that are gone are skipped: their reconciliation would never begin.
pub(crate) fn stream_meetings(
    cache: &Arc<ClusterCache>,
    depth: IntGauge,
) -> impl Stream<Item = ObjectRef<Guarded<Meeting>>> + Send + use<> {
    let cache = Arc::clone(cache);
    queue::stream_of(Arc::clone(&cache.meeting_queue), depth).filter_map(move |key| {
        let is_there = cache.meeting(&key.namespace, &key.name).is_some();
        if !is_there {
            cache.meeting_queue.begin(&key);
        }
        std::future::ready(is_there.then(|| ObjectRef::new(&key.name).within(&key.namespace)))
    })
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;
    use kube::{core::DeserializeGuard, runtime::watcher::Event};
    use serde_json::{Value, json};

    use super::*;
    use crate::{
        fixtures::{ScriptedServer, defaults, meeting_object},
        model::ledger::MeetingKey,
    };

    #[tokio::test]
    async fn meetings_that_are_gone_take_no_place_in_the_queue() {
        let (_, client) = ScriptedServer::start(vec![]);
        let (cache, mut ends) = ClusterCache::new(client, "harbor".into(), defaults());
        ends.meetings.apply_watcher_event(&Event::Apply(DeserializeGuard(Ok(meeting_object(json!({}), Value::Null)))));
        for number in 0..1000 {
            cache.enqueue_meeting(&Arc::new(MeetingKey { namespace: "crew".into(), name: format!("gone-{number}") }));
        }
        cache.enqueue_meeting(&Arc::new(MeetingKey { namespace: "crew".into(), name: "regatta".into() }));
        let depth = IntGauge::new("depth", "depth").unwrap();
        let mut stream = Box::pin(stream_meetings(&cache, depth));
        assert_eq!(stream.next().await.unwrap().name, "regatta");
    }

    #[tokio::test]
    async fn the_depth_is_that_of_a_burst_until_all_of_it_is_passed_on() {
        let (sender, receiver) = mpsc::unbounded_channel();
        let depth = IntGauge::new("depth", "depth").unwrap();
        let mut stream = Box::pin(stream_batched(receiver, Duration::from_millis(1), depth.clone()));
        (0..52).for_each(|item| sender.send(item).unwrap());
        stream.next().await.unwrap();
        assert_eq!(depth.get(), 52);
        for _ in 1..52 {
            stream.next().await.unwrap();
        }
        assert!(stream.next().now_or_never().is_none());
        assert_eq!(depth.get(), 0, "nothing waits");
    }

    #[tokio::test]
    async fn requests_without_end_are_passed_on_all_the_same() {
        let (sender, receiver) = mpsc::unbounded_channel();
        let endless = tokio::spawn(async move {
            let mut number = 0;
            while sender.send(number % 2).is_ok() {
                number += 1;
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
        });
        let gauge = IntGauge::new("depth", "depth").unwrap();
        let passed = stream_batched(receiver, Duration::from_millis(50), gauge).take(6).collect::<Vec<_>>().await;
        assert_eq!(passed.iter().sum::<i32>(), 3, "{passed:?}: both, three times");
        endless.abort();
    }
}
