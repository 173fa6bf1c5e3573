//! The addresses and ports to announce: set by flags, or read from files once those exist. It announces nothing itself.

use std::net::IpAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use thiserror::Error;
use tokio::time::sleep;

use super::announced_ports::AnnouncedPorts;
use super::endpoints::Announcement;

/// How often the files are checked.
const POLL: Duration = Duration::from_millis(200);

/// The source of announced addresses or ports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Announced<T> {
    /// Given by a flag.
    Given(T),
    /// Read from this file once it exists.
    File(PathBuf),
}

/// A string is not an address.
#[derive(Clone, Debug, Error, PartialEq, Eq)]
#[error("{address:?} is neither an IP address nor a host name")]
pub struct AddressError {
    /// As given.
    pub(crate) address: String,
}

/// Parses addresses separated by commas; empty text gives none.
pub(crate) fn addresses(text: &str) -> Result<Vec<String>, AddressError> {
    let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
    let invalid = |part: &str| AddressError { address: part.to_owned() };
    let parse = |part: &str| is_address(part).then(|| part.to_owned()).ok_or_else(|| invalid(part));
    parts.map(parse).collect()
}

/// Whether a text is an IP address or a host name.
fn is_address(text: &str) -> bool {
    let is_host_character = |character: char| character.is_ascii_alphanumeric() || matches!(character, '-' | '.');
    text.parse::<IpAddr>().is_ok() || (text.len() <= 253 && text.chars().all(is_host_character))
}

/// Waits until both addresses and ports are known.
pub(crate) async fn announcement(from: &Announced<Vec<String>>, ports: &Announced<AnnouncedPorts>) -> Announcement {
    let addresses = match from {
        Announced::Given(addresses) => addresses.clone(),
        Announced::File(file) => {
            tracing::info!(?file, "waiting for the announced addresses");
            wait_for(file, |text| addresses(text).map(|found| Some(found).filter(|found| !found.is_empty()))).await
        }
    };
    // Both files are written together, so the ports belong to these addresses or to later ones.
    let ports = match ports {
        Announced::Given(ports) => ports.clone(),
        Announced::File(file) => wait_for(file, |text| text.parse().map(Some)).await,
    };
    Announcement { addresses, ports }
}

/// The contents of a file once they are valid. Each problem is logged once.
async fn wait_for<T, E: std::error::Error>(file: &Path, read: impl Fn(&str) -> Result<Option<T>, E>) -> T {
    let mut logged = String::new();
    loop {
        let problem = match tokio::fs::read_to_string(file).await.map(|text| read(&text)) {
            Ok(Ok(Some(found))) => return found,
            Ok(Ok(None)) => String::new(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        if problem != logged {
            tracing::warn!(problem, ?file, "could not read the announced addresses or ports; waiting for a change");
            logged = problem;
        }
        sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_read_once_they_are_valid() {
        let folder = std::env::temp_dir().join(format!("convene-announced-{}", std::process::id()));
        std::fs::create_dir_all(&folder).unwrap();
        let (addresses, ports) = (folder.join("addresses"), folder.join("ports"));
        std::fs::write(&addresses, "").unwrap();
        let from = (Announced::File(addresses.clone()), Announced::File(ports.clone()));
        let waiting = tokio::spawn(async move { announcement(&from.0, &from.1).await });
        std::fs::write(&ports, "40000/udp").unwrap();
        std::fs::write(&addresses, "192.0.2.1, 2001:db8::1\n").unwrap();
        std::fs::write(&ports, "40000/udp=31001").unwrap();
        let found = waiting.await.unwrap();
        assert_eq!(found.addresses, ["192.0.2.1", "2001:db8::1"]);
        assert_eq!(found.ports.to_string(), "40000/udp=31001");
        std::fs::write(&ports, "").unwrap();
        let given = Announced::Given(vec!["192.0.2.1".to_owned()]);
        assert_eq!(announcement(&given, &Announced::File(ports)).await.ports, AnnouncedPorts::default());
        std::fs::remove_dir_all(&folder).unwrap();
    }

    #[test]
    fn addresses_are_ips_or_host_names() {
        for good in ["192.0.2.1", "2001:db8::1", "sfu.example.org"] {
            assert!(is_address(good), "{good}");
        }
        for bad in ["not an address", "http://x", "a/b", &"x".repeat(254)] {
            assert!(!is_address(bad), "{bad}");
        }
    }
}
