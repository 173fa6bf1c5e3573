//! Lists, texts and numbers in media parameters that no honest client sends, with a receiver in the room for which they are used.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Attack, Context, is_answered, is_refused, request_patiently};
use crate::client::Client;
use crate::failure::{Failure, Outcome, ensure, wrong};
use crate::honest::rtp_parameters;
use crate::http::{Request, call};
use crate::keys::{self, NAMESPACE};
use crate::variants::{Size, Variant, variants};

const SOON: Duration = Duration::from_secs(2);
/// Pause that keeps requests below the rate limit of the pod.
const PACE: Duration = Duration::from_millis(15);
/// Number of clients that share the variants: producing is expensive, and the requests of one client are limited.
const PRODUCERS: usize = 10;

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "encodings-websocket",
            about: "produce with 100 and more encodings",
            run: |context| Box::pin(by_websocket(context)),
        },
        Attack {
            name: "encodings-http",
            about: "the same through the broadcaster API",
            run: |context| Box::pin(by_http(context)),
        },
        Attack {
            name: "large-rtp-parameters",
            about: "each part of rtpParameters too large",
            run: |context| Box::pin(large_parameters(context)),
        },
        Attack {
            name: "large-capabilities",
            about: "each part of rtpCapabilities too large",
            run: |context| Box::pin(large_capabilities(context)),
        },
        Attack {
            name: "large-transport-parameters",
            about: "each part of DTLS, ICE and SCTP parameters too large",
            run: |context| Box::pin(large_transport(context)),
        },
    ]
}

fn encodings(count: u32) -> Value {
    let mut parameters = rtp_parameters("video", 1000);
    parameters["encodings"] = (0..count).map(|number| json!({ "ssrc": 1000 + number })).collect();
    parameters
}

async fn by_websocket(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut bob = context.joined(&meeting, "bob").await?;
    for count in [33, 99, 100, 255, 1000] {
        let mut eve = context.joined(&meeting, &format!("eve-{count}")).await?;
        let transport = eve.transport("producer").await?;
        let produce =
            json!({ "transportId": transport["transportId"], "kind": "video", "rtpParameters": encodings(count) });
        let outcome = eve.ask("produce", produce).await;
        is_answered(&mut bob, SOON).await?;
        is_refused(outcome, &[400, 413], &format!("produce with {count} encodings"))?;
        is_answered(&mut eve, SOON).await?;
    }
    Ok(())
}

/// A broadcaster of the newer dialect in an open room, with a sending transport; returns its path and the id of the transport.
pub(super) async fn broadcaster(context: &Context, room: &str, id: &str, token: &str) -> Outcome<(String, Value)> {
    let base = format!("/broadcast/{NAMESPACE}/{room}/broadcasters");
    let body = json!({ "peerId": id, "displayName": id, "device": { "name": "attack", "flag": "ffmpeg" } }).to_string();
    done(context, &base, token, &body).await?;
    let base = format!("{base}/{id}");
    let body = json!({ "direction": "producer", "comedia": true, "rtcpMux": true }).to_string();
    let transport = done(context, &format!("{base}/transports"), token, &body).await?;
    done(context, &format!("{base}/join"), token, "{}").await?;
    Ok((base, transport["transportId"].clone()))
}

/// The JSON of a successful call; null if the response has no body.
pub(super) async fn done(context: &Context, path: &str, token: &str, body: &str) -> Outcome<Value> {
    let answer = call(context.pod.address, Request::post(path, body).with(token)).await?;
    if answer.status >= 300 {
        return Err(Failure::Refused { code: u64::from(answer.status), reason: answer.body });
    }
    Ok(answer.json().unwrap_or_default())
}

async fn by_http(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut bob = context.joined(&meeting, "bob").await?;
    let token = context.pod.keys.admit(&meeting, &keys::guest("caster", "198.51.100.2"));
    let (base, transport) = broadcaster(&context, &meeting.name, "caster", &token).await?;
    for count in [33, 100, 1000] {
        let body = json!({ "transportId": transport, "kind": "video", "rtpParameters": encodings(count) }).to_string();
        let outcome = done(&context, &format!("{base}/producers"), &token, &body).await;
        is_answered(&mut bob, SOON).await?;
        is_refused(outcome, &[400, 413], &format!("a producer with {count} encodings"))?;
    }
    Ok(())
}

/// Parameters of an honest browser, with at least one item in every list.
fn full_parameters() -> Value {
    json!({
        "mid": "1",
        "codecs": [
            { "mimeType": "video/VP8", "payloadType": 101, "clockRate": 90000, "parameters": { "x-google-start-bitrate": 1000, "x": "y" },
              "rtcpFeedback": [{ "type": "nack", "parameter": "pli" }] },
            { "mimeType": "video/rtx", "payloadType": 102, "clockRate": 90000, "parameters": { "apt": 101 }, "rtcpFeedback": [] },
        ],
        "headerExtensions": [{ "uri": "urn:ietf:params:rtp-hdrext:sdes:mid", "id": 1, "encrypt": false, "parameters": {} }],
        "encodings": [{ "rid": "r0", "scalabilityMode": "L1T3", "maxBitrate": 500_000, "ssrc": 11, "rtx": { "ssrc": 12 } }],
        "rtcp": { "cname": "x", "reducedSize": true },
    })
}

