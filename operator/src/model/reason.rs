//! The reason for a state or a failure: the one form in which all parts of the operator report it.
//!
//! Pure values. Nothing here decides which reason applies.

/// The reason for a state: a code for programs and a sentence for users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Reason {
    /// One of [`convene_crds::reason`]: the `reason` of a condition, an event or a metric.
    pub(crate) code: &'static str,
    /// The problem, and how to fix it.
    pub(crate) message: String,
}

impl Reason {
    /// A reason with this code and message.
    pub(crate) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }
}
