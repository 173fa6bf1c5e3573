//! What Convene's programs have in common as services: the log, the words on a terminal, the headers of pages and who gets one, the
//! origins of requests.
//!
//! It depends on no other crate of Convene and knows nothing of meetings.

pub mod headers;
pub mod log;
pub mod origin;
pub mod page;
pub mod say;
