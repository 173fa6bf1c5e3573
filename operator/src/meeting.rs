//! The meeting controller: gives each Meeting a media pod and says what is true of it.
//!
//! It never talks to a pod and never makes one. A meeting needs no finalizer: its room is ended by the room keeper when it is gone.

pub mod apply;
pub mod observe;
pub mod plan;
pub mod report;
pub mod validate;

use std::sync::Arc;

use convene_crds::Meeting;
use jiff::Timestamp;
use kube::{Resource, ResourceExt, runtime::controller::Action};
use thiserror::Error;
use tracing::instrument;

use self::plan::{MeetingPlan, Placement, plan_meeting, plan_refused};
use crate::{
    context::{Context, Outcome},
    events::{self, Note},
    reason,
    world::Guarded,
};

/// What can go wrong while a meeting is looked at.
#[derive(Debug, Error)]
pub enum Error {
    /// The API server did not take the status.
    #[error("could not write the status of meeting \"{namespace}/{name}\"")]
    WriteStatus {
        /// Namespace of the meeting.
        namespace: String,
        /// Name of the meeting.
        name: String,
        /// What the API server said.
        source: Box<kube::Error>,
    },
}

impl Error {
    /// Constant for logs and metrics.
    pub const fn reason(&self) -> &'static str {
        match self {
            Self::WriteStatus { .. } => "StatusNotWritten",
        }
    }
}

/// One look at one meeting.
#[instrument(name = "meeting", skip_all, fields(namespace = object.namespace(), name = object.name_any()))]
pub async fn reconcile(object: Arc<Guarded<Meeting>>, context: Arc<Context>) -> Result<Action, Error> {
    context.world.wait_until_complete().await;
    let key = object.metadata_key();
    match &object.0 {
        Ok(meeting) => context.pass("meeting", &key, look_at(meeting, &context)).await,
        Err(invalid) => context.pass("meeting", &key, report_unreadable(&object, &invalid.error, &context)).await,
    }
}

/// After a failure: later, with growing pauses.
#[allow(clippy::needless_pass_by_value, reason = "the controller calls it so")]
pub fn on_error(object: Arc<Guarded<Meeting>>, error: &Error, context: Arc<Context>) -> Action {
    tracing::warn!(error = error as &dyn std::error::Error, reason = error.reason(), "will try again");
    context.pause("meeting", &object.metadata_key())
}

async fn look_at(meeting: &Meeting, context: &Context) -> Result<Outcome, Error> {
    let plan = decide(meeting, context); // pure but for the caches
    let participants = context.world.ledger().participants_of(meeting);
    let status = report::compute_status(meeting, &plan, &context.config.public_url, participants, Timestamp::now()); // pure
    let notes = report::compute_notes(meeting, &plan); // pure
    let result = apply::apply_status(context, meeting, &status, &notes).await; // I/O
    finish(meeting, &plan, &result, context);
    let is_waiting = matches!(plan.placement, Placement::Nowhere);
    result.map(|outcome| if is_waiting && outcome == Outcome::Skipped { Outcome::Waiting(None) } else { outcome })
}

/// Observes, validates and plans while holding the ledger, so that no two meetings are given the same last place.
fn decide(meeting: &Meeting, context: &Context) -> MeetingPlan {
    let world = &context.world;
    let mut ledger = world.ledger();
    ledger.settle(meeting);
    let pool = observe::observe_pool(world, meeting, &context.config.defaults);
    let valid = validate::validate_meeting(meeting, pool.as_ref(), &world.namespace, &ledger);
    let (Ok(valid), Some(Ok(pool))) = (&valid, pool) else {
        return valid
            .map_or_else(|why| plan_refused(&why), |_| unreachable!("a meeting is valid only in a valid pool"));
    };
    let plan = plan_meeting(valid, &observe::observe_pods(world, pool, &ledger));
    if let (Placement::New(pod), Some(uid)) = (&plan.placement, &meeting.metadata.uid) {
        ledger.assign(uid, pod);
    }
    plan
}

/// A decision that could not be written is taken back; one that was written may mean that a room has to move, or a spare pod is needed.
fn finish(meeting: &Meeting, plan: &MeetingPlan, result: &Result<Outcome, Error>, context: &Context) {
    let Some(uid) = &meeting.metadata.uid else { return };
    if matches!(plan.placement, Placement::New(_))
        && result.as_ref().map_or(true, |outcome| *outcome != Outcome::Applied)
    {
        context.world.ledger().forget(uid);
    }
    if plan.left.is_some() && result.is_ok() {
        context.world.look_at_rooms.notify_one();
    }
}

/// An object that cannot be read gets an event: there is nothing of it that a status could be written to.
async fn report_unreadable(object: &Guarded<Meeting>, error: &str, context: &Context) -> Result<Outcome, Error> {
    let note = Note::warning(reason::UNREADABLE, format!("this meeting cannot be read and is left alone: {error}"));
    let mut reference = object.object_ref(&());
    reference.api_version = Some(Meeting::api_version(&()).into_owned());
    events::publish(&context.recorder, &reference, "Read", &[note]).await;
    Ok(Outcome::Waiting(None))
}

trait MetadataKey {
    fn metadata_key(&self) -> String;
}

impl<K: Resource> MetadataKey for K {
    fn metadata_key(&self) -> String {
        let meta = self.meta();
        format!("{}/{}", meta.namespace.as_deref().unwrap_or_default(), meta.name.as_deref().unwrap_or_default())
    }
}
