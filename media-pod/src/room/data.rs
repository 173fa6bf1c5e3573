//! The data channels: messages of each participant to the others, and those for the bot. Their content belongs to the chat.

mod channels;
mod coming;
mod state;
mod throttle;
#[cfg(test)]
mod view;
mod voice;

pub(super) use state::DataChannels;
