//! Conversion between the room's plain data and mediasoup's types: parameters, results and errors. It calls no worker.

use convene_protocol::message::ConsumerScore;
use mediasoup::prelude::{AudioLevelObserverOptions, RtpParameters};
use mediasoup::worker::RequestError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use std::num::NonZeroU16;
use tokio::sync::mpsc;

use crate::room::{MediaError, MediaEvent, Outcome};

/// Result of an operation.
pub(super) type MediaResult = Result<Outcome, MediaError>;

/// Sends an event to the room, unless it is over.
pub(super) fn report(events: &mpsc::UnboundedSender<Box<MediaEvent>>, event: MediaEvent) {
    let _ = events.send(Box::new(event));
}

/// The mediasoup demo's options.
pub(super) fn level_options() -> AudioLevelObserverOptions {
    let mut options = AudioLevelObserverOptions::default();
    options.max_entries = NonZeroU16::new(10).expect("10 is not 0");
    options.threshold = -80;
    options.interval = 800;
    options
}

/// Parameters that the worker accepts: with simulcast by rid, mediasoup-client sends an empty cname, which the worker refuses, also for
/// later producers.
pub(super) fn usable_parameters(rtp_parameters: Value) -> Result<RtpParameters, MediaError> {
    let mut parameters: RtpParameters = read(super::parameters::rtp_parameters(rtp_parameters), "rtpParameters")?;
    if parameters.rtcp.cname.as_deref() == Some("") {
        parameters.rtcp.cname = None;
    }
    Ok(parameters)
}

pub(super) fn wire_score(score: &mediasoup::consumer::ConsumerScore) -> ConsumerScore {
    ConsumerScore {
        score: score.score,
        producer_score: score.producer_score,
        producer_scores: score.producer_scores.clone(),
    }
}

/// Omits `rid` for a stream without one, instead of null.
pub(super) fn wire_producer_score(score: &[mediasoup::producer::ProducerScore]) -> Value {
    let mut streams = json!(score);
    for stream in streams.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        stream.retain(|_, value| !value.is_null());
    }
    streams
}

pub(super) fn read<T: DeserializeOwned>(value: Value, name: &str) -> Result<T, MediaError> {
    serde_json::from_value(value).map_err(|error| {
        let problem: String = error.to_string().chars().take(200).collect();
        MediaError { code: 400, message: format!("invalid {name}: {problem}") }
    })
}

pub(super) fn done<T>(dropped: T) -> Outcome {
    drop(dropped);
    Outcome::Done
}

/// The result of a client's request. If the worker refuses it, the request was invalid, such as a second `connect`.
pub(super) fn finished(result: Result<(), RequestError>) -> MediaResult {
    result.map(|()| Outcome::Done).map_err(|error| match error {
        RequestError::Response { .. } => refused(error),
        error => failed(error),
    })
}

/// Statistics with the `type` of mediasoup's Node.js API, which its Rust crate leaves out and the demo's client shows.
pub(super) fn stats<T: Serialize>(result: Result<Vec<T>, RequestError>, kind: &str) -> MediaResult {
    let mut stats = result.map(|stats| json!(stats)).map_err(failed)?;
    for entry in stats.as_array_mut().into_iter().flatten().filter_map(Value::as_object_mut) {
        // A consumer's statistics include its producer's; only inbound streams have bitrates by layer.
        let is_inbound = kind == "outbound-rtp" && entry.contains_key("bitrateByLayer");
        entry.insert("type".into(), json!(if is_inbound { "inbound-rtp" } else { kind }));
    }
    Ok(Outcome::Stats(stats))
}

#[expect(clippy::needless_pass_by_value, reason = "`map_err` passes by value")]
pub(super) fn failed(error: RequestError) -> MediaError {
    MediaError { code: 500, message: format!("the media worker refused: {error}") }
}

/// The request is invalid: its parameters do not fit.
pub(super) fn refused(error: impl std::error::Error) -> MediaError {
    let message: String = error.to_string().chars().take(300).collect();
    MediaError { code: 400, message }
}

pub(super) fn gone(what: &str) -> MediaError {
    MediaError { code: 404, message: format!("the {what} is gone") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statistics_say_what_they_are_of() {
        let of_consumer = vec![json!({ "ssrc": 1 }), json!({ "ssrc": 2, "bitrateByLayer": {} })];
        let Ok(Outcome::Stats(typed)) = stats(Ok(of_consumer), "outbound-rtp") else { panic!("no statistics") };
        assert_eq!((&typed[0]["type"], &typed[1]["type"]), (&json!("outbound-rtp"), &json!("inbound-rtp")));
    }
}
