//! A transport as the server describes it, and the str0m connection to it. What the server sends is validated before it is used.

use std::net::SocketAddr;
use std::time::Instant;

use serde::Deserialize;
use serde_json::{Value, json};
use str0m::format::{Codec, FormatParams};
use str0m::ice::IceCreds;
use str0m::media::{Frequency, MediaKind};
use str0m::rtp::Ssrc;
use str0m::{Candidate, Rtc, RtcConfig};

use super::rtp::Formats;
use crate::error::JoinError;
use crate::media::peer::{mid, rid};
use crate::media::source::StreamKind;
use crate::plan::may_send_to;

/// Candidates that are considered; a server has a handful.
const MAX_CANDIDATES: usize = 64;
/// Longest ICE credential (RFC 8445).
const MAX_CREDENTIAL: usize = 256;

/// The server's end of a transport.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Remote {
    pub(super) id: String,
    pub(super) address: SocketAddr,
    ufrag: String,
    password: String,
    /// SHA-256 of its certificate, as in SDP.
    fingerprint: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Answer {
    transport_id: String,
    ice_parameters: IceParameters,
    ice_candidates: Vec<Value>,
    dtls_parameters: DtlsParameters,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct IceParameters {
    username_fragment: String,
    password: String,
}

#[derive(Deserialize)]
struct DtlsParameters {
    fingerprints: Vec<Fingerprint>,
}

#[derive(Deserialize)]
struct Fingerprint {
    algorithm: String,
    value: String,
}

impl Remote {
    /// Reads the response to `createWebRtcTransport`.
    pub(super) fn read(answer: &Value, has_token: bool) -> Result<Self, JoinError> {
        let problem = || JoinError::Malformed("a transport that is not valid");
        let answer = Answer::deserialize(answer).map_err(|_| problem())?;
        let fingerprint = answer.dtls_parameters.fingerprints.into_iter().find(|one| one.algorithm == "sha-256");
        let fingerprint = fingerprint.filter(|one| one.value.len() == 95).ok_or_else(problem)?.value;
        let IceParameters { username_fragment: ufrag, password } = answer.ice_parameters;
        let is_credential = |text: &str| !text.is_empty() && text.len() <= MAX_CREDENTIAL;
        if !is_credential(&ufrag) || !is_credential(&password) {
            return Err(problem());
        }
        let address = candidate(&answer.ice_candidates, has_token).ok_or(JoinError::NoCandidate)?;
        Ok(Self { id: answer.transport_id, address, ufrag, password, fingerprint })
    }
}

/// The first usable UDP candidate with the highest priority.
fn candidate(candidates: &[Value], has_token: bool) -> Option<SocketAddr> {
    let usable = candidates.iter().take(MAX_CANDIDATES).filter_map(|candidate| {
        let ip = candidate["address"].as_str().or(candidate["ip"].as_str())?.parse().ok()?;
        let port = candidate["port"].as_u64().and_then(|port| u16::try_from(port).ok()).filter(|port| *port > 0)?;
        let is_usable = candidate["protocol"] == "udp" && may_send_to(ip, has_token);
        is_usable.then(|| (candidate["priority"].as_u64().unwrap_or(0), SocketAddr::new(ip, port)))
    });
    usable.reduce(|best, next| if next.0 > best.0 { next } else { best }).map(|(_, address)| address)
}

/// A connection that sends these streams (with their SSRCs and those of retransmissions), and its `dtlsParameters`.
pub(super) fn rtc(
    remote: &Remote,
    local: SocketAddr,
    formats: &Formats,
    streams: &[(StreamKind, u32, u32)],
) -> Result<(Rtc, Value), JoinError> {
    let mut rtc = config(formats).build(Instant::now());
    let host = |address| Candidate::host(address, "udp").map_err(|_| JoinError::NoCandidate);
    rtc.add_local_candidate(host(local)?);
    rtc.add_remote_candidate(host(remote.address)?);
    let fingerprint = connect(&mut rtc, remote)?;
    let mut direct = rtc.direct_api();
    direct.enable_twcc_feedback();
    for kind in [MediaKind::Audio, MediaKind::Video] {
        direct.declare_media(mid(kind), kind);
    }
    for (stream, ssrc, rtx) in streams {
        let kind = if *stream == StreamKind::Audio { MediaKind::Audio } else { MediaKind::Video };
        let rtx = formats.rtx.filter(|_| kind == MediaKind::Video).map(|_| Ssrc::from(*rtx));
        direct.declare_stream_tx(Ssrc::from(*ssrc), rtx, mid(kind), rid(*stream));
    }
    Ok((rtc, json!({ "role": "client", "fingerprints": [fingerprint] })))
}

fn config(formats: &Formats) -> RtcConfig {
    let mut config = RtcConfig::new().set_rtp_mode(true).clear_codecs().clear_extension_map();
    let (codecs, format) = (config.codec_config(), FormatParams::default());
    codecs.add_config(formats.opus.into(), None, Codec::Opus, Frequency::FORTY_EIGHT_KHZ, Some(2), format);
    codecs.add_config(formats.vp8.into(), formats.rtx.map(Into::into), Codec::Vp8, Frequency::NINETY_KHZ, None, format);
    for (id, extension) in formats.extensions() {
        config = config.set_extension(id, extension);
    }
    config
}

fn connect(rtc: &mut Rtc, remote: &Remote) -> Result<Value, JoinError> {
    let problem = JoinError::Malformed("a DTLS fingerprint that is not valid");
    let Ok(fingerprint) = format!("sha-256 {}", remote.fingerprint).parse() else { return Err(problem) };
    let mut direct = rtc.direct_api();
    direct.set_ice_controlling(true);
    direct.set_remote_ice_credentials(IceCreds { ufrag: remote.ufrag.clone(), pass: remote.password.clone() });
    direct.set_remote_fingerprint(fingerprint);
    direct.start_dtls(true).map_err(|_| JoinError::MediaEnded)?;
    let own = direct.local_dtls_fingerprint().to_string();
    let value = own.split_once(' ').map_or(own.as_str(), |(_, value)| value);
    Ok(json!({ "algorithm": "sha-256", "value": value }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answer(candidates: &Value) -> Value {
        let fingerprint = ["AB"; 32].join(":");
        json!({
            "transportId": "t", "iceCandidates": candidates,
            "iceParameters": { "usernameFragment": "u", "password": "p", "iceLite": true },
            "dtlsParameters": { "role": "auto", "fingerprints": [{ "algorithm": "sha-256", "value": fingerprint }] },
        })
    }

    fn udp(address: &str, port: u64, priority: u64) -> Value {
        json!({ "protocol": "udp", "address": address, "port": port, "priority": priority })
    }

    #[test]
    fn the_best_address_that_may_be_used_is_taken() {
        let read = |candidates: Value, has_token| {
            Remote::read(&answer(&candidates), has_token).map(|remote| remote.address.to_string())
        };
        let all = json!([
            udp("192.0.2.1", 40_000, 300), udp("127.0.0.1", 40_000, 100), udp("127.0.0.2", 40_000, 200),
            { "protocol": "tcp", "address": "127.0.0.3", "port": 40_000, "priority": 900 },
        ]);
        assert_eq!(read(all.clone(), false).unwrap(), "127.0.0.2:40000");
        assert_eq!(read(all, true).unwrap(), "192.0.2.1:40000");
    }

    #[test]
    fn lies_about_addresses_are_no_candidates() {
        let thousands: Vec<Value> = (0..5000).map(|_| udp("192.0.2.1", 9, 1)).collect();
        for candidates in [
            json!([]),
            json!(thousands),
            json!([7, null, "x"]),
            json!([udp("victim.example.com", 53, 1)]),
            json!([udp("127.0.0.1", 0, 1)]),
            json!([udp("127.0.0.1", 70_000, 1)]),
            json!([udp("224.0.0.1", 40_000, 1)]),
        ] {
            assert!(matches!(Remote::read(&answer(&candidates), false), Err(JoinError::NoCandidate)));
        }
    }

    #[test]
    fn parameters_are_validated() {
        let changes: [(&str, Value); 6] = [
            ("/transportId", json!(7)),
            ("/iceCandidates", json!("none")),
            ("/iceParameters/usernameFragment", json!("")),
            ("/iceParameters/password", json!("x".repeat(5000))),
            ("/dtlsParameters/fingerprints", json!([])),
            ("/dtlsParameters/fingerprints/0/value", json!("AB")),
        ];
        for (path, value) in changes {
            let mut bad = answer(&json!([udp("127.0.0.1", 40_000, 1)]));
            *bad.pointer_mut(path).unwrap() = value;
            assert!(matches!(Remote::read(&bad, false), Err(JoinError::Malformed(_))), "{path}");
        }
        let mut bad = Remote::read(&answer(&json!([udp("127.0.0.1", 40_000, 1)])), false).unwrap();
        bad.fingerprint = "Z".repeat(95);
        let formats = Formats::read(&json!({ "codecs": [
            { "mimeType": "audio/opus", "preferredPayloadType": 100 }, { "mimeType": "video/VP8", "preferredPayloadType": 101 },
        ] }));
        let made = rtc(&bad, "127.0.0.1:9".parse().unwrap(), &formats.unwrap(), &[]);
        assert!(matches!(made, Err(JoinError::Malformed(_))));
    }
}
