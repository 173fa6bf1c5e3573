//! The initial corpus of the fuzz targets (`fuzz/`): the goldens, tokens of the test key, and the words of all of them. Files
//! named `found-…` were found by fuzzing and are left alone.

use std::collections::{BTreeMap, BTreeSet};

use convene_protocol::admission::{Admission, MediaGrant, MeetingGrant, ParticipantGrant, Signer};
use convene_protocol::frame;
use serde_json::{Value, json};

use crate::client_messages;
use crate::files::{assert_folder, repository};
use crate::frames;

const PEM: &str = include_str!("../data/admission-test-key.pem");
const JWKS: &str = include_str!("../data/admission-test-jwks.json");
const MEETING: &str = include_str!("../data/meeting-grant.json");
/// The time in the fuzz targets.
const NOW: u64 = 1_800_000_000;

fn assert_corpus(target: &str, expected: &BTreeMap<String, String>) {
    assert_folder(&repository().join("fuzz/corpus").join(target), expected);
}

/// Refused requests, so that errors are within reach.
fn refused_frames() -> BTreeMap<String, String> {
    let long = "é\u{202e}\u{10ffff}".repeat(60);
    let refused = [
        ("method", long.clone(), json!({})),
        ("name", "join".into(), json!({ "displayName": long })),
        ("device", "join".into(), json!({ "displayName": "Ä", "device": { "flag": long } })),
        ("type", "join".into(), json!({ "displayName": { "é": [long] }, "device": 7 })),
        ("array", "closeProducer".into(), json!(["producer-1"])),
        ("direction", "createWebRtcTransport".into(), json!({ "appData": { "direction": long } })),
        ("kind", "produce".into(), json!({ "transportId": "é", "kind": long, "rtpParameters": {} })),
        ("label", "produceData".into(), json!({ "transportId": "", "sctpStreamParameters": 0, "label": long })),
        ("layer", "setConsumerPreferredLayers".into(), json!({ "consumerId": "c", "spatialLayer": 256 })),
        ("priority", "setConsumerPriority".into(), json!({ "consumerId": "c", "priority": 0 })),
        ("text", "sendChatMessage".into(), json!({ "text": " " })),
        ("reaction", "sendReaction".into(), json!({ "reaction": long })),
        ("knock", "knock".into(), json!({ "displayName": long, "device": 7 })),
        ("mute", "muteParticipant".into(), json!({ "peerId": [long], "source": "screensharing" })),
        ("publish", "setPermissions".into(), json!({ "peerId": "bob", "publish": true })),
    ];
    let frame = |method: String, data| frame::request(1, &json!({ "method": method, "data": data }));
    refused.into_iter().map(|(name, method, data)| (format!("refused-{name}"), frame(method, data))).collect()
}

fn client_frames() -> BTreeMap<String, String> {
    let mut all = refused_frames();
    for message in client_messages::all() {
        for (number, input) in message.inputs.iter().enumerate() {
            all.insert(format!("{}-{number}", message.method), message.frame(input).to_string());
        }
    }
    all
}

fn grant(media: MediaGrant) -> MeetingGrant {
    MeetingGrant { media, ..serde_json::from_str(MEETING).unwrap() }
}

fn grants() -> [(&'static str, MeetingGrant); 2] {
    let media = MediaGrant {
        max_incoming_bitrate: Some(1_500_000),
        max_outgoing_bitrate: Some(3_000_000),
        initial_outgoing_bitrate: Some(600_000),
    };
    [("plain", grant(MediaGrant::default())), ("with-media", grant(media))]
}

#[test]
fn frames_start_from_the_goldens() {
    let texts = frames::TEXTS.iter().map(|(name, text)| ((*name).to_owned(), (*text).to_owned())).collect();
    assert_corpus("frame", &texts);
}

#[test]
fn client_requests_start_from_the_goldens() {
    assert_corpus("client-request", &client_frames());
}

/// Either a token, or a key set and in the next line a token.
#[test]
fn admissions_start_from_good_tokens() {
    let signer = Signer::from_pem(PEM, "test").unwrap();
    let jwks: Value = serde_json::from_str(JWKS).unwrap();
    let mut all = BTreeMap::from([("admin".to_owned(), signer.admin(NOW).unwrap())]);
    for (name, grant) in grants() {
        all.insert(name.to_owned(), signer.admission(&Admission::guest(grant.clone()), NOW).unwrap());
    }
    let with_keys = format!("{jwks}\n{}", all["plain"]);
    all.insert("plain-with-keys".to_owned(), with_keys);
    assert_corpus("admission", &all);
}

#[test]
fn claims_start_from_good_ones() {
    let claims = |audience: &str, body: Value| {
        let mut claims = json!({ "aud": audience, "iat": NOW, "exp": NOW + 60 });
        claims.as_object_mut().unwrap().extend(body.as_object().unwrap().clone());
        claims.to_string()
    };
    let mut all = BTreeMap::from([("admin".to_owned(), claims("convene-pod-admin", json!({})))]);
    for (name, grant) in grants() {
        all.insert(name.to_owned(), claims("convene-pod", serde_json::to_value(Admission::guest(grant)).unwrap()));
    }
    let (_, grant) = grants().into_iter().next().unwrap();
    let participant = ParticipantGrant { hidden: true, recorder: true, ..ParticipantGrant::default() };
    let unseen = Admission { participant, ..Admission::guest(grant) };
    all.insert("hidden-recorder".to_owned(), claims("convene-pod", serde_json::to_value(unseen).unwrap()));
    assert_corpus("admission-claims", &all);
}

/// Numbers at the edges of their types, characters of two to four bytes, and both halves of what needs two escapes.
const RAW_WORDS: &str = r#""null"
"255"
"256"
"-1"
"1e999"
"18446744073709551615"
"\xc3\xa9"
"\xe2\x80\xae"
"\xf4\x8f\xbf\xbf"
"\\ud83d"
"\\ude00"
"\\u0000"
"#;

fn words_of(value: &Value, words: &mut BTreeSet<String>) {
    match value {
        Value::Object(fields) => {
            words.extend(fields.keys().cloned());
            fields.values().for_each(|field| words_of(field, words));
        }
        Value::Array(elements) => elements.iter().for_each(|element| words_of(element, words)),
        Value::String(text) => drop(words.insert(text.clone())),
        _ => {}
    }
}

#[test]
fn the_dictionary_has_the_words_of_the_goldens() {
    let mut words =
        BTreeSet::from(["aud", "exp", "iat", "meeting", "convene-pod", "convene-pod-admin"].map(str::to_owned));
    for frame in client_frames().values() {
        words_of(&serde_json::from_str(frame).unwrap(), &mut words);
    }
    words_of(&serde_json::from_str(JWKS).unwrap(), &mut words);
    words_of(&json!(grants()[1].1), &mut words);
    // A dictionary is ASCII.
    let fit = words.iter().filter(|word| (1..40).contains(&word.len()) && word.chars().all(|c| c.is_ascii_graphic()));
    let quoted = fit.map(|word| format!("\"\\\"{word}\\\"\"\n"));
    let dictionary = BTreeMap::from([("words.dict".to_owned(), quoted.chain([RAW_WORDS.to_owned()]).collect())]);
    assert_folder(&repository().join("fuzz/dictionary"), &dictionary);
}
