//! Counts and distributions of what arrived. Pure: knows neither sockets nor clocks.
#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

pub(crate) mod sequence;
pub(crate) mod stamp;
pub(crate) mod times;
