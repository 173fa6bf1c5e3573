//! A simulated cluster in this process for tests of the operator: its API server, its nodes, and its faults.

pub(crate) mod admission;
pub(crate) mod cluster;
pub(crate) mod faults;
pub(crate) mod http;
pub(crate) mod kinds;
mod moves;
pub(crate) mod operator;
pub(crate) mod patch;
pub(crate) mod play;
pub(crate) mod pods;
pub(crate) mod rules;
pub(crate) mod scenarios;
pub(crate) mod selector;
mod sites;
pub(crate) mod store;
mod store_tests;
pub(crate) mod view;
pub(crate) mod watch;
pub(crate) mod world;
