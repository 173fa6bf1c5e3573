//! The `OpenAPI` document matches the router: each response has a documented status, media type and schema.

use axum::body::Body;
use axum::http::{Method, Request, Response, header};
use http_body_util::BodyExt;
use proptest::prelude::*;
use serde_json::{Map, Value, json};
use tower::ServiceExt;

use crate::api::openapi;
use crate::fixtures::{Fixture, settings};
use crate::run::routes;

/// Characters that need no percent-encoding in a path.
const UNRESERVED: &percent_encoding::AsciiSet =
    &percent_encoding::NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

#[derive(Clone, Debug)]
struct ApiRequest {
    route: (String, String),
    names: (String, String),
    query: String,
    authorization: Option<String>,
    host: Option<String>,
    body: Vec<u8>,
}

fn document() -> Value {
    serde_json::from_str(openapi::text()).unwrap()
}

/// All documented paths with their methods.
fn routes() -> Vec<(String, String)> {
    let document = document();
    let methods = |(path, methods): (&String, &Value)| {
        let names: Vec<_> = methods.as_object().unwrap().keys().map(|method| (path.clone(), method.clone())).collect();
        names
    };
    document["paths"].as_object().unwrap().iter().flat_map(methods).collect()
}

fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just("team-a".to_owned()),
        4 => Just("stand-up".to_owned()),
        1 => "[a-z][a-z0-9-]{0,70}",
        1 => "\\PC{1,20}",
    ]
}

