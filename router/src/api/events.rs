//! `GET /api/v1/meetings/{namespace}/{name}/events`: server-sent events that tell how a meeting comes to be ready.
//!
//! The first event is the present state, then one for each change; changes in quick succession are told as one. It ends with `gone`
//! when the meeting is over, and without when this router stops: browsers then come back to another replica. It answers from the
//! routing table alone, and keeps one state per stream however slowly it is read.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::net::IpAddr;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::HeaderName;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::response::{IntoResponse, Response};
use convene_join_token::{MeetingKey, NameError};
use futures_util::{Stream, stream};
use serde::Serialize;
use tokio::sync::watch;
use utoipa::ToSchema;

use crate::api::meetings::{self, MeetingInfo};
use crate::edge::connection_limiter::{Full, Place};
use crate::edge::guard::{self, refuse};
use crate::edge::problem::ApiError;
use crate::edge::requested_meeting::RequestedMeeting;
use crate::index::select::RouteDecision;
use crate::join::credential::take_token;
use crate::metrics::GaugeGuard;
use crate::state::App;

/// Load balancers cut connections that rest; this is below what any of them allows.
const HEARTBEAT: Duration = Duration::from_secs(15);
/// Changes within this time are told as one.
const PACE: Duration = Duration::from_millis(100);
/// When a router stops, its readers come back after this long at the least, and at most this long after that.
const RETURN_AFTER: Duration = Duration::from_millis(200);

/// What is told when a meeting is over.
#[derive(Clone, Debug, Serialize, PartialEq, Eq, ToSchema)]
pub(crate) struct Gone {
    /// `MeetingEnded` or `MeetingNotFound`.
    reason: &'static str,
}

/// What the table says of a meeting at one moment.
#[derive(Clone, Debug, PartialEq)]
enum Seen {
    Alive(MeetingInfo),
    Ended(MeetingInfo),
    Gone,
}

/// One thing to tell.
#[derive(Debug, PartialEq)]
enum News {
    State(MeetingInfo),
    Gone(Gone),
}

/// What to tell somebody who was told `last`: nothing, the state, the end, or both.
fn compute_news(last: Option<&MeetingInfo>, seen: Seen) -> Vec<News> {
    let gone = |reason| News::Gone(Gone { reason });
    match seen {
        Seen::Alive(info) if last == Some(&info) => Vec::new(),
        Seen::Alive(info) => vec![News::State(info)],
        Seen::Ended(info) if last == Some(&info) => vec![gone("MeetingEnded")],
        Seen::Ended(info) => vec![News::State(info), gone("MeetingEnded")],
        Seen::Gone => vec![gone("MeetingNotFound")],
    }
}