async fn large_parameters(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut bob = context.joined(&meeting, "bob").await?;
    let mut eves = Vec::new();
    for number in 0..PRODUCERS {
        let mut eve = context.joined(&meeting, &format!("eve-{number}")).await?;
        let transport = eve.transport("producer").await?["transportId"].clone();
        eves.push((eve, transport));
    }
    let mut faults = Vec::new();
    for (number, variant) in variants(&full_parameters()).into_iter().enumerate() {
        let (eve, transport) = &mut eves[number % PRODUCERS];
        let produce = json!({ "transportId": transport, "kind": "video", "rtpParameters": variant.value });
        let outcome = request_patiently(eve, "produce", &produce).await;
        if let Ok(answer) = &outcome {
            request_patiently(eve, "closeProducer", &json!({ "producerId": answer["producerId"] })).await?;
        }
        faults.extend(check_variant(&variant, outcome)?);
        tokio::time::sleep(PACE).await;
    }
    is_answered(&mut bob, SOON).await?;
    report_accepted(&faults)
}

/// Checks that a value that is too large was refused, and that an odd one got a response; returns the description of an accepted one.
fn check_variant<T>(variant: &Variant, outcome: Outcome<T>) -> Outcome<Option<String>> {
    match (outcome, variant.size) {
        (Ok(_), Size::TooLarge) => Ok(Some(variant.what.clone())),
        (Ok(_) | Err(Failure::Refused { code: 400 | 404 | 409 | 413 | 429 | 500, .. }), _) => Ok(None),
        (Err(failure), _) => Err(wrong(format!("{}: {failure}", variant.what))),
    }
}

fn report_accepted(faults: &[String]) -> Outcome {
    ensure(faults.is_empty(), || {
        format!("{} of them were accepted: {}", faults.len(), faults[..faults.len().min(4)].join(", "))
    })
}

async fn large_capabilities(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut bob = context.joined(&meeting, "bob").await?;
    let transport = bob.transport("producer").await?;
    let produce = crate::honest::produce(&transport["transportId"], "video", 2222);
    bob.ask("produce", produce).await?;
    let capabilities = bob.ask("getRouterRtpCapabilities", json!({})).await?["routerRtpCapabilities"].clone();
    let few =
        json!({ "codecs": [capabilities["codecs"][0]], "headerExtensions": [capabilities["headerExtensions"][0]] });
    let mut faults = Vec::new();
    for (number, variant) in variants(&few).into_iter().enumerate() {
        let who = keys::guest(&format!("eve-{number}"), "198.51.100.2");
        let mut eve = Client::open(&context.pod, &meeting, &format!("eve-{number}"), &who).await?;
        eve.transport("consumer").await?;
        let join = json!({ "displayName": "Eve", "rtpCapabilities": variant.value });
        faults.extend(check_variant(&variant, eve.ask("join", join).await)?);
    }
    is_answered(&mut bob, SOON).await?;
    report_accepted(&faults)
}

async fn large_transport(context: Context) -> Outcome {
    let meeting = context.meeting(0);
    let mut bob = context.joined(&meeting, "bob").await?;
    let mut eve = context.joined(&meeting, "eve").await?;
    let transport = eve.transport("producer").await?;
    let fingerprint = json!({ "algorithm": "sha-256", "value": (["AB"; 32].join(":")) });
    let connect = json!({ "role": "client", "fingerprints": [fingerprint] });
    let mut faults = Vec::new();
    for variant in variants(&connect) {
        let data = json!({ "transportId": transport["transportId"], "dtlsParameters": variant.value });
        faults.extend(check_variant(&variant, eve.ask("connectWebRtcTransport", data).await)?);
        tokio::time::sleep(PACE).await;
    }
    // Unknown fields may be ignored but must not be kept: the memory limit would show it.
    for variant in
        variants(&json!({ "usernameFragment": "abcd", "password": "0123456789012345678901", "iceLite": false }))
    {
        let data = json!({ "transportId": transport["transportId"], "iceParameters": variant.value, "dtlsParameters": connect });
        let _ = eve.ask("connectWebRtcTransport", data).await;
        tokio::time::sleep(PACE).await;
    }
    let stream = json!({ "streamId": 1, "ordered": true, "maxRetransmits": 3 });
    for variant in variants(&json!({ "label": "x", "protocol": "y", "sctpStreamParameters": stream })) {
        let mut data = variant.value.clone();
        let Some(fields) = data.as_object_mut() else { continue };
        fields.insert("transportId".into(), transport["transportId"].clone());
        let outcome = eve.ask("produceData", data).await;
        if let Err(Failure::Refused { code: 429, .. }) = outcome {
            break; // accepted odd values have used up the limit of one participant
        }
        faults.extend(check_variant(&variant, outcome)?);
        tokio::time::sleep(PACE).await;
    }
    is_answered(&mut bob, SOON).await?;
    report_accepted(&faults)
}
