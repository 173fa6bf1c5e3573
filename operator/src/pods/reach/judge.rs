//! Interprets the answers to a probe: what they mean for participants, and what to do about it.
//!
//! Pure. A client needs to reach only one candidate of a worker, so each worker is judged by its best candidate. The messages depend on the
//! answers alone: they go into a condition that is written only when they change.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt,
    net::SocketAddr,
};

use convene_crds::{
    names::{FALSE, TRUE, UNKNOWN},
    reason::{MEDIA_REACHABLE, MEDIA_UNREACHABLE, PROBE_FAILED, UDP_BLOCKED},
};

/// Number of endpoints named in a message; the rest are only counted.
const NAMED_ENDPOINTS: usize = 6;
const ADVICE: &str =
    "open these ports in the firewall of the node, or announce another address (MediaPool spec.announcedAddress)";

/// Transport protocol of a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Protocol {
    /// One datagram per message.
    Udp,
    /// Framed messages on a connection.
    Tcp,
}

impl Protocol {
    /// The protocol of this name in a candidate.
    pub(super) fn from_name(name: &str) -> Option<Self> {
        match name {
            "udp" => Some(Self::Udp),
            "tcp" => Some(Self::Tcp),
            _ => None,
        }
    }
}

impl fmt::Display for Protocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(if *self == Self::Udp { "UDP" } else { "TCP" })
    }
}

/// Result of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// The pod answered.
    Good,
    /// No answer.
    Silent,
    /// The port is closed.
    Refused,
    /// Something other than the pod answered.
    Wrong,
    /// The operator itself has no route to it.
    NoWay,
}

/// A candidate that was probed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Tried {
    /// Number of the pod's worker.
    pub(super) target: usize,
    /// How it was asked.
    pub(super) protocol: Protocol,
    /// Its address and port.
    pub(super) to: SocketAddr,
    /// The result.
    pub(super) answer: Answer,
}

/// Whether clients reach the announced addresses of a pod.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Reach {
    /// Every worker answers by UDP.
    Reachable(String),
    /// Every worker answers, but some by TCP only, which works less well.
    UdpBlocked(String),
    /// Some workers do not answer: participants of meetings on them can neither send nor receive media.
    Partly(String),
    /// No worker answers.
    Unreachable(String),
    /// The probe could not be made, so nothing is known.
    Failed(String),
}

impl Reach {
    /// Status of the condition: `True`, `False` or `Unknown`.
    pub(crate) const fn status(&self) -> &'static str {
        match self {
            Self::Reachable(_) | Self::UdpBlocked(_) => TRUE,
            Self::Partly(_) | Self::Unreachable(_) => FALSE,
            Self::Failed(_) => UNKNOWN,
        }
    }

    /// Reason of the condition.
    pub(crate) const fn reason(&self) -> &'static str {
        match self {
            Self::Reachable(_) => MEDIA_REACHABLE,
            Self::UdpBlocked(_) => UDP_BLOCKED,
            Self::Partly(_) | Self::Unreachable(_) => MEDIA_UNREACHABLE,
            Self::Failed(_) => PROBE_FAILED,
        }
    }

    /// The finding, and how to fix the problem.
    pub(crate) fn message(&self) -> &str {
        match self {
            Self::Reachable(message)
            | Self::UdpBlocked(message)
            | Self::Partly(message)
            | Self::Unreachable(message)
            | Self::Failed(message) => message,
        }
    }
}

/// The result of all answers together.
pub(super) fn judge(tried: &[Tried]) -> Reach {
    if tried.is_empty() {
        return Reach::Failed("the media pod offers no candidate at its announced addresses yet".to_owned());
    }
    let known: Vec<&Tried> = tried.iter().filter(|one| one.answer != Answer::NoWay).collect();
    if known.is_empty() {
        let all = name_endpoints(tried.iter());
        return Reach::Failed(format!(
            "the operator has no route to {all}, so it cannot tell whether browsers reach it"
        ));
    }
    judge_known(&known)
}

