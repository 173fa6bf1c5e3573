//! HTTP of the simulated API server: from a request to the store and back.

use std::{collections::BTreeMap, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderMap, Method, Request, Response, header},
};
use http_body_util::BodyExt;
use serde_json::{Value, json};

use super::{
    kinds::Address,
    selector::Selector,
    store::{Actor, Deletion, PatchKind, Refusal, Store},
    watch::{self, Watch, WatchWeather},
};

/// A parsed request.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) address: Option<Address>,
    pub(crate) query: BTreeMap<String, String>,
    /// Whether only metadata is requested.
    pub(crate) is_partial: bool,
    content_type: String,
    body: Vec<u8>,
}

impl Call {
    pub(crate) async fn read(request: Request<kube::client::Body>) -> Self {
        let (parts, body) = request.into_parts();
        let query = parts.uri.query().unwrap_or_default();
        let query = url::form_urlencoded::parse(query.as_bytes()).into_owned().collect();
        let body = body.collect().await.map(|body| body.to_bytes().to_vec()).unwrap_or_default();
        let text = |headers: &HeaderMap, name| {
            headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned()
        };
        Self {
            method: parts.method,
            path: parts.uri.path().to_owned(),
            address: Address::parse(parts.uri.path()),
            query,
            is_partial: text(&parts.headers, header::ACCEPT).contains("as=PartialObjectMetadata"),
            content_type: text(&parts.headers, header::CONTENT_TYPE),
            body,
        }
    }

    pub(crate) fn is_write(&self) -> bool {
        self.method != Method::GET
    }

    pub(crate) fn is_watch(&self) -> bool {
        self.is_on("watch")
    }

    pub(crate) fn is_on(&self, name: &str) -> bool {
        matches!(self.query.get(name).map(String::as_str), Some("true" | "1"))
    }

    fn text(&self, name: &str) -> &str {
        self.query.get(name).map(String::as_str).unwrap_or_default()
    }

    fn json(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.body).map_err(|error| Refusal::new(400, "BadRequest", error.to_string()))
    }
}

/// Responds to a request.
pub(crate) fn answer(store: &Arc<Store>, call: &Call, weather: WatchWeather) -> Response<Body> {
    try_answer(store, call, weather).unwrap_or_else(|refusal| refuse(&refusal))
}

/// The response to a failed request.
pub(crate) fn refuse(refusal: &Refusal) -> Response<Body> {
    let mut response = respond(refusal.code, &status_object(refusal));
    if refusal.code == 429 {
        response.headers_mut().insert(header::RETRY_AFTER, axum::http::HeaderValue::from_static("1"));
    }
    response
}

/// A `Status` with the cause of a failure.
pub(crate) fn status_object(refusal: &Refusal) -> Value {
    let Refusal { code, reason, message } = refusal;
    json!({
        "kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure",
        "code": code, "reason": reason, "message": message,
    })
}

fn respond(code: u16, body: &Value) -> Response<Body> {
    let body = serde_json::to_vec(body).expect("JSON values can be written");
    let builder = Response::builder().status(code).header(header::CONTENT_TYPE, "application/json");
    builder.body(Body::from(body)).expect("status and header are valid")
}

fn try_answer(store: &Arc<Store>, call: &Call, weather: WatchWeather) -> Result<Response<Body>, Refusal> {
    let nothing = || Refusal::new(404, "NotFound", "the server could not find the requested resource");
    let address = call.address.as_ref().ok_or_else(nothing)?;
    if address.subresource.as_deref().is_some_and(|subresource| subresource != "status" || !address.kind.has_status()) {
        return Err(nothing());
    }
    match (&call.method, address.key()) {
        (&Method::GET, None) if call.is_watch() => open_watch(store, call, address, weather),
        (&Method::GET, None) => list(store, call, address),
        (&Method::GET, Some(key)) => Ok(respond(200, &trim(call, &*store.get(&key)?))),
        (&Method::POST, None) => create(store, call, address),
        (&Method::PUT, Some(key)) => {
            let object = store.replace(Actor::Operator, &key, address.is_status(), call.json()?)?;
            Ok(respond(200, &trim(call, &object)))
        }
        (&Method::PATCH, Some(key)) => {
            let how = read_patch_kind(call)?;
            let object = store.patch(Actor::Operator, &key, address.is_status(), &how, &call.json()?)?;
            Ok(respond(200, &trim(call, &object)))
        }
        (&Method::DELETE, Some(key)) => {
            let (object, is_gone) = store.delete(Actor::Operator, &key, &read_deletion(call)?)?;
            Ok(respond(200, &if is_gone { describe_removed(&object) } else { trim(call, &object) }))
        }
        _ => Err(Refusal::new(405, "MethodNotAllowed", "the server does not allow this method here")),
    }
}

