//! Bounds of the parameters of RTP, DTLS and SCTP that clients send: how many, how long, how large. Pure.
//!
//! mediasoup defines their structure, and they are parsed where mediasoup is used. Here every list, string and number is bounded before
//! any of it is stored or passed on: mediasoup is designed for honest clients, and each receiver of a stream gets a copy of its
//! parameters.

use serde_json::{Map, Value};
use thiserror::Error;

/// Values in one document: objects, lists, texts and numbers. The capabilities of a browser have about 1,000.
const MAX_VALUES: usize = 4096;
/// Levels of objects and lists within each other; real parameters have 4.
const MAX_DEPTH: usize = 8;
/// Objects in the capabilities of a receiver, which are kept as long as it stays: each takes 640 bytes. A browser has about 200.
const MAX_OBJECTS: usize = 768;
/// Maximum number of entries of a list without a specific bound.
const MAX_ENTRIES: usize = 128;
/// Maximum length in bytes of a string without a specific bound: codec parameters contain parameter sets of H.264.
const MAX_TEXT: usize = 512;
/// Bytes of the name of a field.
const MAX_NAME: usize = 64;
/// Streams of one producer. Browsers send up to three, and mediasoup's layers are counted in one digit.
const MAX_ENCODINGS: usize = 8;
/// Codecs of one producer: one, its retransmission, and what forward error correction adds.
const MAX_PRODUCED_CODECS: usize = 16;
/// Layers in one direction of a scalability mode (W3C WebRTC-SVC ends at 3).
const MAX_LAYERS: u8 = 4;
/// Certificates of one client.
const MAX_FINGERPRINTS: usize = 8;

/// A field that exceeds its bounds.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{field} {problem}")]
pub struct OutOfBounds {
    /// Path of the field, such as `rtpParameters.encodings`.
    field: String,
    /// The problem.
    problem: String,
}

type Checked = Result<(), OutOfBounds>;

fn wrong(field: &str, problem: impl Into<String>) -> Checked {
    Err(OutOfBounds { field: field.to_owned(), problem: problem.into() })
}

/// Checks mediasoup's `RtpParameters` of a sender.
pub fn check_rtp_parameters(parameters: &Value) -> Checked {
    const NAME: &str = "rtpParameters";
    check_shape(NAME, parameters)?;
    text(parameters, NAME, "mid", 32)?;
    text(parameters, NAME, "msid", 256)?;
    text(&parameters["rtcp"], "rtpParameters.rtcp", "cname", 256)?;
    each(parameters, NAME, "codecs", MAX_PRODUCED_CODECS, check_codec)?;
    each(parameters, NAME, "headerExtensions", 32, check_extension)?;
    each(parameters, NAME, "encodings", MAX_ENCODINGS, check_encoding)
}

/// Checks mediasoup's `RtpCapabilities` of a receiver.
pub fn check_rtp_capabilities(capabilities: &Value) -> Checked {
    const NAME: &str = "rtpCapabilities";
    check_shape(NAME, capabilities)?;
    if objects_in(capabilities) > MAX_OBJECTS {
        return wrong(NAME, format!("must have at most {MAX_OBJECTS} objects"));
    }
    each(capabilities, NAME, "codecs", 96, check_codec)?;
    each(capabilities, NAME, "headerExtensions", 64, check_extension)
}

/// Checks mediasoup's `DtlsParameters` of a client.
pub(super) fn check_dtls_parameters(parameters: &Value) -> Checked {
    const NAME: &str = "dtlsParameters";
    check_shape(NAME, parameters)?;
    text(parameters, NAME, "role", 16)?;
    if parameters["fingerprints"].as_array().is_some_and(Vec::is_empty) {
        return wrong("dtlsParameters.fingerprints", "must have at least 1 entry");
    }
    each(parameters, NAME, "fingerprints", MAX_FINGERPRINTS, |fingerprint, path| {
        text(fingerprint, path, "algorithm", 16)?;
        text(fingerprint, path, "value", 3 * 64)
    })
}

