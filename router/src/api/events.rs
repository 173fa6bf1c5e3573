//! `GET /api/v1/meetings/{namespace}/{name}/events`: the state of a meeting as server-sent events.
//!
//! The first event is the current state, then there is one for each change; changes in quick succession are merged. The stream ends with
//! `gone` when the meeting has ended, and without it when this router shuts down: browsers then reconnect to another replica. Events come
//! from the routing table alone, and each stream buffers only one state, however slowly it is read.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::HeaderName;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use convene_join_token::{MeetingKey, NameError};
use convene_service::http::limiter::{ConnectionPermit, LimitReached};
use convene_service::metrics::GaugeGuard;
use futures_util::{Stream, stream};
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::api::meetings::{self, MeetingInfo};
use crate::edge::guard::{self, refuse};
use crate::edge::problem::ApiError;
use crate::edge::requested_meeting::RequestedMeeting;
use crate::index::select::RouteDecision;
use crate::join::credential::take_token;
use crate::state::App;

/// Load balancers close idle connections; this is shorter than their usual idle timeouts.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Changes within this time are merged.
const PACE: Duration = Duration::from_millis(100);
/// Minimum delay before clients reconnect when a router shuts down.
const RETURN_AFTER: Duration = Duration::from_millis(200);

/// Sent when a meeting has ended or was deleted.
#[derive(Clone, Debug, Serialize, PartialEq, Eq, ToSchema)]
#[schema(as = Gone)]
pub(crate) struct GoneEvent {
    /// `MeetingEnded` or `MeetingNotFound`.
    reason: &'static str,
}

/// State of a meeting in the routing table.
#[derive(Clone, Debug, PartialEq)]
enum MeetingState {
    Active(MeetingInfo),
    Ended(MeetingInfo),
    Deleted,
}

/// An event of the stream.
#[derive(Debug, PartialEq)]
enum StreamEvent {
    State(MeetingInfo),
    Gone(GoneEvent),
}

/// The events after `last` was sent: none, the state, the end, or both.
fn events_since(last: Option<&MeetingInfo>, state: MeetingState) -> Vec<StreamEvent> {
    let gone = |reason| StreamEvent::Gone(GoneEvent { reason });
    match state {
        MeetingState::Active(info) if last == Some(&info) => Vec::new(),
        MeetingState::Active(info) => vec![StreamEvent::State(info)],
        MeetingState::Ended(info) if last == Some(&info) => vec![gone("MeetingEnded")],
        MeetingState::Ended(info) => vec![StreamEvent::State(info), gone("MeetingEnded")],
        MeetingState::Deleted => vec![gone("MeetingNotFound")],
    }
}

/// `GET /api/v1/meetings/{namespace}/{name}/events`.
#[utoipa::path(
    get,
    path = "/api/v1/meetings/{namespace}/{name}/events",
    tag = "meetings",
    summary = "Watch the state of a meeting as server-sent events",
    description = "Events named `state` contain a MeetingInfo: the first immediately, then one for each change. An event `gone` (a Gone) ends \
                   the stream when the meeting has ended or was deleted. A comment is sent every 15 seconds. The fields of a MeetingInfo \
                   depend on the token, as in the request for a single state.",
    params(("namespace" = String, Path, description = "Namespace of the Meeting"), ("name" = String, Path, description = "Its name")),
    security((), ("joinToken" = [])),
    responses(
        (status = 200, description = "Event stream", body = String, content_type = "text/event-stream"),
        (status = 400, description = "Invalid meeting name", body = crate::edge::problem::Problem, content_type = "application/problem+json"),
        (status = 404, description = "Meeting not found", body = crate::edge::problem::Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many requests or streams from this address", body = crate::edge::problem::Problem, content_type = "application/problem+json"),
        (status = 503, description = "The router is starting, or has reached its limit of event streams", body = crate::edge::problem::Problem, content_type = "application/problem+json"),
    )
)]
pub(crate) async fn events(
    State(app): State<App>,
    RequestedMeeting(requested): RequestedMeeting,
    request: Request,
) -> Response {
    let (mut parts, _) = request.into_parts();
    let token = take_token(&mut parts).unwrap_or_default();
    let path = parts.uri.path();
    match open(&app, requested, token, guard::client(&parts).rate_limit_key()) {
        Ok(stream) => {
            let stream = Sse::new(stream).keep_alive(KeepAlive::new().interval(HEARTBEAT).text("waiting"));
            ([(HeaderName::from_static("x-accel-buffering"), "no")], stream).into_response()
        }
        Err(error @ (ApiError::TooManyStreams | ApiError::TooManyRequests { .. })) => refuse(&app.edge, error, path),
        Err(error) => error.into_problem(path),
    }
}

