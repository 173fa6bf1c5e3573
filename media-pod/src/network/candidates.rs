//! ICE candidates for every announced address. mediasoup is ICE-lite and does not check announced candidates, so candidates may be added
//! and ports rewritten here: each candidate has its own foundation and priority (RFC 8445 sections 5.1.1.3 and 5.1.2). Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use serde_json::{Value, json};

use super::announced_ports::{AnnouncedPorts, IpProtocol};
use super::endpoints::Endpoints;

/// The worker's candidates (for the first address of each listener), repeated for every additional address that leads to the same
/// listener, with the announced port. The worker's own TCP port is behind the guard and never announced. Earlier addresses are preferred.
/// Each candidate also has its address under `ip`, for older clients.
pub(crate) fn announce(candidates: &Value, port: u16, endpoints: &Endpoints) -> Value {
    let own = candidates.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut announced: Vec<(usize, Value)> = own.iter().flat_map(|candidate| copies(candidate, endpoints)).collect();
    announced.sort_by_key(|(rank, _)| *rank);
    Value::Array(announced.into_iter().map(|(_, candidate)| finished(candidate, port, &endpoints.ports)).collect())
}

/// One candidate for each address that leads to the same listener, with the rank of the address.
fn copies(candidate: &Value, endpoints: &Endpoints) -> Vec<(usize, Value)> {
    let of_worker = candidate["address"].as_str();
    match endpoints.listeners.iter().find(|listener| listener.announced() == of_worker) {
        Some(listener) => {
            let copy = |(rank, address): &(usize, String)| (*rank, moved(candidate, address, *rank));
            listener.addresses.iter().map(copy).collect()
        }
        None => vec![(0, candidate.clone())],
    }
}

fn moved(candidate: &Value, address: &str, rank: usize) -> Value {
    let mut candidate = candidate.clone();
    if rank > 0 {
        let foundation = candidate["foundation"].as_str().unwrap_or("candidate").to_owned();
        let priority = candidate["priority"].as_u64().unwrap_or(1);
        // The local preference is in bits 8 to 23. The worker uses steps of 100 between its listeners, and UDP is 1000 above TCP:
        // steps of one keep that order.
        let lowered = priority.saturating_sub(256 * rank as u64).max(1);
        candidate["foundation"] = json!(format!("{foundation}{rank}"));
        candidate["priority"] = json!(lowered);
    }
    candidate["address"] = json!(address);
    candidate
}

fn finished(mut candidate: Value, port: u16, ports: &AnnouncedPorts) -> Value {
    if let Some(protocol) = candidate["protocol"].as_str().and_then(IpProtocol::named) {
        candidate["port"] = json!(ports.of(port, protocol));
    }
    candidate["ip"] = candidate["address"].clone();
    candidate
}

#[cfg(test)]
mod tests {
    use super::super::endpoints::Announcement;
    use super::*;
    use std::collections::BTreeSet;

    fn endpoints(addresses: &[&str], ports: &str) -> Endpoints {
        let addresses = addresses.iter().map(|address| (*address).to_owned()).collect();
        Announcement { addresses, ports: ports.parse().unwrap() }.endpoints(&["0.0.0.0".parse().unwrap()], true)
    }

    /// The worker's port.
    const PORT: u16 = 40_000;

    /// As the worker gives them for one listener; the first has 0. By TCP it listens elsewhere.
    fn of_listener(address: &str, listener: u64) -> Vec<Value> {
        let priority = |preference: u64| 1_073_741_824 + 256 * (preference - 200 * listener) + 255;
        vec![
            json!({ "foundation": "udpcandidate", "priority": priority(11_000), "address": address, "protocol": "udp", "port": 40000, "type": "host" }),
            json!({ "foundation": "tcpcandidate", "priority": priority(9_900), "address": address, "protocol": "tcp", "port": 51234, "type": "host", "tcpType": "passive" }),
        ]
    }

    fn check_distinct(announced: &[Value]) {
        let all = |field: &str| announced.iter().map(|candidate| candidate[field].to_string()).collect::<BTreeSet<_>>();
        assert_eq!(
            (all("foundation").len(), all("priority").len()),
            (announced.len(), announced.len()),
            "{announced:?}"
        );
        let of = |protocol: &'static str| announced.iter().filter(move |candidate| candidate["protocol"] == protocol);
        let priorities = |protocol| of(protocol).map(|candidate| candidate["priority"].as_u64().unwrap());
        assert!(priorities("udp").is_sorted_by(|first, second| first > second), "{announced:?}");
        assert!(priorities("udp").min() > priorities("tcp").max(), "UDP before TCP: {announced:?}");
    }

    #[test]
    fn one_address_adds_only_the_older_spelling_and_the_guards_port() {
        let own = of_listener("192.0.2.1", 0);
        let announced = announce(&json!(own), PORT, &endpoints(&["192.0.2.1"], ""));
        let mut expected = own;
        for candidate in &mut expected {
            candidate["ip"] = json!("192.0.2.1");
            candidate["port"] = json!(PORT);
        }
        assert_eq!(announced, json!(expected));
    }

    #[test]
    fn every_address_has_its_own_foundation_and_a_lower_priority() {
        let own = json!(of_listener("192.0.2.1", 0));
        let announced = announce(&own, PORT, &endpoints(&["192.0.2.1", "203.0.113.9", "198.51.100.7"], ""));
        let all = announced.as_array().unwrap();
        assert_eq!(all.len(), 6);
        check_distinct(all);
        assert_eq!((&all[2]["address"], &all[2]["ip"]), (&json!("203.0.113.9"), &json!("203.0.113.9")));
    }

    #[test]
    fn addresses_are_announced_for_listeners_of_their_family_only() {
        let addresses = ["192.0.2.1", "2001:db8::1", "198.51.100.7", "2001:db8::2"];
        let own = [of_listener(addresses[0], 0), of_listener(addresses[1], 1)].concat();
        let announced = announce(&json!(own), PORT, &endpoints(&addresses, ""));
        let all = announced.as_array().unwrap();
        let shown: Vec<_> = all.iter().map(|candidate| candidate["address"].as_str().unwrap()).collect();
        assert_eq!(shown, addresses.iter().flat_map(|address| [*address; 2]).collect::<Vec<_>>());
        let distinct =
            |field: &str| all.iter().map(|candidate| candidate[field].to_string()).collect::<BTreeSet<_>>().len();
        assert_eq!((distinct("foundation"), distinct("priority")), (8, 8), "{all:?}");
    }

    #[test]
    fn ports_are_rewritten_by_protocol_for_every_address() {
        let own = json!(of_listener("192.0.2.1", 0));
        let endpoints = endpoints(&["192.0.2.1", "198.51.100.7"], "40000/udp=31001,40000/tcp=31002");
        let announced = announce(&own, PORT, &endpoints);
        let ports: Vec<_> = announced.as_array().unwrap().iter().map(|candidate| candidate["port"].clone()).collect();
        assert_eq!(ports, [31_001, 31_002, 31_001, 31_002]);
        let unknown = json!([{ "address": "192.0.2.1", "protocol": "sctp", "port": 40000 }]);
        assert_eq!(announce(&unknown, PORT, &endpoints)[0]["port"], 40_000);
    }
}
