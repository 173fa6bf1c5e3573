//! The finalizer of a `MediaPool`: with it a pool that is deleted stays until its people have left or had their time.
//!
//! It is put on before the first pod is made, on pools that cannot be served or read as well: they may have had pods when they could. When it
//! is taken off is the planner's to say.

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

/// Sees to it that our finalizer is on the pool. `false`: see [`write_finalizers`].
pub(crate) async fn ensure_finalizer(context: &Context, metadata: &ObjectMeta) -> Result<bool, Error> {
    Ok(has_finalizer(metadata) || write_finalizers(context, metadata, true).await?)
}

/// Why a pool without our finalizer gets no pods.
pub(crate) fn explain_missing(error: &Error) -> Reason {
    let said = match error {
        Error::WriteFinalizers { source, .. } => match source.as_ref() {
            kube::Error::Api(answer) => answer.message.clone(),
            other => other.to_string(),
        },
        other => other.to_string(),
    };
    let message = format!(
        "its finalizers cannot be written, so no media pod is made, and a deletion would end calls at once: {}",
        shorten(&said, 500)
    );
    Reason::new(reason::FINALIZERS_NOT_WRITTEN, message)
}

/// Puts our finalizer on the pool, or takes it off: whatever others are there stay, because the whole list is written only over the version
/// that was read. `false`: the pool has changed meanwhile, or is gone; another look follows.
///
/// Not by server-side apply, as all else: a backup that was restored holds the finalizer under another manager, and then it would stay.
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

/// The merge patch for that.
pub(crate) fn build_patch(metadata: &ObjectMeta, is_ours: bool) -> Value {
    json!({"metadata": {
        "uid": metadata.uid,
        "resourceVersion": metadata.resource_version,
        "finalizers": compute_finalizers(metadata, is_ours),
    }})
}

/// Whether our finalizer is on the object.
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
    async fn a_pool_that_has_changed_meanwhile_is_looked_at_again() {
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
