//! Events of objects whose creation is on its way: the media plane may report that packets arrive before the room has the outcome. They are
//! kept until it comes. It decides about no event.

use std::collections::VecDeque;

use super::interface::media::MediaEvent;

/// Maximum number of events kept.
const MAX_KEPT: usize = 256;

/// The kept events, the oldest first.
#[derive(Debug, Default)]
pub(super) struct EarlyEvents(VecDeque<MediaEvent>);

impl EarlyEvents {
    /// Keeps an event. Beyond the limit the oldest report is dropped, since another one follows, or else the oldest event.
    pub(super) fn keep(&mut self, event: MediaEvent) {
        self.0.push_back(event);
        if self.0.len() > MAX_KEPT {
            let dropped = self.0.iter().position(MediaEvent::is_report).unwrap_or_default();
            self.0.remove(dropped);
        }
    }

    /// Drops dominant speakers: there is a later one.
    pub(super) fn forget_speaker(&mut self) {
        self.0.retain(|event| !matches!(event, MediaEvent::DominantSpeaker(_)));
    }

    /// Removes and returns the events of an object that was created.
    pub(super) fn take(&mut self, object: &str) -> Vec<MediaEvent> {
        let (own, others): (VecDeque<_>, VecDeque<_>) =
            std::mem::take(&mut self.0).into_iter().partition(|event| event.object() == Some(object));
        self.0 = others;
        own.into()
    }

    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Nothing is on its way.
    pub(super) fn clear(&mut self) {
        self.0 = VecDeque::new();
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::room::interface::ids::{DataProducerId, ProducerId};
    use crate::room::interface::media::DataMessage;

    fn score(producer: usize, score: usize) -> MediaEvent {
        MediaEvent::ProducerScore(ProducerId(producer.to_string()), json!(score))
    }

    #[test]
    fn the_events_of_an_object_are_taken_in_order() {
        let mut early = EarlyEvents::default();
        for event in [score(1, 1), score(2, 2), score(1, 3)] {
            early.keep(event);
        }
        assert_eq!(early.take("1"), [score(1, 1), score(1, 3)]);
        assert_eq!((early.take("1"), early.take("2")), (vec![], vec![score(2, 2)]));
        assert!(early.is_empty());
    }

    #[test]
    fn there_is_a_limit() {
        let mut early = EarlyEvents::default();
        for number in 0..=MAX_KEPT {
            early.keep(score(number, 0));
        }
        assert_eq!((early.take("0").len(), early.take("1").len(), early.0.len()), (0, 1, MAX_KEPT - 1));
    }

    #[test]
    fn reports_are_dropped_before_messages() {
        let message = |number: usize| {
            let producer = DataProducerId(format!("channel-{number}"));
            MediaEvent::ChatMessage(DataMessage { producer, bytes: 1, text: None })
        };
        let mut early = EarlyEvents::default();
        early.keep(message(0));
        (0..MAX_KEPT).for_each(|number| early.keep(score(number, 0)));
        assert_eq!((early.take("channel-0").len(), early.take("0").len()), (1, 0));

        let mut early = EarlyEvents::default();
        (0..MAX_KEPT).for_each(|number| early.keep(message(number)));
        early.keep(score(0, 0));
        assert_eq!((early.take("channel-0").len(), early.take("0").len()), (1, 0), "the report is the newest");
        (0..2).for_each(|number| early.keep(message(MAX_KEPT + number)));
        assert_eq!((early.take("channel-1").len(), early.0.len()), (0, MAX_KEPT), "nothing but messages");
    }
}