/// Checks mediasoup's `SctpStreamParameters` of a data channel.
pub(super) fn check_sctp_stream_parameters(parameters: &Value) -> Checked {
    const NAME: &str = "sctpStreamParameters";
    check_shape(NAME, parameters)?;
    for field in ["streamId", "maxPacketLifeTime", "maxRetransmits"] {
        number(parameters, NAME, field, 0..=65_535)?;
    }
    Ok(())
}

/// Checks a field that is not read but kept until the message is handled.
pub(super) fn check_app_data(app_data: &Value) -> Checked {
    check_shape("appData", app_data)
}

/// Keeps what mediasoup reads of a receiver's capabilities: these fields, and nothing below them that is not part of their structure.
/// Otherwise the rest would be stored for as long as the participant stays.
pub fn prune_rtp_capabilities(capabilities: &mut Value) {
    let Some(fields) = capabilities.as_object_mut() else { return };
    fields.retain(|name, list| ["codecs", "headerExtensions"].contains(&name.as_str()) && list.is_array());
    prune_each(fields, "codecs", prune_codec);
    prune_each(fields, "headerExtensions", |extension| {
        retain_scalars(extension, &["kind", "uri", "preferredId", "preferredEncrypt", "direction"]);
    });
}

fn prune_codec(codec: &mut Map<String, Value>) {
    let (mut parameters, mut feedback) = (codec.remove("parameters"), codec.remove("rtcpFeedback"));
    retain_scalars(codec, &["kind", "mimeType", "preferredPayloadType", "clockRate", "channels"]);
    if let Some(Value::Object(mut parameters)) = parameters.take() {
        parameters.retain(|_, value| is_scalar(value));
        codec.insert("parameters".into(), parameters.into());
    }
    if let Some(list @ Value::Array(_)) = feedback.take() {
        codec.insert("rtcpFeedback".into(), list);
        prune_each(codec, "rtcpFeedback", |feedback| retain_scalars(feedback, &["type", "parameter"]));
    }
}

/// Prunes the objects of a list, and removes what is none.
fn prune_each(of: &mut Map<String, Value>, list: &str, prune: impl Fn(&mut Map<String, Value>)) {
    let Some(entries) = of.get_mut(list).and_then(Value::as_array_mut) else { return };
    entries.retain(Value::is_object);
    entries.iter_mut().filter_map(Value::as_object_mut).for_each(prune);
}

fn retain_scalars(fields: &mut Map<String, Value>, known: &[&str]) {
    fields.retain(|name, value| known.contains(&name.as_str()) && is_scalar(value));
}

fn is_scalar(value: &Value) -> bool {
    !value.is_object() && !value.is_array()
}

