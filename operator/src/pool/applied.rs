//! The outcome of one reconciliation for the pods of a pool. Plain values: no decisions, no writes.

use super::plan::{DrainChange, LabelRepair, NewPod, PodDeletion};
use crate::model::{ports::PortRange, reason::Reason};

/// The executed part of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    /// Pods that were created.
    pub(crate) created: Vec<NewPod>,
    /// Pods that may have been created: the response was lost.
    pub(crate) uncertain: Vec<NewPod>,
    /// Pods that were deleted.
    pub(crate) deleted: Vec<PodDeletion>,
    /// Pods that started or stopped draining.
    pub(crate) drained: Vec<DrainChange>,
    /// Pods whose labels were restored.
    pub(crate) repaired: Vec<LabelRepair>,
    /// A rejection by the API server that will not change without intervention.
    pub(crate) refused: Option<Reason>,
    /// The problem for which the plan is incomplete.
    pub(crate) trouble: Option<Reason>,
}

impl Applied {
    /// The blocks of pods that were created, or may have been.
    pub(crate) fn given(&self) -> impl Iterator<Item = PortRange> {
        self.created.iter().chain(&self.uncertain).map(|pod| pod.block)
    }
}