fn read_selector(call: &Call) -> Result<Selector, Refusal> {
    Selector::parse(call.text("labelSelector"), call.text("fieldSelector"))
        .map_err(|message| Refusal::new(400, "BadRequest", message))
}

fn open_watch(
    store: &Arc<Store>,
    call: &Call,
    address: &Address,
    weather: WatchWeather,
) -> Result<Response<Body>, Refusal> {
    let watch = Watch {
        kind: address.kind,
        namespace: address.namespace.clone(),
        selector: read_selector(call)?,
        version: call.text("resourceVersion").parse().ok().filter(|version| *version > 0),
        seconds: call.text("timeoutSeconds").parse().unwrap_or(300),
        is_partial: call.is_partial,
        weather,
    };
    let body = Body::from_stream(watch::stream(Arc::clone(store), watch));
    let builder = Response::builder().status(200).header(header::CONTENT_TYPE, "application/json");
    Ok(builder.body(body).expect("status and header are valid"))
}

fn list(store: &Store, call: &Call, address: &Address) -> Result<Response<Body>, Refusal> {
    let (objects, version) = store.list(address.kind, address.namespace.as_deref(), &read_selector(call)?);
    let items: Vec<_> = objects.iter().map(|object| trim(call, object)).collect();
    let (api_version, kind) = if call.is_partial {
        ("meta.k8s.io/v1", "PartialObjectMetadataList".to_owned())
    } else {
        (address.kind.api_version(), format!("{}List", address.kind.word()))
    };
    let metadata = json!({"resourceVersion": version.to_string()});
    Ok(respond(200, &json!({"apiVersion": api_version, "kind": kind, "metadata": metadata, "items": items})))
}

fn create(store: &Store, call: &Call, address: &Address) -> Result<Response<Body>, Refusal> {
    let namespace = address.namespace.as_deref().unwrap_or_default();
    let object = store.create(Actor::Operator, address.kind, namespace, call.json()?)?;
    Ok(respond(201, &trim(call, &object)))
}

fn read_patch_kind(call: &Call) -> Result<PatchKind, Refusal> {
    match call.content_type.as_str() {
        "application/merge-patch+json" => Ok(PatchKind::Merge),
        "application/strategic-merge-patch+json" => Ok(PatchKind::Strategic),
        "application/apply-patch+yaml" => Ok(PatchKind::Apply(call.text("fieldManager").to_owned())),
        other => Err(Refusal::new(415, "UnsupportedMediaType", format!("{other:?} is no patch known here"))),
    }
}

fn read_deletion(call: &Call) -> Result<Deletion, Refusal> {
    if call.body.is_empty() {
        return Ok(Deletion::default());
    }
    let options = call.json()?;
    let text = |field: &str| options["preconditions"][field].as_str().map(str::to_owned);
    Ok(Deletion {
        uid: text("uid"),
        resource_version: text("resourceVersion"),
        grace_seconds: options["gracePeriodSeconds"].as_i64(),
    })
}

fn describe_removed(object: &Value) -> Value {
    let metadata = &object["metadata"];
    let details = json!({"name": metadata["name"], "uid": metadata["uid"], "kind": object["kind"]});
    json!({"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success", "details": details})
}

fn trim(call: &Call, object: &Value) -> Value {
    if call.is_partial { to_partial(object) } else { object.clone() }
}

/// Only the metadata of an object.
pub(crate) fn to_partial(object: &Value) -> Value {
    json!({"apiVersion": "meta.k8s.io/v1", "kind": "PartialObjectMetadata", "metadata": object["metadata"]})
}
