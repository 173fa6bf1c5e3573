//! What Convene's operator and router are made of; the two binaries only read their arguments and start it.
//!
//! `meeting` and `pool` are the operator's two controllers, `router` is the router; the rest serves both.

pub mod router;
