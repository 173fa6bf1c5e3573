//! Why something waits or fails: the one form in which every part says it.

/// Why something waits or fails: a constant for programs and a sentence for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wait {
    /// Condition reason, event reason and metric label.
    pub reason: &'static str,
    /// What it waits for, and what to do about it.
    pub message: String,
}

impl Wait {
    /// A wait with this reason and message.
    pub fn new(reason: &'static str, message: impl Into<String>) -> Self {
        Self { reason, message: message.into() }
    }
}