/// Objects that are not empty: empty ones take no memory of their own.
fn objects_in(value: &Value) -> usize {
    match value {
        Value::Array(entries) => entries.iter().map(objects_in).sum(),
        Value::Object(fields) => usize::from(!fields.is_empty()) + fields.values().map(objects_in).sum::<usize>(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
    }
}

fn check_codec(codec: &Value, path: &str) -> Checked {
    text(codec, path, "kind", 16)?;
    text(codec, path, "mimeType", 64)?;
    number(codec, path, "payloadType", 0..=127)?;
    number(codec, path, "preferredPayloadType", 0..=127)?;
    number(codec, path, "clockRate", 1..=1_000_000)?;
    number(codec, path, "channels", 1..=8)?;
    each(codec, path, "rtcpFeedback", 16, |feedback, path| {
        text(feedback, path, "type", 32)?;
        text(feedback, path, "parameter", 32)
    })?;
    check_codec_parameters(&codec["parameters"], path)
}

fn check_codec_parameters(parameters: &Value, path: &str) -> Checked {
    let count = parameters.as_object().map_or(0, Map::len);
    if count > 32 {
        return wrong(&format!("{path}.parameters"), "must have at most 32 fields");
    }
    Ok(())
}

fn check_extension(extension: &Value, path: &str) -> Checked {
    text(extension, path, "kind", 16)?;
    text(extension, path, "uri", 256)?;
    text(extension, path, "direction", 16)?;
    number(extension, path, "id", 1..=255)?;
    number(extension, path, "preferredId", 1..=255)
}

fn check_encoding(encoding: &Value, path: &str) -> Checked {
    text(encoding, path, "rid", 16)?;
    text(encoding, path, "scalabilityMode", 24)?;
    number(encoding, path, "ssrc", 0..=u32::MAX.into())?;
    number(&encoding["rtx"], &format!("{path}.rtx"), "ssrc", 0..=u32::MAX.into())?;
    number(encoding, path, "codecPayloadType", 0..=127)?;
    number(encoding, path, "maxBitrate", 0..=u32::MAX.into())?;
    let mode = encoding["scalabilityMode"].as_str().unwrap_or_default();
    if layers_of(mode).into_iter().flatten().any(|layers| layers > MAX_LAYERS) {
        return wrong(&format!("{path}.scalabilityMode"), format!("must have at most {MAX_LAYERS} layers"));
    }
    Ok(())
}

/// The numbers of a scalability mode such as `L3T2_KEY`: spatial and temporal layers, if they are numbers. A number larger than a
/// byte counts as the largest byte.
fn layers_of(mode: &str) -> [Option<u8>; 2] {
    let after = |letters: &[char]| {
        let (_, rest) = mode.split_once(letters)?;
        let end = rest.find(|digit: char| !digit.is_ascii_digit()).unwrap_or(rest.len());
        (end > 0).then(|| rest[..end].parse().unwrap_or(u8::MAX))
    };
    [after(&['L', 'S']), after(&['T'])]
}

/// Checks each entry of a list, and its length. A value that is not a list is left to the parser.
fn each(of: &Value, path: &str, field: &str, most: usize, check: impl Fn(&Value, &str) -> Checked) -> Checked {
    let entries = of[field].as_array().map(Vec::as_slice).unwrap_or_default();
    let path = format!("{path}.{field}");
    if entries.len() > most {
        return wrong(&path, format!("must have at most {most} entries"));
    }
    entries.iter().enumerate().try_for_each(|(index, entry)| check(entry, &format!("{path}[{index}]")))
}

fn text(of: &Value, path: &str, field: &str, most: usize) -> Checked {
    match of[field].as_str() {
        Some(text) if text.len() > most => wrong(&format!("{path}.{field}"), format!("must have at most {most} bytes")),
        Some(text) if text.chars().any(char::is_control) => {
            wrong(&format!("{path}.{field}"), "must have no control characters")
        }
        _ => Ok(()),
    }
}

fn number(of: &Value, path: &str, field: &str, range: std::ops::RangeInclusive<u64>) -> Checked {
    let value = &of[field];
    if !value.is_number() || value.as_u64().is_some_and(|number| range.contains(&number)) {
        return Ok(());
    }
    wrong(&format!("{path}.{field}"), format!("must be a whole number from {} to {}", range.start(), range.end()))
}

/// Bounds that apply to every field, known or not.
fn check_shape(name: &str, value: &Value) -> Checked {
    let mut left = MAX_VALUES;
    check_value(name, value, MAX_DEPTH, &mut left)
}

fn check_value(path: &str, value: &Value, depth: usize, left: &mut usize) -> Checked {
    let Some(rest) = left.checked_sub(1) else { return wrong(path, format!("must have at most {MAX_VALUES} values")) };
    *left = rest;
    match value {
        Value::Array(_) | Value::Object(_) if depth == 0 => wrong(path, "is nested too deeply"),
        Value::String(text) if text.len() > MAX_TEXT => wrong(path, format!("must have at most {MAX_TEXT} bytes")),
        Value::Array(entries) if entries.len() > MAX_ENTRIES => {
            wrong(path, format!("must have at most {MAX_ENTRIES} entries"))
        }
        Value::Array(entries) => entries.iter().try_for_each(|entry| check_value(path, entry, depth - 1, left)),
        Value::Object(fields) => fields.iter().try_for_each(|(name, value)| {
            if name.len() > MAX_NAME {
                return wrong(path, format!("must have names of at most {MAX_NAME} bytes"));
            }
            check_value(&format!("{path}.{name}"), value, depth - 1, left)
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => Ok(()),
    }
}

#[cfg(test)]
mod tests;
