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
        Refusal::too_many(self.0.len(), MAX_HELD, what)?;
        self.0.push((id, request));
        Ok(Decision::Answered)
    }

    pub(crate) fn into_list(self) -> Vec<(u64, ClientRequest)> {
        self.0
    }
}
