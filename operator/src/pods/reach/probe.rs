//! Probes one media pod once: opens probe endpoints, sends requests to them and judges the answers. Writes nothing.

use super::{ask, judge, judge::Reach};
use crate::{model::media_pod::MediaPod, pods::link::PodLink};

/// Probes `pod` at its announced addresses, which takes a few seconds when they do not answer.
pub(crate) async fn probe(link: &PodLink, pod: &MediaPod) -> Reach {
    probe_within(link, pod, ask::TIME_LIMITS).await
}

pub(super) async fn probe_within(link: &PodLink, pod: &MediaPod, limits: ask::TimeLimits) -> Reach {
    let targets = match link.open_probe(pod).await {
        Ok(targets) => targets,
        Err(error) if error.is_unknown_to_pod() => {
            return Reach::Failed("the media pod runs a version without probe support".to_owned());
        }
        Err(error) => {
            // The message goes into a condition, which must stay the same while nothing changes, so it has no details.
            tracing::debug!(error = &error as &dyn std::error::Error, pod = pod.name, "media pod did not open a probe");
            return Reach::Failed(format!("the media pod did not open a probe ({})", error.reason()));
        }
    };
    judge::judge(&ask::ask_targets(&targets, &pod.addresses, limits).await)
}
