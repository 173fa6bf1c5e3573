//! Fields that clients may leave out.

use serde::{Deserialize, Deserializer};

/// Clients in languages other than JavaScript write null for fields that they leave out.
pub(super) fn null_is_default<'de, D: Deserializer<'de>, T: Default + Deserialize<'de>>(
    field: D,
) -> Result<T, D::Error> {
    Ok(Option::deserialize(field)?.unwrap_or_default())
}

pub(super) fn yes() -> bool {
    true
}
