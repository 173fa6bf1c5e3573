//! The name by which the pod knows a meeting. Data only.

use std::fmt;

/// A meeting's namespace and name.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomKey {
    /// Namespace; empty without Kubernetes.
    pub namespace: String,
    /// Name.
    pub name: String,
}

impl fmt::Display for RoomKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let separator = if self.namespace.is_empty() { "" } else { "/" };
        write!(formatter, "{}{separator}{}", self.namespace, self.name)
    }
}
