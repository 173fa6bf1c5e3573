//! What an API server does to an object before it stores it: defaulting, pruning, allocation of numbers.
//!
//! It validates nothing beyond parsing: the rules of the CRDs have their own tests.

use std::collections::BTreeSet;

use base64::{Engine, prelude::BASE64_STANDARD};
use convene_crds::{MediaPoolSpec, MeetingSpec};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{kinds::Kind, store::Refusal};

/// Completes `object`.
pub(crate) fn admit(kind: Kind, object: &mut Value, node_ports: &mut BTreeSet<u16>) -> Result<(), Refusal> {
    match kind {
        Kind::Meeting => complete_spec::<MeetingSpec>(object),
        Kind::MediaPool => complete_spec::<MediaPoolSpec>(object),
        Kind::Secret => {
            encode_strings(object);
            Ok(())
        }
        Kind::Service => {
            complete_service(object, node_ports);
            Ok(())
        }
        _ => Ok(()),
    }
}

/// Sets defaults and prunes unknown fields.
fn complete_spec<S: Serialize + DeserializeOwned>(object: &mut Value) -> Result<(), Refusal> {
    let spec = object.get("spec").cloned().unwrap_or_else(|| json!({}));
    let parsed: S =
        serde_json::from_value(spec).map_err(|error| Refusal::new(422, "Invalid", format!("spec: {error}")))?;
    object["spec"] = serde_json::to_value(parsed).expect("specs are plain JSON");
    Ok(())
}

fn encode_strings(object: &mut Value) {
    let Some(strings) = object.as_object_mut().and_then(|fields| fields.remove("stringData")) else { return };
    if !object["data"].is_object() {
        object["data"] = json!({});
    }
    for (key, text) in strings.as_object().into_iter().flatten() {
        object["data"][key] = json!(BASE64_STANDARD.encode(text.as_str().unwrap_or_default()));
    }
}

fn complete_service(object: &mut Value, node_ports: &mut BTreeSet<u16>) {
    let spec = &mut object["spec"];
    let type_ = spec["type"].as_str().unwrap_or("ClusterIP").to_owned();
    spec["type"] = json!(type_);
    let has_node_ports = matches!(type_.as_str(), "NodePort" | "LoadBalancer");
    for port in spec["ports"].as_array_mut().into_iter().flatten() {
        if port["protocol"].is_null() {
            port["protocol"] = json!("TCP");
        }
        if port["targetPort"].is_null() {
            port["targetPort"] = port["port"].clone();
        }
        if has_node_ports && port["nodePort"].is_null() {
            let free = (30000..32768).find(|port| !node_ports.contains(port)).expect("few ports are used");
            port["nodePort"] = json!(free);
        }
        if let Some(used) = port["nodePort"].as_u64().and_then(|port| u16::try_from(port).ok()) {
            node_ports.insert(used);
        }
    }
}
