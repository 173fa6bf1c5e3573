//! The program of the router: how it starts and ends.

mod binary;
mod ending;
mod lost_log;
