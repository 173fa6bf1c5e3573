//! What a room receives on its links. Data only.

use crate::room::{MediaError, MediaEvent, Outcome};

/// What arrives on a link.
#[derive(Debug)]
pub(crate) enum LinkInput {
    /// It is open.
    Linked,
    /// The outcome of a request.
    Done(u64, Result<Outcome, MediaError>),
    /// An event of the other pod.
    Event(Box<MediaEvent>),
    /// It could not be opened or has ended. Nothing follows.
    Lost,
}
