//! The inputs and outputs of a room, and its configuration. Plain data.

pub mod broadcaster;
pub(super) mod command;
pub(super) mod context;
pub mod destinations;
pub(super) mod effect;
pub(super) mod ids;
pub(super) mod limits;
pub(super) mod media;
pub(super) mod moves;
pub(super) mod operation;
pub(super) mod outcome;
pub(super) mod pipe;
pub(super) mod settings;