fn body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        2 => Just(Vec::new()),
        2 => prop_oneof![Just("{}"), Just(r#"{"direct":true}"#), Just(r#"{"direct":false}"#)].prop_map(|text| text.as_bytes().to_vec()),
        1 => prop_oneof![Just(r#"{"direct":1}"#), Just(r#"{"more":1}"#), Just("[]"), Just("{")].prop_map(|text| text.as_bytes().to_vec()),
        1 => prop::collection::vec(any::<u8>(), 0..6000),
    ]
}

fn asked() -> impl Strategy<Value = ApiRequest> {
    let authorization = prop::option::of(prop_oneof![
        Just("Bearer garbage".to_owned()),
        Just("Bearer eyJhbGciOiJub25lIn0.e30.".to_owned()),
        "[ -~]{0,60}",
    ]);
    let host = prop::option::of(prop_oneof![3 => Just("meet.example.org".to_owned()), 1 => "[ -~]{1,30}"]);
    (prop::sample::select(routes()), (name(), name()), "[a-zA-Z0-9=&_%+-]{0,60}", authorization, host, body()).prop_map(
        |(route, names, query, authorization, host, body)| ApiRequest {
            route,
            names,
            query,
            authorization,
            host,
            body,
        },
    )
}

fn build(asked: &ApiRequest) -> Request<Body> {
    let encode = |name: &str| percent_encoding::utf8_percent_encode(name, UNRESERVED).to_string();
    let path = asked.route.0.replace("{namespace}", &encode(&asked.names.0)).replace("{name}", &encode(&asked.names.1));
    let method = Method::try_from(asked.route.1.to_uppercase().as_str()).unwrap();
    let mut request = Request::builder().method(method).uri(format!("{path}?{}", asked.query));
    if let Some(authorization) = &asked.authorization {
        request = request.header(header::AUTHORIZATION, authorization);
    }
    if let Some(host) = &asked.host {
        request = request.header(header::HOST, host);
    }
    request.body(asked.body.clone().into()).unwrap()
}

/// Checks a response against the document. Event streams are not read, since they do not end.
async fn check(document: &Value, asked: &ApiRequest, answer: Response<Body>) -> Result<(), String> {
    let responses = &document["paths"][&asked.route.0][&asked.route.1]["responses"];
    let status = answer.status();
    let described = responses.get(status.as_str()).ok_or_else(|| format!("{status} is not described"))?;
    let kind = answer.headers().get(header::CONTENT_TYPE).map_or("", |kind| kind.to_str().unwrap());
    let kind = kind.split(';').next().unwrap_or_default().to_owned();
    let content = described["content"].get(&kind).ok_or_else(|| format!("{status} with {kind:?} is not described"))?;
    if !kind.ends_with("json") {
        return Ok(());
    }
    let body = answer.into_body().collect().await.unwrap().to_bytes();
    let value = serde_json::from_slice(&body).map_err(|error| error.to_string())?;
    fits(document, &content["schema"], &value).map_err(|problem| format!("{status}: {problem} in {value}"))
}

/// Checks the subset of JSON Schema that the document uses.
fn fits(document: &Value, schema: &Value, value: &Value) -> Result<(), String> {
    if let Some(reference) = schema["$ref"].as_str() {
        return fits(
            document,
            document.pointer(reference.trim_start_matches('#')).ok_or("a reference to nothing")?,
            value,
        );
    }
    if let Some(choices) = schema["oneOf"].as_array() {
        let fitting = choices.iter().filter(|choice| fits(document, choice, value).is_ok()).count();
        return if fitting == 1 { Ok(()) } else { Err(format!("{fitting} of {schema} fit {value}")) };
    }
    let is_of_type = |name: &str| match name {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        _ => name == "null" && value.is_null(),
    };
    let types = schema["type"].as_array().cloned().unwrap_or_else(|| vec![schema["type"].clone()]);
    if schema.get("type").is_some() && !types.iter().any(|name| is_of_type(name.as_str().unwrap_or_default())) {
        return Err(format!("{value} is no {}", schema["type"]));
    }
    if schema["enum"].as_array().is_some_and(|values| !values.contains(value)) {
        return Err(format!("{value} is none of {}", schema["enum"]));
    }
    for item in value.as_array().into_iter().flatten() {
        fits(document, &schema["items"], item)?;
    }
    value.as_object().map_or(Ok(()), |members| members_fit(document, schema, members))
}

fn members_fit(document: &Value, schema: &Value, members: &Map<String, Value>) -> Result<(), String> {
    for required in schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str) {
        members.get(required).ok_or_else(|| format!("{required} is missing"))?;
    }
    for (name, member) in members {
        let described = schema["properties"].get(name);
        match described {
            Some(described) => fits(document, described, member).map_err(|problem| format!("{name}: {problem}"))?,
            None if schema.get("properties").is_some() => return Err(format!("{name} is not described")),
            None => {}
        }
    }
    Ok(())
}

/// A router that is ready, with a meeting that has a pod.
fn fixture() -> Fixture {
    let mut fixture = Fixture::new(settings());
    fixture.assign("media-0", "10.1.2.3:8080".parse().unwrap());
    fixture
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]
    #[test]
    fn every_answer_is_described(asked in asked()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let checked = runtime.block_on(async {
            let answer = routes::public(fixture().app.clone()).oneshot(build(&asked)).await.unwrap();
            check(&document(), &asked, answer).await
        });
        prop_assert!(checked.is_ok(), "{} {}: {}", asked.route.1, asked.route.0, checked.unwrap_err());
    }
}

#[test]
fn what_is_not_as_described_is_noticed() {
    let document = document();
    let schema = json!({"$ref": "#/components/schemas/JoinAnswer"});
    let good = json!({"signalingUrl": "wss://a", "token": "t", "iceServers": [{"urls": ["stun:a"]}], "viewer": false, "expiresAt": "2026-01-01T00:00:00Z"});
    assert_eq!(fits(&document, &schema, &good), Ok(()));
    for (pointer, wrong) in [("/token", json!(7)), ("/iceServers/0/urls/0", json!(null)), ("/iceServers", json!({}))] {
        let mut bad = good.clone();
        *bad.pointer_mut(pointer).unwrap() = wrong;
        assert!(fits(&document, &schema, &bad).is_err(), "{pointer}");
    }
    let mut more = good.clone();
    more["secret"] = json!(1);
    assert!(fits(&document, &schema, &more).is_err());
    assert!(fits(&document, &schema, &json!({})).unwrap_err().contains("missing"));
}
