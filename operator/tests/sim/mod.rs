//! A cluster in this process, for the operator to be tested against: what its API server answers, what its nodes do, and what goes wrong.

pub(crate) mod admission;
pub(crate) mod cluster;
pub(crate) mod faults;
pub(crate) mod http;
pub(crate) mod kinds;
pub(crate) mod operator;
pub(crate) mod patch;
pub(crate) mod play;
pub(crate) mod pods;
pub(crate) mod rules;
pub(crate) mod scenarios;
pub(crate) mod selector;
pub(crate) mod store;
mod store_tests;
pub(crate) mod view;
pub(crate) mod watch;
pub(crate) mod world;