fn judge_known(known: &[&Tried]) -> Reach {
    let targets_of = |is_wanted: fn(&Tried) -> bool| -> BTreeSet<usize> {
        known.iter().filter(|one| is_wanted(one)).map(|one| one.target).collect()
    };
    let alive = targets_of(|one| one.answer == Answer::Good);
    let alive_by_udp = targets_of(|one| one.answer == Answer::Good && one.protocol == Protocol::Udp);
    let bad = |is_wanted: &dyn Fn(&Tried) -> bool| {
        name_endpoints(known.iter().copied().filter(|one| one.answer != Answer::Good && is_wanted(one)))
    };
    if alive.is_empty() {
        return Reach::Unreachable(format!("no answer from {}: {ADVICE}", bad(&|_| true)));
    }
    if known.iter().any(|one| !alive.contains(&one.target)) {
        let dead = bad(&|one| !alive.contains(&one.target));
        return Reach::Partly(format!("no answer from {dead}, while other ports of the media pod answer: {ADVICE}"));
    }
    let is_blocked = |one: &Tried| one.protocol == Protocol::Udp && !alive_by_udp.contains(&one.target);
    if known.iter().any(|one| is_blocked(one)) {
        return Reach::UdpBlocked(format!(
            "answers by TCP only, so media will stutter; no answer from {}: {ADVICE}",
            bad(&is_blocked)
        ));
    }
    let good = name_endpoints(known.iter().copied().filter(|one| one.answer == Answer::Good));
    let rest = if known.iter().all(|one| one.answer == Answer::Good) {
        String::new()
    } else {
        format!("; no answer from {}", bad(&|_| true))
    };
    Reach::Reachable(format!("answers at {good}{rest}"))
}

/// `203.0.113.7:40000, 203.0.113.7:40001 by UDP and TCP and 203.0.113.7:40002 by UDP`, the same for the same answers in any order.
fn name_endpoints<'a>(tried: impl Iterator<Item = &'a Tried>) -> String {
    let mut ways: BTreeMap<SocketAddr, BTreeMap<Protocol, &str>> = BTreeMap::new();
    for one in tried {
        ways.entry(one.to).or_default().insert(one.protocol, name_answer(one.answer));
    }
    let mut by_way: BTreeMap<String, Vec<String>> = BTreeMap::new();
    let more = ways.len().saturating_sub(NAMED_ENDPOINTS);
    for (endpoint, protocols) in ways.into_iter().take(NAMED_ENDPOINTS) {
        let way: Vec<_> = protocols.iter().map(|(protocol, answer)| format!("{protocol}{answer}")).collect();
        by_way.entry(way.join(" and ")).or_default().push(endpoint.to_string());
    }
    let mut parts: Vec<_> =
        by_way.iter().map(|(way, endpoints)| format!("{} by {way}", endpoints.join(", "))).collect();
    parts.sort();
    let named = parts.join(" and ");
    if more > 0 { format!("{named}, {more} more") } else { named }
}

const fn name_answer(answer: Answer) -> &'static str {
    match answer {
        Answer::Good | Answer::Silent | Answer::NoWay => "",
        Answer::Refused => " (refused)",
        Answer::Wrong => " (something else answers)",
    }
}

#[cfg(test)]
mod tests {
    use super::{Answer::*, Protocol::*, *};

    fn tried(target: usize, protocol: Protocol, to: &str, answer: Answer) -> Tried {
        Tried { target, protocol, to: to.parse().unwrap(), answer }
    }

    const A: &str = "203.0.113.7:40000";
    const B: &str = "203.0.113.7:40001";
    const SIX: &str = "[2001:db8::7]:40000";

