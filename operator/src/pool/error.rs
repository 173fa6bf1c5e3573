//! Errors of reconciling a `MediaPool`. Nothing here handles an error.

use convene_crds::reason;
use thiserror::Error;

/// Errors of reconciling a pool.
#[derive(Debug, Error)]
pub(crate) enum Error {
    #[error("could not list the media pods")]
    ListPods { source: Box<kube::Error> },
    #[error("could not create media pod {name:?}")]
    CreatePod { name: String, source: Box<kube::Error> },
    #[error("could not delete media pod {name:?}")]
    DeletePod { name: String, source: Box<kube::Error> },
    #[error("could not announce addresses to media pod {name:?}")]
    Announce { name: String, source: Box<kube::Error> },
    #[error("could not mark media pod {name:?} as draining")]
    Drain { name: String, source: Box<kube::Error> },
    #[error("could not change the eviction label of media pod {name:?}")]
    Protect { name: String, source: Box<kube::Error> },
    #[error("could not restore the labels of media pod {name:?}")]
    RepairLabels { name: String, source: Box<kube::Error> },
    #[error("could not write disruption budget {name:?}")]
    WriteBudget { name: String, source: Box<kube::Error> },
    #[error("could not create the Service of media pod {name:?}")]
    CreateService { name: String, source: Box<kube::Error> },
    #[error("could not write the finalizers of pool {name:?}")]
    WriteFinalizers { name: String, source: Box<kube::Error> },
    #[error("could not write the status of pool {name:?}")]
    WriteStatus { name: String, source: Box<kube::Error> },
}

impl Error {
    /// A constant for logs and metrics.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::ListPods { .. } => "PodsNotListed",
            Self::CreatePod { .. } => "PodNotCreated",
            Self::DeletePod { .. } => "PodNotDeleted",
            Self::Announce { .. } => "AddressNotAnnounced",
            Self::Drain { .. } => "DrainNotNoted",
            Self::Protect { .. } => "ProtectionNotChanged",
            Self::RepairLabels { .. } => "LabelsNotMended",
            Self::WriteBudget { .. } => "BudgetNotWritten",
            Self::CreateService { .. } => "ServiceNotCreated",
            Self::WriteFinalizers { .. } => reason::FINALIZERS_NOT_WRITTEN,
            Self::WriteStatus { .. } => "StatusNotWritten",
        }
    }
}
