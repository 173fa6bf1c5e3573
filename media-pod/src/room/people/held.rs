//! Requests of a client that is not admitted yet, held until it is.

use convene_protocol::message::ClientRequest;

use crate::room::answer::{Decided, Decision, Refusal};

/// Maximum number of requests held for one client.
const MAX_HELD: usize = 4;

/// The requests of one client, with their ids.
#[derive(Debug, Default)]
pub(crate) struct HeldRequests(Vec<(u64, ClientRequest)>);

impl HeldRequests {
    /// Holds a request. `what` names such requests in the error when there are too many.
    pub(crate) fn hold(&mut self, id: u64, request: ClientRequest, what: &str) -> Decided {
        let is_join = |request: &ClientRequest| matches!(request, ClientRequest::Join(_));
        if is_join(&request) && self.0.iter().any(|(_, held)| is_join(held)) {
            return Err(Refusal(409, "you have asked to join already".into()));
        }
        Refusal::too_many(self.0.len(), MAX_HELD, what)?;
        self.0.push((id, request));
        Ok(Decision::Answered)
    }

    pub(crate) fn into_list(self) -> Vec<(u64, ClientRequest)> {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn one_join_is_held_and_few_requests_in_all() {
        let mut requests = HeldRequests::default();
        let mut hold = |method: &str, data| {
            let request = ClientRequest::parse(method, data).expect("readable");
            requests.hold(1, request, "requests").map(|_| ()).map_err(|Refusal(code, _)| code)
        };
        let mut join = || hold("join", json!({ "displayName": "Eve" }));
        assert_eq!([join(), join()], [Ok(()), Err(409)]);
        for expected in [Ok(()), Ok(()), Ok(()), Err(429)] {
            assert_eq!(hold("getRouterRtpCapabilities", json!({})), expected);
        }
    }
}
