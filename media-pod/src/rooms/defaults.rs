//! Defaults of rooms, which their meetings can override. Data only.

use crate::actor::media::settings::MediaSettings;
use crate::room::Limits;
use crate::sfu::codecs::DEFAULT_CODECS;

/// The pod's limit on rooms, and the defaults of each room.
#[derive(Clone, Debug)]
pub struct RoomDefaults {
    /// Rooms at the same time.
    pub max_rooms: usize,
    /// Limits of a room.
    pub limits: Limits,
    /// Codecs offered unless the meeting names others.
    pub codecs: Vec<String>,
    /// Settings of its media.
    pub media: MediaSettings,
}

impl Default for RoomDefaults {
    fn default() -> Self {
        let codecs = DEFAULT_CODECS.split(',').map(str::to_owned).collect();
        Self { max_rooms: 5000, limits: Limits::default(), codecs, media: MediaSettings::default() }
    }
}