/// `GET /api/v1/meetings/{namespace}/{name}/events`.
#[utoipa::path(
    get,
    path = "/api/v1/meetings/{namespace}/{name}/events",
    tag = "meetings",
    summary = "How a meeting comes to be ready, as server-sent events",
    description = "Events named `state` hold a MeetingInfo: the first at once, then one for each change. An event `gone` (a Gone) ends the \
                   stream when the meeting has ended or was deleted. A comment comes every 15 seconds. What a MeetingInfo holds \
                   depends on the token, as where it is asked for once.",
    params(("namespace" = String, Path, description = "Namespace of the Meeting"), ("name" = String, Path, description = "Its name")),
    security((), ("joinToken" = [])),
    responses(
        (status = 200, description = "Events", body = String, content_type = "text/event-stream"),
        (status = 400, description = "Not the name of a meeting", body = crate::edge::problem::Problem, content_type = "application/problem+json"),
        (status = 404, description = "No such meeting", body = crate::edge::problem::Problem, content_type = "application/problem+json"),
        (status = 429, description = "Too many requests or streams from this address", body = crate::edge::problem::Problem, content_type = "application/problem+json"),
        (status = 503, description = "The router has just started, or has as many streams as it may", body = crate::edge::problem::Problem, content_type = "application/problem+json"),
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
    match open(&app, requested, token, guard::client(&parts).bucket()) {
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
    let place = app.edge.streams.enter(address).map_err(|full| match full {
        Full::Total => ApiError::TooManyStreams,
        Full::Address => ApiError::TooManyRequests { retry_after_seconds: 10 },
    })?;
    // Subscribed before the first look, so that no change between look and wait is missed.
    let changes = app.table.subscribe();
    meetings::look_up(app, &key, token.as_deref())?;
    let gauge = GaugeGuard::new(&app.metrics.edge.event_streams);
    let telling = Telling {
        app: app.clone(),
        key,
        token,
        changes,
        last: None,
        untold: VecDeque::new(),
        is_over: false,
        _place: place,
        _gauge: gauge,
    };
    Ok(stream::unfold(telling, Telling::next))
}

/// One stream.
struct Telling {
    app: App,
    key: MeetingKey,
    /// Verified at each look: what it opens may end before the stream does.
    token: Option<String>,
    changes: watch::Receiver<()>,
    last: Option<MeetingInfo>,
    untold: VecDeque<Event>,
    is_over: bool,
    _place: Place,
    _gauge: GaugeGuard,
}

impl Telling {
    async fn next(mut self) -> Option<(Result<Event, Infallible>, Self)> {
        loop {
            if let Some(event) = self.untold.pop_front() {
                return Some((Ok(event), self));
            }
            if self.is_over {
                return None;
            }
            if self.last.is_some() && self.has_to_stop_before_a_change().await {
                self.is_over = true;
                self.untold.push_back(Event::default().retry(self.return_after()));
                continue;
            }
            self.look();
        }
    }

    async fn has_to_stop_before_a_change(&mut self) -> bool {
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

    /// If all came back at once, the other replicas would have all at once.
    fn return_after(&self) -> Duration {
        RETURN_AFTER + self.app.signal.stop_spread.mul_f64(rand::random())
    }

    fn look(&mut self) {
        for news in compute_news(self.last.as_ref(), self.see()) {
            let event = match &news {
                News::State(info) => Event::default().event("state").json_data(info),
                News::Gone(gone) => Event::default().event("gone").json_data(gone),
            };
            self.untold.extend(event.ok());
            match news {
                News::State(info) => self.last = Some(info),
                News::Gone(_) => self.is_over = true,
            }
        }
    }

    fn see(&self) -> Seen {
        match meetings::look_up(&self.app, &self.key, self.token.as_deref()) {
            Ok(info) if self.app.table.route(&self.key) == RouteDecision::Ended => Seen::Ended(info),
            Ok(info) => Seen::Alive(info),
            Err(_) => Seen::Gone,
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
    fn only_what_is_new_is_told_and_the_end_comes_last() {
        use convene_crds::MeetingPhase::{Ended, Pending, Ready};
        let state = |phase| News::State(info(phase));
        let gone = |reason| News::Gone(Gone { reason });
        let cases = [
            ("the first look", None, Seen::Alive(info(Pending)), vec![state(Pending)]),
            ("no change", Some(Pending), Seen::Alive(info(Pending)), vec![]),
            ("a change", Some(Pending), Seen::Alive(info(Ready)), vec![state(Ready)]),
            ("ended", Some(Ready), Seen::Ended(info(Ended)), vec![state(Ended), gone("MeetingEnded")]),
            ("ended, told before", Some(Ended), Seen::Ended(info(Ended)), vec![gone("MeetingEnded")]),
            ("ended at the first look", None, Seen::Ended(info(Ended)), vec![state(Ended), gone("MeetingEnded")]),
            ("deleted", Some(Ready), Seen::Gone, vec![gone("MeetingNotFound")]),
        ];
        for (name, last, seen, expected) in cases {
            assert_eq!(compute_news(last.map(info).as_ref(), seen), expected, "{name}");
        }
    }
}
