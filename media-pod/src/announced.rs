//! Waiting for what clients are to be told: addresses and ports that are given, or that appear in files.

use std::path::Path;
use std::time::Duration;

use tokio::time::sleep;

use crate::config::{Announced, addresses};
use crate::sfu::ports::AnnouncedPorts;
use crate::sfu::reach::Announcement;

/// How often the files are looked at.
const POLL: Duration = Duration::from_millis(200);

/// All that clients are to be told, as soon as it is known.
pub async fn announcement(from: &Announced<Vec<String>>, ports: &Announced<AnnouncedPorts>) -> Announcement {
    let addresses = match from {
        Announced::Given(addresses) => addresses.clone(),
        Announced::File(file) => {
            tracing::info!(?file, "waiting for the announced addresses");
            wait_for(file, |text| addresses(text).map(|found| Some(found).filter(|found| !found.is_empty()))).await
        }
    };
    // Whoever writes both files writes them together, so the ports belong to these addresses or to later ones.
    let ports = match ports {
        Announced::Given(ports) => ports.clone(),
        Announced::File(file) => wait_for(file, |text| text.parse().map(Some)).await,
    };
    Announcement { addresses, ports }
}

/// What the file says, once it says something that can be used. Each thing that is wrong is said once.
async fn wait_for<T, E: std::error::Error>(file: &Path, read: impl Fn(&str) -> Result<Option<T>, E>) -> T {
    let mut told = String::new();
    loop {
        let problem = match tokio::fs::read_to_string(file).await.map(|text| read(&text)) {
            Ok(Ok(Some(found))) => return found,
            Ok(Ok(None)) => String::new(),
            Ok(Err(error)) => error.to_string(),
            Err(error) => error.to_string(),
        };
        if problem != told {
            tracing::warn!(problem, ?file, "cannot use what is to be announced; waiting for a change");
            told = problem;
        }
        sleep(POLL).await;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn files_are_waited_for_until_they_say_something_that_can_be_used() {
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
}
