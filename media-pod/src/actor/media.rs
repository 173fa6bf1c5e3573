//! A room's handles of the media plane: executes the room's operations on them and reports their events.
//!
//! Nothing here decides about the room. `plane` owns the handles; `operations` dispatches; the other modules implement the operations.

mod bandwidth;
mod channels;
mod convert;
mod data;
mod handles;
mod observers;
mod operations;
mod parameters;
mod pipe_ends;
mod pipes;
mod piping;
mod plane;
mod rest;
mod routers;
mod sample;
pub mod settings;
mod streams;
mod transports;

pub(crate) use plane::MediaPlane;
