//! What one reconciliation has done to the pods of a pool. A value; nothing here decides or writes.

use super::plan::{DrainChange, LabelRepair, NewPod, PodDeletion};
use crate::model::{ports::PortRange, reason::Reason};

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    /// Pods that were created.
    pub(crate) created: Vec<NewPod>,
    /// Pods that may have been created: the answer was lost.
    pub(crate) uncertain: Vec<NewPod>,
    /// Pods that were deleted.
    pub(crate) deleted: Vec<PodDeletion>,
    /// Pods whose drain began or ended.
    pub(crate) drained: Vec<DrainChange>,
    /// Pods whose labels were put right.
    pub(crate) repaired: Vec<LabelRepair>,
    /// What the API server refuses for good, until somebody changes something.
    pub(crate) refused: Option<Reason>,
    /// What the plan could not do.
    pub(crate) trouble: Option<Reason>,
}

impl Applied {
    /// The blocks that a pod has now, or may have.
    pub(crate) fn given(&self) -> impl Iterator<Item = PortRange> {
        self.created.iter().chain(&self.uncertain).map(|pod| pod.block)
    }
}
