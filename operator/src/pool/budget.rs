//! The disruption budget of a pool: no pod with participants is evicted.
//!
//! Pure. A pod is protected from its creation on and loses the protection, by a label, while it has no participants. With an opt-in label
//! instead, an eviction between a join and the label would succeed.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use crate::model::valid_pool::ValidPool;
use convene_crds::names::{
    LABEL_APP_NAME, LABEL_EVICTABLE, LABEL_MANAGED_BY, LABEL_POOL, MANAGED_BY, MEDIA_POD_APP_NAME,
};
use k8s_openapi::{
    api::policy::v1::{PodDisruptionBudget, PodDisruptionBudgetSpec},
    apimachinery::pkg::{
        apis::meta::v1::{LabelSelector, LabelSelectorRequirement},
        util::intstr::IntOrString,
    },
};
use kube::{ResourceExt, api::ObjectMeta};

/// More than the number of pods in any pool, so none may be evicted. `maxUnavailable: 0` would mean the same, but Kubernetes supports it
/// only for pods whose controller has a scale subresource.
const ALL: i32 = 100_000;

pub(crate) fn build_budget(pool: &ValidPool) -> PodDisruptionBudget {
    let text = |(key, value): (&str, &str)| (key.to_owned(), value.to_owned());
    let labels = [(LABEL_APP_NAME, MEDIA_POD_APP_NAME), (LABEL_MANAGED_BY, MANAGED_BY), (LABEL_POOL, &pool.name)];
    PodDisruptionBudget {
        metadata: ObjectMeta {
            name: Some(name_of(&pool.name)),
            namespace: Some(pool.namespace.clone()),
            labels: Some(labels.map(text).into()),
            owner_references: Some(pool.owner.iter().cloned().collect()),
            ..ObjectMeta::default()
        },
        spec: Some(PodDisruptionBudgetSpec {
            min_available: Some(IntOrString::Int(ALL)),
            // A pod that does not work needs no protection.
            unhealthy_pod_eviction_policy: Some("AlwaysAllow".to_owned()),
            selector: Some(LabelSelector {
                match_labels: Some([(LABEL_APP_NAME, MEDIA_POD_APP_NAME), (LABEL_POOL, &pool.name)].map(text).into()),
                match_expressions: Some(vec![LabelSelectorRequirement {
                    key: LABEL_EVICTABLE.to_owned(),
                    operator: "NotIn".to_owned(),
                    values: Some(vec!["true".to_owned()]),
                }]),
            }),
            ..PodDisruptionBudgetSpec::default()
        }),
        status: None,
    }
}

/// The budget's name. It cannot be that of a pod, which ends with a number.
pub(crate) fn name_of(pool: &str) -> String {
    format!("media-{pool}-busy")
}

/// Whether `found` gives the same protection as `wanted`.
pub(crate) fn is_as_wanted(found: &PodDisruptionBudget, wanted: &PodDisruptionBudget) -> bool {
    // Labels added by other managers are ignored: a write would not remove them and would be repeated forever.
    let has_labels = wanted.labels().iter().all(|(key, value)| found.labels().get(key) == Some(value));
    has_labels && found.spec == wanted.spec
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::fixtures::pool;

    #[test]
    fn every_pod_is_protected_that_does_not_say_otherwise() {
        let budget = build_budget(&pool(json!({})));
        let object = serde_json::to_value(&budget).unwrap();
        assert_eq!(object["metadata"]["name"], "media-lagoon-busy");
        assert_eq!(object["spec"]["selector"]["matchExpressions"][0]["operator"], "NotIn");
        assert_eq!(object["spec"]["unhealthyPodEvictionPolicy"], "AlwaysAllow");
        assert!(is_as_wanted(&budget, &budget.clone()));
    }

    #[test]
    fn an_edited_budget_is_noticed() {
        let wanted = build_budget(&pool(json!({})));
        let mut edited = wanted.clone();
        edited.spec.as_mut().unwrap().min_available = Some(IntOrString::Int(0));
        assert!(!is_as_wanted(&edited, &wanted));
        let mut labelled = wanted.clone();
        labelled.labels_mut().insert("team".into(), "sailing".into());
        assert!(is_as_wanted(&labelled, &wanted));
    }
}
