//! ICE candidates for every announced address. mediasoup is ICE-lite and does not check what was announced, so candidates may be
//! added here: each with a foundation and a priority of its own (RFC 8445 sections 5.1.1.3 and 5.1.2). Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use serde_json::{Value, json};

/// Candidates as the worker gave them (for the first address), repeated for each further announced address.
/// Earlier addresses are preferred. Each also has its address under `ip`, where older clients read it.
pub fn announce(candidates: &Value, addresses: &[String]) -> Value {
    let own = candidates.as_array().map(Vec::as_slice).unwrap_or_default();
    let further = addresses.iter().skip(1).enumerate();
    let added =
        further.flat_map(|(index, address)| own.iter().map(move |candidate| moved(candidate, address, index + 1)));
    Value::Array(own.iter().cloned().chain(added).map(with_older_spelling).collect())
}

fn with_older_spelling(mut candidate: Value) -> Value {
    candidate["ip"] = candidate["address"].clone();
    candidate
}

fn moved(candidate: &Value, address: &str, rank: usize) -> Value {
    let mut candidate = candidate.clone();
    let foundation = candidate["foundation"].as_str().unwrap_or("candidate").to_owned();
    let priority = candidate["priority"].as_u64().unwrap_or(1);
    // The local preference sits in bits 8 to 23; one step of it keeps UDP before TCP.
    let lowered = priority.saturating_sub(256 * rank as u64).max(1);
    candidate["foundation"] = json!(format!("{foundation}{rank}"));
    candidate["priority"] = json!(lowered);
    candidate["address"] = json!(address);
    candidate
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    fn worker_candidates() -> Value {
        json!([
            { "foundation": "udpcandidate", "priority": 1_076_302_079, "address": "192.0.2.1", "protocol": "udp", "port": 40000, "type": "host" },
            { "foundation": "tcpcandidate", "priority": 1_076_276_479, "address": "192.0.2.1", "protocol": "tcp", "port": 40000, "type": "host", "tcpType": "passive" }
        ])
    }

    #[test]
    fn one_address_adds_only_the_older_spelling() {
        let announced = announce(&worker_candidates(), &["192.0.2.1".into()]);
        let mut expected = worker_candidates();
        for candidate in expected.as_array_mut().unwrap() {
            candidate["ip"] = json!("192.0.2.1");
        }
        assert_eq!(announced, expected);
    }

    #[test]
    fn every_address_has_its_own_foundation_and_a_lower_priority() {
        let addresses = ["192.0.2.1".to_owned(), "2001:db8::1".into(), "198.51.100.7".into()];
        let announced = announce(&worker_candidates(), &addresses);
        let all = announced.as_array().unwrap();
        assert_eq!(all.len(), 6);
        let foundations: BTreeSet<_> = all.iter().map(|candidate| candidate["foundation"].as_str().unwrap()).collect();
        assert_eq!(foundations.len(), 6);
        let udp = all.iter().filter(|candidate| candidate["protocol"] == "udp");
        let priorities: Vec<_> = udp.map(|candidate| candidate["priority"].as_u64().unwrap()).collect();
        assert!(priorities.is_sorted_by(|first, second| first > second), "{priorities:?}");
        assert_eq!((&all[2]["address"], &all[2]["ip"]), (&json!("2001:db8::1"), &json!("2001:db8::1")));
    }
}
