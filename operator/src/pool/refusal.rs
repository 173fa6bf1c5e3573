//! What it means for a pool that the API server does not create an object: whether a retry can help, and whether a pod may exist
//! nevertheless. Pure.

use convene_crds::reason;

use super::error::Error;
use crate::model::{media_pod::shorten, reason::Reason};

/// Longest part of the API server's message, in characters.
const MAX_MESSAGE: usize = 500;

/// Why a media pod is not created, if a retry would not change it: a quota, an admission policy, an invalid field.
pub(super) fn compute_pod_refusal(pod: &str, error: &kube::Error) -> Option<Reason> {
    let message = final_message(error)?;
    Some(Reason::new(reason::POD_REFUSED, format!("the API server rejected media pod {pod:?}: {message}")))
}

/// Why the Service of a media pod is not created, if a retry would not change it.
pub(super) fn compute_service_refusal(pod: &str, error: &kube::Error) -> Option<Reason> {
    let message = final_message(error)?;
    Some(Reason::new(reason::SERVICE_REFUSED, format!("the API server rejected Service {pod:?}: {message}")))
}

/// Whether a pod may exist although its creation failed.
pub(super) fn may_have_been_done(error: &Error) -> bool {
    let Error::CreatePod { source, .. } = error else { return false };
    !matches!(source.as_ref(), kube::Error::Api(answer) if (400..500).contains(&answer.code))
}

fn final_message(error: &kube::Error) -> Option<String> {
    match error {
        kube::Error::Api(answer) if matches!(answer.code, 400 | 403 | 409 | 422) => {
            Some(shorten(&answer.message, MAX_MESSAGE))
        }
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use kube::core::Status;

    use super::*;

    fn answer(code: u16) -> kube::Error {
        kube::Error::Api(Box::new(Status { code, message: "exceeded quota: crew".to_owned(), ..Status::default() }))
    }

    #[test]
    fn refusals_that_a_retry_would_not_change_are_reasons_and_the_others_may_have_left_a_pod() {
        let cases = [(400, true), (403, true), (409, true), (422, true), (429, false), (500, false), (504, false)];
        for (code, is_final) in cases {
            let refusal = compute_pod_refusal("media-0", &answer(code));
            assert_eq!(refusal.is_some(), is_final, "{code}");
            assert!(refusal.is_none_or(|refusal| refusal.message.contains("exceeded quota: crew")), "{code}");
            assert_eq!(compute_service_refusal("media-0", &answer(code)).is_some(), is_final, "{code}");
            let error = Error::CreatePod { name: "media-0".into(), source: Box::new(answer(code)) };
            assert_eq!(may_have_been_done(&error), code >= 500, "{code}");
        }
    }
}
