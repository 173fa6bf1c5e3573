//! The times of sending and of the sender's start, at the end of each payload: receivers in this process compute the one-way delay from it, and
//! how long a newcomer was not seen. Pure.

use std::time::Duration;

/// Marks a payload of this program: `cvld`.
const MARK: [u8; 4] = *b"cvld";

/// Length of a stamp, in bytes.
pub(crate) const LENGTH: usize = 20;

/// Times since 1970.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    /// When the packet was sent.
    pub(crate) sent: Duration,
    /// When its publisher began to join.
    pub(crate) began: Duration,
}

/// Overwrites the end of a payload.
pub(crate) fn write(payload: &mut [u8], stamp: Stamp) {
    let Some(start) = payload.len().checked_sub(LENGTH) else { return };
    payload[start..start + 4].copy_from_slice(&MARK);
    payload[start + 4..start + 12].copy_from_slice(&nanos(stamp.sent));
    payload[start + 12..].copy_from_slice(&nanos(stamp.began));
}

/// The stamp of a payload; none if it is not one of this program.
pub(crate) fn read(payload: &[u8]) -> Option<Stamp> {
    let (_, stamp) = payload.split_last_chunk::<LENGTH>()?;
    let (sent, began) = stamp.strip_prefix(&MARK)?.split_first_chunk()?;
    let time = |nanos: [u8; 8]| Duration::from_nanos(u64::from_be_bytes(nanos));
    Some(Stamp { sent: time(*sent), began: time(began.try_into().ok()?) })
}

fn nanos(time: Duration) -> [u8; 8] {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).to_be_bytes()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stamp_is_read_back_and_other_payloads_have_none() {
        let mut payload = vec![7; 40];
        assert_eq!(read(&payload), None);
        let sent = Duration::from_nanos(1_800_000_000_123_456_789);
        let stamp = Stamp { sent, began: sent.checked_sub(Duration::from_millis(300)).unwrap() };
        write(&mut payload, stamp);
        assert_eq!(read(&payload), Some(stamp));
        assert_eq!(payload[..20], [7; 20]);
        let mut short = [1, 2, 3];
        write(&mut short, stamp);
        assert_eq!((short, read(&short)), ([1, 2, 3], None));
    }
}