    #[test]
    fn each_pattern_of_answers_has_its_verdict_and_words() {
        let cases: [(&str, Vec<Tried>, &str, &str); 11] = [
            (
                "everything answers",
                vec![tried(0, Udp, A, Good), tried(0, Tcp, A, Good), tried(1, Udp, B, Good), tried(1, Tcp, B, Good)],
                MEDIA_REACHABLE,
                "answers at 203.0.113.7:40000, 203.0.113.7:40001 by UDP and TCP",
            ),
            (
                "TCP does not matter where UDP works",
                vec![tried(0, Udp, A, Good), tried(0, Tcp, A, Silent)],
                MEDIA_REACHABLE,
                "answers at 203.0.113.7:40000 by UDP; no answer from 203.0.113.7:40000 by TCP",
            ),
            (
                "one family of two is enough",
                vec![tried(0, Udp, A, Good), tried(0, Udp, SIX, Silent)],
                MEDIA_REACHABLE,
                "answers at 203.0.113.7:40000 by UDP; no answer from [2001:db8::7]:40000 by UDP",
            ),
            (
                "what the operator cannot reach does not count",
                vec![tried(0, Udp, A, Good), tried(0, Udp, SIX, NoWay)],
                MEDIA_REACHABLE,
                "answers at 203.0.113.7:40000 by UDP",
            ),
            (
                "TCP alone",
                vec![tried(0, Udp, A, Silent), tried(0, Tcp, A, Good)],
                UDP_BLOCKED,
                "answers by TCP only, so media will stutter; no answer from 203.0.113.7:40000 by UDP: open these ports in the firewall of \
                 the node, or announce another address (MediaPool spec.announcedAddress)",
            ),
            (
                "one of two workers by TCP alone",
                vec![tried(0, Udp, A, Good), tried(1, Udp, B, Silent), tried(1, Tcp, B, Good)],
                UDP_BLOCKED,
                "answers by TCP only, so media will stutter; no answer from 203.0.113.7:40001 by UDP: open these ports in the firewall of \
                 the node, or announce another address (MediaPool spec.announcedAddress)",
            ),
            (
                "silence",
                vec![tried(0, Tcp, A, Silent), tried(0, Udp, A, Silent)],
                MEDIA_UNREACHABLE,
                "no answer from 203.0.113.7:40000 by UDP and TCP: open these ports in the firewall of the node, or announce another \
                 address (MediaPool spec.announcedAddress)",
            ),
            (
                "one of two workers is silent",
                vec![
                    tried(0, Udp, A, Good),
                    tried(0, Tcp, A, Silent),
                    tried(1, Udp, B, Silent),
                    tried(1, Tcp, B, Silent),
                ],
                MEDIA_UNREACHABLE,
                "no answer from 203.0.113.7:40001 by UDP and TCP, while other ports of the media pod answer: open these ports in the \
                 firewall of the node, or announce another address (MediaPool spec.announcedAddress)",
            ),
            (
                "refused and another server",
                vec![tried(0, Udp, A, Wrong), tried(0, Tcp, A, Refused)],
                MEDIA_UNREACHABLE,
                "no answer from 203.0.113.7:40000 by UDP (something else answers) and TCP (refused): open these ports in the firewall of \
                 the node, or announce another address (MediaPool spec.announcedAddress)",
            ),
            (
                "nothing to ask",
                vec![],
                PROBE_FAILED,
                "the media pod offers no candidate at its announced addresses yet",
            ),
            (
                "no way at all",
                vec![tried(0, Udp, SIX, NoWay)],
                PROBE_FAILED,
                "the operator has no route to [2001:db8::7]:40000 by UDP, so it cannot tell whether browsers reach it",
            ),
        ];
        for (case, tried, reason, message) in cases {
            let reach = judge(&tried);
            assert_eq!((reach.reason(), reach.message()), (reason, message), "{case}");
            let mut turned = tried.clone();
            turned.reverse();
            assert_eq!(judge(&turned), reach, "{case}, in another order");
        }
    }

    #[test]
    fn only_what_works_is_true_and_what_is_not_known_is_unknown() {
        let text = String::new;
        let all = [
            (Reach::Reachable(text()), TRUE),
            (Reach::UdpBlocked(text()), TRUE),
            (Reach::Partly(text()), FALSE),
            (Reach::Unreachable(text()), FALSE),
            (Reach::Failed(text()), UNKNOWN),
        ];
        for (reach, status) in all {
            assert_eq!(reach.status(), status, "{reach:?}");
        }
    }

    #[test]
    fn a_large_pod_has_a_short_message() {
        let many: Vec<_> =
            (0..64).map(|number| tried(number, Udp, &format!("203.0.113.7:{}", 40000 + number), Silent)).collect();
        let reach = judge(&many);
        assert!(reach.message().contains("203.0.113.7:40005 by UDP, 58 more: open"), "{}", reach.message());
        assert!(reach.message().len() < 400);
    }
}
