//! Convene's media pod: protoo signaling, rooms and mediasoup workers in one process. It has no Kubernetes client and no credentials.
//!
//! The modules form layers, listed from bottom to top; a module imports only from layers below its own:
//!
//! 1. [`metrics`]; [`network`]: addresses and ports. These do not know each other.
//! 2. [`sfu`]: mediasoup workers and the TCP side of their ports.
//! 3. [`room`]: all decisions about one meeting, pure.
//! 4. `sites`: where the objects of a room over several pods are, pure.
//! 5. `link`: links to other media pods.
//! 6. [`actor`]: runs a room: executes its effects on the handles of [`sfu`], and sends its messages to clients.
//! 7. [`rooms`]: the list of rooms.
//! 8. [`signaling`]: WebSockets of clients.
//! 9. [`access`]: trusted keys, used admissions, guests, host names.
//! 10. [`lent`]: media workers that are lent to rooms of other pods.
//! 11. [`http`]: all endpoints.
//! 12. [`config`]: flags, environment and file.
//! 13. [`app`]: starts everything, and ends it.

pub mod access;
pub mod actor;
pub mod app;
pub mod config;
pub mod http;
pub mod lent;
mod link;
pub mod metrics;
pub mod network;
pub mod room;
pub mod rooms;
pub mod sfu;
pub mod signaling;

mod sites;
