//! The time of sending, at the end of each payload: receivers in this process compute the one-way delay from it. Pure.

use std::time::Duration;

/// Marks a payload of this program: `cvld`.
const MARK: [u8; 4] = *b"cvld";

/// Length of a stamp, in bytes.
pub(crate) const LENGTH: usize = 12;

/// Overwrites the end of a payload.
pub(crate) fn write(payload: &mut [u8], since_epoch: Duration) {
    let nanos = u64::try_from(since_epoch.as_nanos()).unwrap_or(u64::MAX);
    let Some(start) = payload.len().checked_sub(LENGTH) else { return };
    payload[start..start + 4].copy_from_slice(&MARK);
    payload[start + 4..].copy_from_slice(&nanos.to_be_bytes());
}

/// When the payload was sent; none if it is not one of this program.
pub(crate) fn read(payload: &[u8]) -> Option<Duration> {
    let (_, stamp) = payload.split_last_chunk::<LENGTH>()?;
    let nanos = stamp.strip_prefix(&MARK)?;
    Some(Duration::from_nanos(u64::from_be_bytes(nanos.try_into().ok()?)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_back_and_other_payloads_have_none() {
        let mut payload = vec![7; 40];
        assert_eq!(read(&payload), None);
        write(&mut payload, Duration::from_nanos(1_800_000_000_123_456_789));
        assert_eq!(read(&payload), Some(Duration::from_nanos(1_800_000_000_123_456_789)));
        assert_eq!(payload[..28], [7; 28]);
        let mut short = [1, 2, 3];
        write(&mut short, Duration::ZERO);
        assert_eq!((short, read(&short)), ([1, 2, 3], None));
    }
}
