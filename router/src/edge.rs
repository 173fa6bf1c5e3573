//! The edge: who a client is, what it may send and how often, and the form of refusals.
//!
//! Everything here applies before a handler does any work. It decides nothing about meetings: access to a meeting is decided in
//! [`join`](crate::join). Pure: [`client`], [`problem`], [`refusal`].

pub(crate) mod client;
pub(crate) mod connections;
pub(crate) mod guard;
pub(crate) mod limits;
pub(crate) mod policy;
pub(crate) mod problem;
pub(crate) mod refusal;
pub(crate) mod request_scope;
pub(crate) mod requested_meeting;
