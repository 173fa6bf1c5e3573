//! Tests of the router as a whole: its routes without sockets, its signaling with real ones, its table updated by watch events.

mod abuse;
mod described;
mod edge;
mod feed;
mod guest;
mod http;
mod join;
mod join_signal;
mod measure;
pub(super) mod peer;
mod private;
mod proxy;
mod proxy_faults;
mod serving;
