//! Ports announced to clients that differ from the ports the pod listens on. Pure.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use thiserror::Error;

/// Longest text that is parsed, in bytes: 256 workers need less than a quarter of it.
const MAX_TEXT: usize = 32 * 1024;

/// UDP or TCP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum IpProtocol {
    /// UDP.
    Udp,
    /// TCP.
    Tcp,
}

impl IpProtocol {
    /// Parses the name used in candidates.
    pub(crate) fn named(name: &str) -> Option<Self> {
        match name {
            "udp" => Some(Self::Udp),
            "tcp" => Some(Self::Tcp),
            _ => None,
        }
    }
}

impl fmt::Display for IpProtocol {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Udp => "udp",
            Self::Tcp => "tcp",
        })
    }
}

/// Announced ports by the port listened on. Other ports are announced unchanged.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct AnnouncedPorts(BTreeMap<(u16, IpProtocol), u16>);

/// Announced ports are invalid.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
pub enum AnnouncedPortsError {
    /// Longer than the ports of any pod.
    #[error("the announced ports are too long: {0} bytes")]
    TooLong(usize),
    /// Not `PORT/PROTOCOL=ANNOUNCED`.
    #[error("{part:?} is not an announced port such as 40000/udp=31001")]
    Malformed {
        /// As given, shortened.
        part: String,
    },
    /// The same port twice.
    #[error("{port}/{protocol} is given twice")]
    Twice {
        /// The port.
        port: u16,
        /// Its protocol.
        protocol: IpProtocol,
    },
}

impl AnnouncedPorts {
    /// The announced port for a port that the pod listens on.
    pub(crate) fn of(&self, port: u16, protocol: IpProtocol) -> u16 {
        self.0.get(&(port, protocol)).copied().unwrap_or(port)
    }
}

impl FromStr for AnnouncedPorts {
    type Err = AnnouncedPortsError;

    /// Parses `40000/udp=31001,40000/tcp=31002`; empty text changes no port.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() > MAX_TEXT {
            return Err(AnnouncedPortsError::TooLong(text.len()));
        }
        let mut ports = BTreeMap::new();
        if text.trim().is_empty() {
            return Ok(Self(ports));
        }
        for part in text.trim().split(',').map(str::trim) {
            let ((port, protocol), announced) = read_part(part).ok_or_else(|| malformed(part))?;
            if ports.insert((port, protocol), announced).is_some() {
                return Err(AnnouncedPortsError::Twice { port, protocol });
            }
        }
        Ok(Self(ports))
    }
}

fn read_part(part: &str) -> Option<((u16, IpProtocol), u16)> {
    let (listening, announced) = part.split_once('=')?;
    let (number, protocol) = listening.split_once('/')?;
    Some(((read_port(number)?, IpProtocol::named(protocol)?), read_port(announced)?))
}

/// Digits only: no sign, no space, not 0.
fn read_port(text: &str) -> Option<u16> {
    let is_plain = !text.starts_with('0') && text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

fn malformed(part: &str) -> AnnouncedPortsError {
    AnnouncedPortsError::Malformed { part: part.chars().take(40).collect() }
}

impl fmt::Display for AnnouncedPorts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let part = |((port, protocol), announced): (&(u16, IpProtocol), &u16)| format!("{port}/{protocol}={announced}");
        formatter.write_str(&self.0.iter().map(part).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ports_are_announced_by_port_and_protocol() {
        let ports: AnnouncedPorts = " 40000/udp=31001, 40000/tcp=31002,65535/udp=1\n".parse().unwrap();
        assert_eq!(ports.to_string(), "40000/udp=31001,40000/tcp=31002,65535/udp=1");
        let cases = [
            (40_000, IpProtocol::Udp, 31_001),
            (40_000, IpProtocol::Tcp, 31_002),
            (40_001, IpProtocol::Udp, 40_001),
            (65_535, IpProtocol::Udp, 1),
            (65_535, IpProtocol::Tcp, 65_535),
        ];
        for (port, protocol, expected) in cases {
            assert_eq!(ports.of(port, protocol), expected, "{port}/{protocol}");
        }
        for empty in ["", " ", "\n"] {
            assert_eq!(empty.parse(), Ok(AnnouncedPorts::default()), "{empty:?}");
        }
    }

    #[test]
    fn anything_else_is_refused() {
        let malformed = [
            ",",
            "40000",
            "40000=1",
            "40000/udp",
            "40000/udp=",
            "/udp=1",
            "40000/UDP=1",
            "40000/sctp=1",
            "0/udp=1",
            "40000/udp=0",
            "65536/udp=1",
            "40000/udp=65536",
            "+1/udp=1",
            "1/udp=-1",
            "01/udp=1",
            "1/udp=1=1",
            "1/udp/tcp=1",
            "1 /udp=1",
            "1/udp= 1",
            "a/udp=1",
            "1/udp=b",
            "1/udp=1;2/udp=2",
        ];
        for text in malformed {
            assert!(matches!(text.parse::<AnnouncedPorts>(), Err(AnnouncedPortsError::Malformed { .. })), "{text:?}");
        }
        let trailing = "1/udp=1,".parse::<AnnouncedPorts>().unwrap_err();
        assert_eq!(trailing.to_string(), r#""" is not an announced port such as 40000/udp=31001"#);
        let twice = "1/udp=1,2/udp=2,1/udp=3".parse::<AnnouncedPorts>().unwrap_err();
        assert_eq!(twice.to_string(), "1/udp is given twice");
        assert_eq!("x".repeat(40_000).parse::<AnnouncedPorts>(), Err(AnnouncedPortsError::TooLong(40_000)));
        let long = "x".repeat(1000).parse::<AnnouncedPorts>().unwrap_err().to_string();
        assert!(long.len() < 120, "{long}");
    }
}
