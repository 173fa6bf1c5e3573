//! Lists, texts and numbers of media parameters that no honest client sends, with a receiver in the room for which they are used.

use std::time::Duration;

use serde_json::{Value, json};

use super::{Attack, Ctx, ask_patiently, is_answered, is_refused};
use crate::client::Client;
use crate::failure::{Failure, Outcome, ensure, wrong};
use crate::honest::rtp_parameters;
use crate::http::{Asked, call};
use crate::keys::{self, NAMESPACE};
use crate::variants::{Size, Variant, variants};

const SOON: Duration = Duration::from_secs(2);
/// Requests are answered with 429 above the pod's rate.
const PACE: Duration = Duration::from_millis(15);
/// Clients that share the variants: producing is dear, and what one may ask is limited.
const PRODUCERS: usize = 10;

pub(super) fn attacks() -> Vec<Attack> {
    vec![
        Attack {
            name: "encodings-websocket",
            about: "produce with 100 and more encodings",
            run: |ctx| Box::pin(by_websocket(ctx)),
        },
        Attack { name: "encodings-http", about: "the same by the broadcaster API", run: |ctx| Box::pin(by_http(ctx)) },
        Attack {
            name: "large-rtp-parameters",
            about: "each part of rtpParameters too large",
            run: |ctx| Box::pin(large_parameters(ctx)),
        },
        Attack {
            name: "large-capabilities",
            about: "each part of rtpCapabilities too large",
            run: |ctx| Box::pin(large_capabilities(ctx)),
        },
        Attack {
            name: "large-transport-parameters",
            about: "each part of DTLS, ICE and SCTP parameters too large",
            run: |ctx| Box::pin(large_transport(ctx)),
        },
    ]
}

fn encodings(count: u32) -> Value {
    let mut parameters = rtp_parameters("video", 1000);
    parameters["encodings"] = (0..count).map(|number| json!({ "ssrc": 1000 + number })).collect();
    parameters
}

