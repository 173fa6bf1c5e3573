//! Requests for a look, on their way to the controllers.

use std::{collections::HashSet, hash::Hash, time::Duration};

use futures_util::{Stream, StreamExt, stream};
use prometheus::IntGauge;
use tokio::sync::mpsc;

/// A receiver as a stream, gathered over `period`: requests come in bursts, and one look serves all that ask for the same. Unlike a debounce, which waits
/// for silence, it passes something on after every period however many there are. `depth` shows how many
/// wait.
pub fn stream_gathered<T: Eq + Hash + Send + 'static>(
    receiver: mpsc::UnboundedReceiver<T>,
    period: Duration,
    depth: IntGauge,
) -> impl Stream<Item = T> + Send {
    let bursts = stream::unfold((receiver, depth), move |(mut receiver, depth)| async move {
        let mut burst = HashSet::from([receiver.recv().await?]);
        tokio::time::sleep(period).await;
        depth.set(i64::try_from(receiver.len()).unwrap_or(i64::MAX));
        while let Ok(item) = receiver.try_recv() {
            burst.insert(item);
        }
        Some((stream::iter(burst), (receiver, depth)))
    });
    bursts.flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

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
        let passed = stream_gathered(receiver, Duration::from_millis(50), gauge).take(6).collect::<Vec<_>>().await;
        assert_eq!(passed.iter().sum::<i32>(), 3, "{passed:?}: both, three times");
        endless.abort();
    }
}
