//! Whether anybody reaches the addresses that a media pod announces: asked by STUN, told in a condition of the pod.
//!
//! The pod opens something to ask (`podlink`), `ask` asks it, `judge` says what the answers mean, `schedule` when a pod's turn is, `condition`
//! what is written, and `keep` does all that for ever. The operator asks from inside the cluster: a firewall around the cluster that lets the
//! operator through is not noticed.

use crate::{model::media_pod::MediaPod, pods::link::PodLink};

mod ask;
mod condition;
mod judge;
mod keep;
mod schedule;
mod stun;

pub use judge::Reach;
pub use keep::keep_reach;

pub use convene_crds::reason::{MEDIA_REACHABLE, MEDIA_UNREACHABLE, PROBE_FAILED, UDP_BLOCKED};

/// Asks `pod` at its announced addresses, which takes a few seconds when they do not answer.
pub async fn probe(link: &PodLink, pod: &MediaPod) -> Reach {
    probe_within(link, pod, ask::TIME_LIMITS).await
}

async fn probe_within(link: &PodLink, pod: &MediaPod, limits: ask::TimeLimits) -> Reach {
    let targets = match link.open_probe(pod).await {
        Ok(targets) => targets,
        Err(error) if error.is_unknown_to_pod() => {
            return Reach::Failed("the media pod is of a version that cannot be probed".to_owned());
        }
        Err(error) => {
            // The message goes into a condition, which must stay the same while nothing changes: no details.
            tracing::debug!(error = &error as &dyn std::error::Error, pod = pod.name, "media pod opened no probe");
            return Reach::Failed(format!("the media pod did not open a probe ({})", error.reason()));
        }
    };
    judge::judge(&ask::ask_targets(&targets, &pod.addresses, limits).await)
}

#[cfg(test)]
mod tests;
