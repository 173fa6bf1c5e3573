//! Reads the streams from the SDP of a server, and refuses candidates on other machines. Pure.
#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use str0m::media::MediaKind;

use crate::error::JoinError;
use crate::media::peer::Announced;
use crate::plan::{MAX_STREAMS, may_send_to};

/// Longest `a=mid` that str0m keeps.
const MAX_MID: usize = 16;

/// A media section.
#[derive(Default)]
struct Section<'a> {
    kind: Option<MediaKind>,
    mid: Option<&'a str>,
    ssrcs: Vec<u32>,
    /// A stream and that of its retransmissions.
    pairs: Vec<(u32, u32)>,
}

/// The SDP without candidates of other machines.
pub(super) fn without_foreign_candidates(sdp: &str) -> String {
    let is_usable = |line: &&str| {
        let Some(candidate) = line.strip_prefix("a=candidate:") else { return true };
        candidate.split(' ').nth(4).and_then(|ip| ip.parse().ok()).is_some_and(|ip| may_send_to(ip, false))
    };
    sdp.lines().filter(is_usable).flat_map(|line| [line, "\r\n"]).collect()
}

/// The streams that the server is going to send.
pub(super) fn streams(sdp: &str) -> Result<Vec<Announced>, JoinError> {
    let (mut streams, mut section) = (Vec::new(), Section::default());
    for line in sdp.lines() {
        if let Some(media) = line.strip_prefix("m=") {
            streams.extend(std::mem::replace(&mut section, Section::new(media)).streams());
        } else {
            section.take(line);
        }
    }
    streams.extend(section.streams());
    let is_bounded = streams.len() <= MAX_STREAMS as usize;
    if is_bounded { Ok(streams) } else { Err(JoinError::Malformed("too many streams")) }
}

impl<'a> Section<'a> {
    fn new(media: &str) -> Self {
        let kind = match media.split(' ').next() {
            Some("audio") => Some(MediaKind::Audio),
            Some("video") => Some(MediaKind::Video),
            _ => None,
        };
        Self { kind, ..Self::default() }
    }

    fn take(&mut self, line: &'a str) {
        if let Some(mid) = line.strip_prefix("a=mid:") {
            self.mid = Some(mid.trim()).filter(|mid| !mid.is_empty() && mid.len() <= MAX_MID && mid.is_ascii());
        } else if let Some(pair) = line.strip_prefix("a=ssrc-group:FID ") {
            let mut ssrcs = pair.split_whitespace().filter_map(|ssrc| ssrc.parse().ok());
            self.pairs.extend(ssrcs.next().zip(ssrcs.next()));
        } else if let Some(ssrc) = line.strip_prefix("a=ssrc:") {
            let ssrc = ssrc.split(' ').next().and_then(|ssrc| ssrc.parse().ok());
            // An SSRC has a line for each of its attributes, one after the other.
            self.ssrcs.extend(ssrc.filter(|ssrc| self.ssrcs.last() != Some(ssrc)));
        }
    }

    fn streams(self) -> Vec<Announced> {
        let Self { kind: Some(kind), mid: Some(mid), mut ssrcs, pairs } = self else { return Vec::new() };
        ssrcs.sort_unstable();
        ssrcs.dedup();
        let rtx = |ssrc| pairs.iter().find(|(main, _)| *main == ssrc).map(|(_, rtx)| *rtx);
        let is_main = |ssrc: &u32| !pairs.iter().any(|(_, rtx)| rtx == ssrc);
        let stream = |ssrc| Announced { kind, mid: mid.into(), ssrc, rtx: rtx(ssrc) };
        ssrcs.into_iter().filter(is_main).map(stream).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn candidates_of_other_machines_are_removed() {
        let sdp = "v=0\r\na=candidate:1 1 udp 2130706431 192.0.2.1 7882 typ host\r\na=candidate:2 1 udp 2130706431 127.0.0.1 7882 typ host\r\na=mid:0\r\n";
        let left = without_foreign_candidates(sdp);
        assert_eq!(left, "v=0\r\na=candidate:2 1 udp 2130706431 127.0.0.1 7882 typ host\r\na=mid:0\r\n");
        assert_eq!(without_foreign_candidates("a=candidate:x\n"), "");
    }

    #[test]
    fn streams_have_the_section_and_the_retransmissions() {
        let sdp = "v=0\r\nm=application 9 UDP/DTLS/SCTP webrtc-datachannel\r\na=mid:0\r\na=ssrc:1 cname:x\r\n\
            m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:1\r\na=ssrc:10 cname:x\r\na=ssrc:10 msid:x y\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=ssrc-group:FID 20 21\r\na=ssrc:20 cname:x\r\na=ssrc:21 cname:x\r\na=mid:2\r\n\
            m=video 9 UDP/TLS/RTP/SAVPF 96\r\na=ssrc:30 cname:x\r\na=mid:far-too-long-for-a-mid\r\n";
        let stream = |kind, mid: &str, ssrc, rtx| Announced { kind, mid: mid.into(), ssrc, rtx };
        let expected = [stream(MediaKind::Audio, "1", 10, None), stream(MediaKind::Video, "2", 20, Some(21))];
        assert_eq!(streams(sdp).unwrap(), expected);
    }

    #[test]
    fn more_streams_than_a_client_receives_are_refused() {
        let lines: String =
            (0..=MAX_STREAMS).fold(String::new(), |lines, ssrc| lines + &format!("a=ssrc:{ssrc} cname:x\n"));
        assert!(streams(&format!("m=audio 9 x 111\na=mid:0\n{lines}")).is_err());
    }

    proptest! {
        #[test]
        fn any_text_can_be_read(lines in prop::collection::vec("(m=(audio|video) |a=(mid|ssrc):|a=ssrc-group:FID )?[ -~é]{0,20}", 0..40)) {
            let sdp = lines.join("\n");
            let _ = streams(&sdp);
            without_foreign_candidates(&sdp);
        }
    }
}
