//! The query of the signaling address, as the mediasoup demo's apps write it. Pure.

use serde::Deserialize;

use crate::shell::Layout;

/// What a client says in its address. More keys are ignored; what cannot be read counts as absent, as the demo has it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SignalQuery {
    /// The client's name for itself.
    pub(super) peer_id: String,
    consumer_replicas: String,
    use_pipe_transports: String,
}

impl SignalQuery {
    /// How many copies of each consumer the client wants beside the first one, for load tests.
    pub(super) fn replicas(&self) -> usize {
        // The older app writes "undefined" when it means none.
        self.consumer_replicas.trim().parse().unwrap_or(0)
    }

    /// How the room is to be laid out, if it is this client that opens it.
    pub(super) fn layout(&self) -> Layout {
        if self.use_pipe_transports.trim() == "true" { Layout::Piped } else { Layout::Growing }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn query(replicas: &str, pipes: &str) -> SignalQuery {
        let (consumer_replicas, use_pipe_transports) = (replicas.to_owned(), pipes.to_owned());
        SignalQuery { consumer_replicas, use_pipe_transports, ..SignalQuery::default() }
    }

    #[test]
    fn replicas_are_a_number_or_none() {
        let cases = [
            ("", 0),
            ("undefined", 0),
            ("null", 0),
            ("NaN", 0),
            ("-1", 0),
            ("1.5", 0),
            ("abc", 0),
            ("0", 0),
            ("2", 2),
            (" 3 ", 3),
            ("99999999999999999999999", 0),
        ];
        for (text, expected) in cases {
            assert_eq!(query(text, "").replicas(), expected, "{text:?}");
        }
    }

    #[test]
    fn pipes_are_wanted_by_true_alone() {
        assert_eq!(query("", "true").layout(), Layout::Piped);
        for text in ["false", "", "undefined", "1", "TRUE"] {
            assert_eq!(query("", text).layout(), Layout::Growing, "{text:?}");
        }
    }
}
