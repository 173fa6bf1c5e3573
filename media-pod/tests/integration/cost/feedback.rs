//! Transport-wide congestion control feedback (draft-holmer-rmcat-transport-wide-cc-extensions-01).

/// A packet that arrived.
pub(crate) struct Arrival {
    /// Its number on the transport.
    pub(crate) number: u16,
    /// In units of 250 µs.
    pub(crate) at: u64,
}

/// An RTCP packet that reports these arrivals, in order. Numbers that are missing are reported as lost.
pub(crate) fn transport_feedback(arrivals: &[Arrival], count: u8) -> Vec<u8> {
    let base = arrivals[0].number;
    let reference = arrivals[0].at / 256;
    let (mut symbols, mut deltas) = (Vec::new(), Vec::new());
    let mut last = reference * 256;
    for arrival in arrivals {
        let offset = usize::from(arrival.number.wrapping_sub(base));
        if offset < symbols.len() {
            continue;
        }
        symbols.resize(offset, 0);
        let delta = i16::try_from(arrival.at.saturating_sub(last)).unwrap_or(i16::MAX);
        if let Ok(small) = u8::try_from(delta) {
            symbols.push(1);
            deltas.push(small);
        } else {
            symbols.push(2);
            deltas.extend_from_slice(&delta.to_be_bytes());
        }
        last += u64::from(delta.unsigned_abs());
    }
    let mut packet = vec![0x8F, 205, 0, 0, 0, 0, 0, 9, 0, 0, 0, 2];
    packet.extend_from_slice(&base.to_be_bytes());
    packet.extend_from_slice(&u16::try_from(symbols.len()).unwrap().to_be_bytes());
    packet.extend_from_slice(&u32::try_from(reference & 0xFF_FFFF).unwrap().to_be_bytes()[1..]);
    packet.push(count);
    for run in symbols.chunk_by(|one, other| one == other) {
        packet.extend_from_slice(&((run[0] << 13) | u16::try_from(run.len()).unwrap()).to_be_bytes());
    }
    packet.extend_from_slice(&deltas);
    packet.resize(packet.len().next_multiple_of(4), 0);
    let words = u16::try_from(packet.len() / 4 - 1).unwrap();
    packet[2..4].copy_from_slice(&words.to_be_bytes());
    packet
}
