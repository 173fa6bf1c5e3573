//! Access to meetings: join tokens, tickets and guest cookies, and the admission and ICE servers that a participant receives before
//! connecting.
//!
//! [`watch`] keeps keys, TURN credentials and pools up to date; nothing here writes to the cluster or answers a request. Pure: [`access`],
//! [`answer`], [`credential`], [`guest`], [`ice`].

pub(crate) mod access;
pub(crate) mod answer;
pub(crate) mod config;
pub(crate) mod credential;
pub(crate) mod guest;
pub(crate) mod ice;
pub(crate) mod pools;
pub(crate) mod secrets;
pub(crate) mod signing_key;
pub(crate) mod state;
pub(crate) mod watch;
