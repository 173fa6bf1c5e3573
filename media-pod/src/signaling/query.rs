//! The query parameters of the signaling URL, as the mediasoup demo's applications send them. Pure.

use serde::Deserialize;

use crate::actor::media::settings::Layout;
use crate::actor::vocabulary::VersionName;

/// Query parameters. As in the demo, unknown ones are ignored and invalid values count as absent.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct SignalQuery {
    /// The peer id, chosen by the client.
    pub(crate) peer_id: String,
    /// Present only in the demo's form of the URL, even if a proxy has rewritten the path.
    pub(crate) room_id: String,
    consumer_replicas: String,
    use_pipe_transports: String,
    session: String,
    received: String,
    prepare: String,
    moves: String,
}

/// A request for a session that survives its socket.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum SessionRequest {
    /// A new one.
    New,
    /// To resume one, of which the client has received this many messages.
    Resume { id: String, received: u64 },
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct TestSwitches {
    /// Additional copies of each consumer.
    pub(crate) replicas: usize,
    /// The room's layout, if this client opens it.
    pub(crate) layout: Layout,
}

impl SignalQuery {
    /// The test switches that the client sets, ignored if it may not use them: applications send them by default.
    pub(crate) fn switches(&self, may_set: bool) -> TestSwitches {
        if may_set {
            TestSwitches { replicas: self.replicas(), layout: self.layout() }
        } else {
            TestSwitches { replicas: 0, layout: Layout::Growing }
        }
    }

    /// Whether the client uses the demo's form of the URL: it understands only what the demo has.
    pub(crate) fn is_of_demo(&self) -> bool {
        !self.room_id.is_empty()
    }

    /// The name by which the client expects the version. The demo's newer application always sends `usePipeTransports`; the older one never
    /// does, and always sends `consumerReplicas`. A client that sends neither gets both names, unless it uses Convene's form of the URL.
    pub(crate) fn version_name(&self) -> VersionName {
        match (self.use_pipe_transports.as_str(), self.consumer_replicas.as_str()) {
            ("", "") if self.is_of_demo() => VersionName::Either,
            ("", replicas) if !replicas.is_empty() => VersionName::Older,
            _ => VersionName::Newer,
        }
    }

    fn replicas(&self) -> usize {
        // The older application sends "undefined" for none.
        self.consumer_replicas.trim().parse().unwrap_or(0)
    }

    /// The requested session, if any. An invalid request gets a new one.
    pub(crate) fn session(&self) -> Option<SessionRequest> {
        match (self.session.as_str(), self.received.parse()) {
            ("", _) => None,
            ("new", _) | (_, Err(_)) => Some(SessionRequest::New),
            (id, Ok(received)) => Some(SessionRequest::Resume { id: id.to_owned(), received }),
        }
    }

    /// Whether the client only prepares to join. A client of the demo never does, and one without a session could not learn that it is
    /// prepared.
    pub(crate) fn prepares(&self) -> bool {
        self.prepare == "1" && !self.session.is_empty() && !self.is_of_demo()
    }

    /// Whether the client understands `moving`. A client of the demo never does.
    pub(crate) fn moves(&self) -> bool {
        self.moves == "1" && !self.is_of_demo()
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
    fn a_session_is_new_resumed_or_not_requested() {
        let resume = |received| Some(SessionRequest::Resume { id: "abc".into(), received });
        let cases = [
            ("", "", None),
            ("", "3", None),
            ("new", "", Some(SessionRequest::New)),
            ("new", "3", Some(SessionRequest::New)),
            ("abc", "3", resume(3)),
            ("abc", "", Some(SessionRequest::New)),
            ("abc", "-1", Some(SessionRequest::New)),
            ("abc", "99999999999999999999999", Some(SessionRequest::New)),
        ];
        for (session, received, expected) in cases {
            let (session, received) = (session.to_owned(), received.to_owned());
            let query = SignalQuery { session, received, ..SignalQuery::default() };
            assert_eq!(query.session(), expected, "{query:?}");
        }
    }

    #[test]
    fn only_a_client_with_a_session_prepares() {
        let cases = [
            ("", "new", "1", true),
            ("", "abc", "1", true),
            ("", "", "1", false),
            ("room", "new", "1", false),
            ("", "new", "", false),
            ("", "new", "0", false),
            ("", "new", "true", false),
        ];
        for (room_id, session, prepare, expected) in cases {
            let [room_id, session, prepare] = [room_id, session, prepare].map(str::to_owned);
            let query = SignalQuery { room_id, session, prepare, ..SignalQuery::default() };
            assert_eq!(query.prepares(), expected, "{query:?}");
        }
    }

    #[test]
    fn only_a_client_that_says_so_moves() {
        let cases = [("", "1", true), ("room", "1", false), ("", "", false), ("", "true", false)];
        for (room_id, moves, expected) in cases {
            let [room_id, moves] = [room_id, moves].map(str::to_owned);
            let query = SignalQuery { room_id, moves, ..SignalQuery::default() };
            assert_eq!(query.moves(), expected, "{query:?}");
        }
    }

    #[test]
    fn switches_are_ignored_unless_allowed() {
        let ignored = TestSwitches { replicas: 0, layout: Layout::Growing };
        assert_eq!(query("3", "true").switches(false), ignored);
        assert_eq!(query("3", "true").switches(true), TestSwitches { replicas: 3, layout: Layout::Piped });
        assert_eq!(query("", "").switches(true), ignored);
    }

    #[test]
    fn the_parameters_tell_the_generation_of_an_application() {
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
    fn only_true_requests_pipes() {
        assert_eq!(query("", "true").layout(), Layout::Piped);
        for text in ["false", "", "undefined", "1", "TRUE"] {
            assert_eq!(query("", text).layout(), Layout::Growing, "{text:?}");
        }
    }
}
