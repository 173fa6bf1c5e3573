//! The finalizer of a `MediaPool`: a deleted pool stays until its participants have left or its drain deadline has passed.
//!
//! It is added before the first pod is created, also to pools that are invalid or cannot be parsed: they may have had pods before. The
//! planner decides when it is removed.

use convene_crds::{MediaPool, names::FINALIZER_DRAIN};
use kube::{
    Api,
    api::{ObjectMeta, Patch, PatchParams},
};
use serde_json::{Value, json};

use super::error::Error;
use crate::{
    context::Context,
    model::{media_pod::shorten, reason::Reason},
};
use convene_crds::reason;

/// Makes sure that the finalizer is on the pool. `false`: see [`write_finalizers`].
pub(crate) async fn ensure_finalizer(context: &Context, metadata: &ObjectMeta) -> Result<bool, Error> {
    Ok(has_finalizer(metadata) || write_finalizers(context, metadata, true).await?)
}

/// The reason a pool without the finalizer gets no pods.
pub(crate) fn explain_missing(error: &Error) -> Reason {
    let said = match error {
        Error::WriteFinalizers { source, .. } => match source.as_ref() {
            kube::Error::Api(answer) => answer.message.clone(),
            other => other.to_string(),
        },
        other => other.to_string(),
    };
    let message = format!(
        "could not write its finalizers, so no media pod is created and a deletion would end calls at once: {}",
        shorten(&said, 500)
    );
    Reason::new(reason::FINALIZERS_NOT_WRITTEN, message)
}

/// Adds the finalizer to the pool or removes it. Other finalizers stay, because the list is written only over the version that was read.
/// `false`: the pool has changed in the meantime or is gone, and is reconciled again.
///
/// Unlike everything else, this does not use server-side apply: in a restored backup the finalizer belongs to another manager and
/// could not be removed.
pub(crate) async fn write_finalizers(context: &Context, metadata: &ObjectMeta, is_ours: bool) -> Result<bool, Error> {
    let name = metadata.name.clone().unwrap_or_default();
    let namespace = metadata.namespace.as_deref().unwrap_or_default();
    let api: Api<MediaPool> = Api::namespaced(context.cache.client.clone(), namespace);
    let patch = Patch::Merge(build_patch(metadata, is_ours));
    let written = api.patch_metadata(&name, &PatchParams::default(), &patch).await;
    let written = match written {
        Ok(_) => Ok(true),
        Err(kube::Error::Api(answer)) if answer.is_not_found() || answer.is_conflict() => Ok(false),
        Err(source) => Err(Error::WriteFinalizers { name, source: Box::new(source) }),
    };
    context.metrics.count_step("finalizers", &written);
    written
}

/// The merge patch that adds or removes the finalizer.
pub(crate) fn build_patch(metadata: &ObjectMeta, is_ours: bool) -> Value {
    json!({"metadata": {
        "uid": metadata.uid,
        "resourceVersion": metadata.resource_version,
        "finalizers": compute_finalizers(metadata, is_ours),
    }})
}

/// Whether the finalizer is on the object.
pub(crate) fn has_finalizer(metadata: &ObjectMeta) -> bool {
    metadata.finalizers.iter().flatten().any(|finalizer| finalizer == FINALIZER_DRAIN)
}

fn compute_finalizers(metadata: &ObjectMeta, is_ours: bool) -> Vec<String> {
    let others = metadata.finalizers.iter().flatten().filter(|finalizer| *finalizer != FINALIZER_DRAIN).cloned();
    others.chain(is_ours.then(|| FINALIZER_DRAIN.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::fixtures::{ScriptedServer, context, status};

    fn metadata(finalizers: &[&str]) -> ObjectMeta {
        ObjectMeta {
            name: Some("lagoon".into()),
            namespace: Some("harbor".into()),
            resource_version: Some("7".into()),
            finalizers: Some(finalizers.iter().map(|&finalizer| finalizer.to_owned()).collect()),
            ..ObjectMeta::default()
        }
    }

    #[test]
    fn the_finalizers_of_others_stay() {
        let cases: [(&[&str], bool, &[&str]); 5] = [
            (&[], true, &["convene.dev/drain"]),
            (&["a.test/b"], true, &["a.test/b", "convene.dev/drain"]),
            (&["convene.dev/drain", "a.test/b"], true, &["a.test/b", "convene.dev/drain"]),
            (&["convene.dev/drain", "a.test/b"], false, &["a.test/b"]),
            (&["convene.dev/drain"], false, &[]),
        ];
        for (before, is_ours, after) in cases {
            assert_eq!(compute_finalizers(&metadata(before), is_ours), after, "{before:?}");
        }
        assert!(
            has_finalizer(&metadata(&["a.test/b", "convene.dev/drain"])) && !has_finalizer(&metadata(&["a.test/b"]))
        );
    }

    #[tokio::test]
    async fn a_pool_that_has_changed_meanwhile_is_reconciled_again() {
        const POOL: &str = "PATCH /apis/convene.dev/v1alpha1/namespaces/harbor/mediapools/lagoon";
        for (code, reason, outcome) in
            [(409, "Conflict", Some(false)), (404, "NotFound", Some(false)), (500, "InternalError", None)]
        {
            let (server, client) = ScriptedServer::start(vec![(POOL, code, status(code, reason, ""))]);
            let written = write_finalizers(&context(&client), &metadata(&[]), true).await;
            assert_eq!(written.ok(), outcome, "{code}");
            server.assert_finished();
        }
    }
}