fn open(
    app: &App,
    requested: Result<MeetingKey, NameError>,
    token: Option<String>,
    address: Option<IpAddr>,
) -> Result<impl Stream<Item = Result<Event, Infallible>> + use<>, ApiError> {
    let key = requested.map_err(ApiError::InvalidName)?;
    let permit = app.edge.streams.acquire(address).map_err(|full| match full {
        LimitReached::Total => ApiError::TooManyStreams,
        LimitReached::Address => ApiError::TooManyRequests { retry_after_seconds: 10 },
    })?;
    // Subscribed before the first read, so that no change between read and wait is missed.
    let changes = app.table.subscribe();
    meetings::look_up(app, &key, token.as_deref())?;
    let gauge = GaugeGuard::new(&app.metrics.edge.event_streams);
    let stream = EventStream {
        app: app.clone(),
        key,
        token,
        changes,
        last: None,
        queue: VecDeque::new(),
        is_over: false,
        _permit: permit,
        _gauge: gauge,
    };
    Ok(stream::unfold(stream, EventStream::next))
}

/// One stream.
struct EventStream {
    app: App,
    key: MeetingKey,
    /// Verified at each refresh: it may expire before the stream ends.
    token: Option<String>,
    changes: watch::Receiver<()>,
    last: Option<MeetingInfo>,
    queue: VecDeque<Event>,
    is_over: bool,
    _permit: ConnectionPermit,
    _gauge: GaugeGuard,
}

impl EventStream {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.queue.pop_front() {
                return Some((Ok(event), self));
            }
            if self.is_over {
                return None;
            }
            if self.last.is_some() && self.stops_before_a_change().await {
                self.is_over = true;
                self.queue.push_back(Event::default().retry(self.return_after()));
                continue;
            }
            self.refresh();
        }
    }

    async fn stops_before_a_change(&mut self) -> bool {
        let stopping = self.app.stopping.clone();
        let change = async {
            tokio::time::sleep(PACE).await;
            // The sender lives in the table, which the app holds: this cannot fail.
            let _ = self.changes.changed().await;
        };
        tokio::select! {
            () = stopping.cancelled() => true,
            () = change => false,
        }
    }

    /// Spread over time, so that clients do not all reconnect to the other replicas at once.
    fn return_after(&self) -> Duration {
        RETURN_AFTER + self.app.signal.stop_spread.mul_f64(rand::random())
    }

    fn refresh(&mut self) {
        for message in events_since(self.last.as_ref(), self.current_state()) {
            let event = match &message {
                StreamEvent::State(info) => Event::default().event("state").json_data(info),
                StreamEvent::Gone(gone) => Event::default().event("gone").json_data(gone),
            };
            self.queue.extend(event.ok());
            match message {
                StreamEvent::State(info) => self.last = Some(info),
                StreamEvent::Gone(_) => self.is_over = true,
            }
        }
    }

    fn current_state(&self) -> MeetingState {
        match meetings::look_up(&self.app, &self.key, self.token.as_deref()) {
            Ok(info) if self.app.table.route(&self.key) == RouteDecision::Ended => MeetingState::Ended(info),
            Ok(info) => MeetingState::Active(info),
            Err(_) => MeetingState::Deleted,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn info(phase: convene_crds::MeetingPhase) -> MeetingInfo {
        let record = crate::fixtures::meeting_record("team-a", "stand-up", None);
        let record = crate::index::record::MeetingRecord { phase, ..record };
        meetings::describe(&record, RouteDecision::Unknown, meetings::View::Full)
    }

    #[test]
    fn only_changes_are_sent_and_the_end_is_last() {
        use convene_crds::MeetingPhase::{Ended, Pending, Ready};
        let state = |phase| StreamEvent::State(info(phase));
        let gone = |reason| StreamEvent::Gone(GoneEvent { reason });
        let cases = [
            ("the first read", None, MeetingState::Active(info(Pending)), vec![state(Pending)]),
            ("no change", Some(Pending), MeetingState::Active(info(Pending)), vec![]),
            ("a change", Some(Pending), MeetingState::Active(info(Ready)), vec![state(Ready)]),
            ("ended", Some(Ready), MeetingState::Ended(info(Ended)), vec![state(Ended), gone("MeetingEnded")]),
            ("ended, already sent", Some(Ended), MeetingState::Ended(info(Ended)), vec![gone("MeetingEnded")]),
            (
                "ended at the first read",
                None,
                MeetingState::Ended(info(Ended)),
                vec![state(Ended), gone("MeetingEnded")],
            ),
            ("deleted", Some(Ready), MeetingState::Deleted, vec![gone("MeetingNotFound")]),
        ];
        for (name, last, seen, expected) in cases {
            assert_eq!(events_since(last.map(info).as_ref(), seen), expected, "{name}");
        }
    }
}
