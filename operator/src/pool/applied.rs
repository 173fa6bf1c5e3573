//! What one reconciliation has done to the pods of a pool. A value; nothing here decides or writes.

use super::plan::{DrainChange, Mend, NewPod, PodDeletion};
use crate::model::{ports::PortRange, reason::Wait};

/// What was done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Applied {
    /// Pods that were created.
    pub created: Vec<NewPod>,
    /// Pods that may have been created: the answer was lost.
    pub uncertain: Vec<NewPod>,
    /// Pods that were deleted.
    pub deleted: Vec<PodDeletion>,
    /// Pods whose drain began or ended.
    pub drained: Vec<DrainChange>,
    /// Pods whose labels were put right.
    pub mended: Vec<Mend>,
    /// What the API server refuses for good, until somebody changes something.
    pub refused: Option<Wait>,
    /// What the plan could not do.
    pub trouble: Option<Wait>,
}

impl Applied {
    /// The blocks that a pod has now, or may have.
    pub(crate) fn given(&self) -> impl Iterator<Item = PortRange> {
        self.created.iter().chain(&self.uncertain).map(|pod| pod.block)
    }
}
