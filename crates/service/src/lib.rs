//! Plumbing that Convene's programs share: logging, terminal output, security headers, page or JSON answers, and origin checks.
//!
//! It depends on no other crate of Convene and knows nothing of meetings.

pub mod headers;
pub mod log;
pub mod origin;
pub mod page;
pub mod say;
