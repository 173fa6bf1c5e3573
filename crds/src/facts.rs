//! Facts about Meetings and media pods that the other crates need, derived from the objects in one place.
//!
//! Pure: objects in, facts out. It never decides anything; operator and router do, from the same facts.

mod meeting;
mod pod;

pub use meeting::{MeetingFacts, RETURN_TIME, has_backup};
pub use pod::{announced_addresses, condition, is_ready, signaling_port};
