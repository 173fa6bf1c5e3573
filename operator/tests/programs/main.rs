//! The program of the operator: how it starts and ends.

mod ending;
mod lost_log;
