//! Fourth step for a Meeting: writes the status and publishes the events. It decides nothing.

use convene_crds::{Meeting, MeetingStatus};
use kube::{
    Api, Resource, ResourceExt,
    api::{DeleteParams, Patch, PatchParams, Preconditions},
    core::Status,
};
use serde_json::json;

use super::{error::Error, report::is_same};
use crate::{
    cluster::events::Note,
    context::{Context, Outcome},
};

/// Field manager of the status, for server-side apply.
pub(crate) const FIELD_MANAGER: &str = "convene-operator/meeting";

/// Writes `status` if it differs from the current one, then publishes `notes`.
pub(crate) async fn apply_status(
    context: &Context,
    meeting: &Meeting,
    status: &MeetingStatus,
    notes: &[Note],
) -> Result<Outcome, Error> {
    if is_same(meeting.status.as_ref(), status) {
        return Ok(Outcome::Skipped);
    }
    let (namespace, name) = (meeting.namespace().unwrap_or_default(), meeting.name_any());
    let api: Api<Meeting> = Api::namespaced(context.cache.client.clone(), &namespace);
    // The UID protects a meeting that was deleted and created again in the meantime.
    let patch = json!({
        "apiVersion": Meeting::api_version(&()),
        "kind": Meeting::kind(&()),
        "metadata": {"name": name, "namespace": namespace, "uid": meeting.metadata.uid},
        "status": status,
    });
    let parameters = PatchParams::apply(FIELD_MANAGER).force();
    match api.patch_status(&name, &parameters, &Patch::Apply(&patch)).await {
        Ok(_) => {}
        Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => return Ok(Outcome::Skipped),
        Err(source) => return Err(Error::WriteStatus { namespace, name, source: Box::new(source) }),
    }
    context.events.publish(&meeting.object_ref(&()), "Reconcile", notes);
    Ok(Outcome::Applied)
}

/// Whether it is certain that nothing was written. After a lost response the decision stands, and the next reconciliation writes it again.
pub(crate) fn is_refused(result: &Result<Outcome, Error>) -> bool {
    match result {
        Ok(outcome) => *outcome != Outcome::Applied,
        Err(Error::WriteStatus { source, .. }) => {
            matches!(source.as_ref(), kube::Error::Api(answer) if (400..500).contains(&answer.code) || is_unknown_field(answer))
        }
        Err(Error::Delete { .. }) => true,
    }
}

/// The definitions on the cluster are older than this operator. Kubernetes answers 500.
fn is_unknown_field(answer: &Status) -> bool {
    answer.message.contains("field not declared in schema")
}

/// Deletes a meeting whose time to live has expired, unless it was changed in the meantime, possibly to extend it.
pub(crate) async fn apply_expiry(context: &Context, meeting: &Meeting, note: &Note) -> Result<Outcome, Error> {
    let (namespace, name) = (meeting.namespace().unwrap_or_default(), meeting.name_any());
    let api: Api<Meeting> = Api::namespaced(context.cache.client.clone(), &namespace);
    let metadata = &meeting.metadata;
    let preconditions =
        Preconditions { uid: metadata.uid.clone(), resource_version: metadata.resource_version.clone() };
    let parameters = DeleteParams { preconditions: Some(preconditions), ..DeleteParams::default() };
    context.events.publish(&meeting.object_ref(&()), "Expire", std::slice::from_ref(note));
    match api.delete(&name, &parameters).await {
        Ok(_) => Ok(Outcome::Applied),
        Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => Ok(Outcome::Skipped),
        Err(source) => Err(Error::Delete { namespace, name, source: Box::new(source) }),
    }
}

#[cfg(test)]
mod tests;
