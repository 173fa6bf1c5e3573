//! The query of the signaling address, as the mediasoup demo's apps write it. Pure.

use serde::Deserialize;

use crate::shell::{Layout, VersionName};

/// What a client says in its address. More keys are ignored; what cannot be read counts as absent, as the demo has it.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SignalQuery {
    /// The client's name for itself.
    pub(super) peer_id: String,
    /// In the address form of the demo alone, whatever has rewritten the path on the way.
    pub(crate) room_id: String,
    consumer_replicas: String,
    use_pipe_transports: String,
    session: String,
    received: String,
}

/// What a client wants of a session that outlives its socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Asked {
    /// A new one.
    New,
    /// To go on with one of which it has received so many messages.
    Resume { id: String, received: u64 },
}

/// What is for tests alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Switches {
    /// Copies of each consumer beside the first one.
    pub(super) replicas: usize,
    /// How the room is laid out, if it is this client that opens it.
    pub(super) layout: Layout,
}

impl SignalQuery {
    /// The switches as the client sets them. Where it may not, they are ignored: apps write them without meaning anything by it.
    pub(super) fn switches(&self, may_set: bool) -> Switches {
        if may_set {
            Switches { replicas: self.replicas(), layout: self.layout() }
        } else {
            Switches { replicas: 0, layout: Layout::Growing }
        }
    }

    /// Whether the client has the demo's address form: it knows what the demo has, and nothing else.
    pub(super) fn is_of_demo(&self) -> bool {
        !self.room_id.is_empty()
    }

    /// By which name the client knows the version. The demo's newer app always writes `usePipeTransports`; the older one never does, and always
    /// writes `consumerReplicas`. Who writes neither is told by both names, unless the address is of Convene's own form.
    pub(super) fn version_name(&self) -> VersionName {
        match (self.use_pipe_transports.as_str(), self.consumer_replicas.as_str()) {
            ("", "") if self.is_of_demo() => VersionName::Either,
            ("", replicas) if !replicas.is_empty() => VersionName::Older,
            _ => VersionName::Newer,
        }
    }

    fn replicas(&self) -> usize {
        // The older app writes "undefined" when it means none.
        self.consumer_replicas.trim().parse().unwrap_or(0)
    }

    /// The session that is asked for; most clients know of none. What cannot be read is answered with a new one.
    pub(super) fn asked(&self) -> Option<Asked> {
        match (self.session.as_str(), self.received.parse()) {
            ("", _) => None,
            ("new", _) | (_, Err(_)) => Some(Asked::New),
            (id, Ok(received)) => Some(Asked::Resume { id: id.to_owned(), received }),
        }
    }

    fn layout(&self) -> Layout {
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
    fn a_session_is_new_or_resumed_or_not_asked_for() {
        let resume = |received| Some(Asked::Resume { id: "abc".into(), received });
        let cases = [
            ("", "", None),
            ("", "3", None),
            ("new", "", Some(Asked::New)),
            ("new", "3", Some(Asked::New)),
            ("abc", "3", resume(3)),
            ("abc", "", Some(Asked::New)),
            ("abc", "-1", Some(Asked::New)),
            ("abc", "99999999999999999999999", Some(Asked::New)),
        ];
        for (session, received, expected) in cases {
            let (session, received) = (session.to_owned(), received.to_owned());
            let query = SignalQuery { session, received, ..SignalQuery::default() };
            assert_eq!(query.asked(), expected, "{query:?}");
        }
    }

    #[test]
    fn switches_count_only_from_those_who_may_set_them() {
        let ignored = Switches { replicas: 0, layout: Layout::Growing };
        assert_eq!(query("3", "true").switches(false), ignored);
        assert_eq!(query("3", "true").switches(true), Switches { replicas: 3, layout: Layout::Piped });
        assert_eq!(query("", "").switches(true), ignored);
    }

    #[test]
    fn the_generation_of_an_app_shows_in_what_it_always_writes() {
        let cases = [
            ("room", "undefined", "", VersionName::Older),
            ("room", "2", "", VersionName::Older),
            ("room", "", "false", VersionName::Newer),
            ("room", "2", "true", VersionName::Newer),
            ("room", "", "", VersionName::Either),
            ("", "", "", VersionName::Newer),
            ("", "", "false", VersionName::Newer),
            ("", "undefined", "", VersionName::Older),
        ];
        for (room_id, replicas, pipes, expected) in cases {
            let query = SignalQuery { room_id: room_id.to_owned(), ..query(replicas, pipes) };
            assert_eq!(query.version_name(), expected, "{query:?}");
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