async fn by_websocket(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut bob = ctx.joined(&meeting, "bob").await?;
    for count in [33, 99, 100, 255, 1000] {
        let mut eve = ctx.joined(&meeting, &format!("eve-{count}")).await?;
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

/// A broadcaster of the newer kind in a room that is open, with a transport to send on; its address and the transport's id.
pub(super) async fn broadcaster(ctx: &Ctx, room: &str, id: &str, token: &str) -> Outcome<(String, Value)> {
    let base = format!("/broadcast/{NAMESPACE}/{room}/broadcasters");
    let body = json!({ "peerId": id, "displayName": id, "device": { "name": "attack", "flag": "ffmpeg" } }).to_string();
    done(ctx, &base, token, &body).await?;
    let base = format!("{base}/{id}");
    let body = json!({ "direction": "producer", "comedia": true, "rtcpMux": true }).to_string();
    let transport = done(ctx, &format!("{base}/transports"), token, &body).await?;
    done(ctx, &format!("{base}/join"), token, "{}").await?;
    Ok((base, transport["transportId"].clone()))
}

/// The JSON of a call that the pod has done; null if there is none.
pub(super) async fn done(ctx: &Ctx, path: &str, token: &str, body: &str) -> Outcome<Value> {
    let answer = call(ctx.pod.address, Asked::post(path, body).with(token)).await?;
    if answer.status >= 300 {
        return Err(Failure::Refused { code: u64::from(answer.status), reason: answer.body });
    }
    Ok(answer.json().unwrap_or_default())
}

async fn by_http(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut bob = ctx.joined(&meeting, "bob").await?;
    let token = ctx.pod.keys.admit(&meeting, &keys::guest("caster", "198.51.100.2"));
    let (base, transport) = broadcaster(&ctx, &meeting.name, "caster", &token).await?;
    for count in [33, 100, 1000] {
        let body = json!({ "transportId": transport, "kind": "video", "rtpParameters": encodings(count) }).to_string();
        let outcome = done(&ctx, &format!("{base}/producers"), &token, &body).await;
        is_answered(&mut bob, SOON).await?;
        is_refused(outcome, &[400, 413], &format!("a producer with {count} encodings"))?;
    }
    Ok(())
}

/// What honest browsers send, with something in every list.
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

async fn large_parameters(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut bob = ctx.joined(&meeting, "bob").await?;
    let mut eves = Vec::new();
    for number in 0..PRODUCERS {
        let mut eve = ctx.joined(&meeting, &format!("eve-{number}")).await?;
        let transport = eve.transport("producer").await?["transportId"].clone();
        eves.push((eve, transport));
    }
    let mut faults = Vec::new();
    for (number, variant) in variants(&full_parameters()).into_iter().enumerate() {
        let (eve, transport) = &mut eves[number % PRODUCERS];
        let produce = json!({ "transportId": transport, "kind": "video", "rtpParameters": variant.value });
        let outcome = ask_patiently(eve, "produce", &produce).await;
        if let Ok(answer) = &outcome {
            ask_patiently(eve, "closeProducer", &json!({ "producerId": answer["producerId"] })).await?;
        }
        faults.extend(judge(&variant, outcome)?);
        tokio::time::sleep(PACE).await;
    }
    is_answered(&mut bob, SOON).await?;
    verdict(&faults)
}

/// What is too large must be refused; what is odd must be answered.
fn judge<T>(variant: &Variant, outcome: Outcome<T>) -> Outcome<Option<String>> {
    match (outcome, variant.size) {
        (Ok(_), Size::TooLarge) => Ok(Some(variant.what.clone())),
        (Ok(_) | Err(Failure::Refused { code: 400 | 404 | 409 | 413 | 429 | 500, .. }), _) => Ok(None),
        (Err(failure), _) => Err(wrong(format!("{}: {failure}", variant.what))),
    }
}

fn verdict(faults: &[String]) -> Outcome {
    ensure(faults.is_empty(), || {
        format!("{} of them accepted: {}", faults.len(), faults[..faults.len().min(4)].join(", "))
    })
}

async fn large_capabilities(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut bob = ctx.joined(&meeting, "bob").await?;
    let transport = bob.transport("producer").await?;
    let produce = crate::honest::produce(&transport["transportId"], "video", 2222);
    bob.ask("produce", produce).await?;
    let capabilities = bob.ask("getRouterRtpCapabilities", json!({})).await?["routerRtpCapabilities"].clone();
    let few =
        json!({ "codecs": [capabilities["codecs"][0]], "headerExtensions": [capabilities["headerExtensions"][0]] });
    let mut faults = Vec::new();
    for (number, variant) in variants(&few).into_iter().enumerate() {
        let who = keys::guest(&format!("eve-{number}"), "198.51.100.2");
        let mut eve = Client::open(&ctx.pod, &meeting, &format!("eve-{number}"), &who).await?;
        eve.transport("consumer").await?;
        let join = json!({ "displayName": "Eve", "rtpCapabilities": variant.value });
        faults.extend(judge(&variant, eve.ask("join", join).await)?);
    }
    is_answered(&mut bob, SOON).await?;
    verdict(&faults)
}

async fn large_transport(ctx: Ctx) -> Outcome {
    let meeting = ctx.meeting(0);
    let mut bob = ctx.joined(&meeting, "bob").await?;
    let mut eve = ctx.joined(&meeting, "eve").await?;
    let transport = eve.transport("producer").await?;
    let fingerprint = json!({ "algorithm": "sha-256", "value": (["AB"; 32].join(":")) });
    let connect = json!({ "role": "client", "fingerprints": [fingerprint] });
    let mut faults = Vec::new();
    for variant in variants(&connect) {
        let data = json!({ "transportId": transport["transportId"], "dtlsParameters": variant.value });
        faults.extend(judge(&variant, eve.ask("connectWebRtcTransport", data).await)?);
        tokio::time::sleep(PACE).await;
    }
    // What is not a part of the contract may be passed over, but never kept: the limit of memory would tell.
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
            break; // odd ones that are fine have used up what one participant may have
        }
        faults.extend(judge(&variant, outcome)?);
        tokio::time::sleep(PACE).await;
    }
    is_answered(&mut bob, SOON).await?;
    verdict(&faults)
}
