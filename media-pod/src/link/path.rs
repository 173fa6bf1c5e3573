//! Whether UDP packets pass between the ports for pipes of two media pods, in both directions and with unchanged addresses. A worker drops packets
//! of a pipe that come from another address than that of the pod, and says nothing.
//!
//! The site echoes what the room's pod sends, for a short time. It sends nothing to any other address, and nothing of media passes here.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use tokio::net::UdpSocket;
use tokio::time::{interval, timeout};

use crate::sfu::workers::PipePorts;

/// How long the site waits for the first datagram.
const ECHO: Duration = Duration::from_secs(5);
/// How long it echoes after that: the port is needed for media.
const MORE: Duration = Duration::from_millis(500);
/// Time limit for the first echo.
const LIMIT: Duration = Duration::from_secs(2);
/// How often a datagram is sent: the first ones may be lost.
const AGAIN: Duration = Duration::from_millis(100);
/// With fewer ports than this the check would take those that media needs.
const FEWEST_PORTS: usize = 4;

/// Binds one of the pod's ports for pipes, the last one that is free. `None`: there is none to spare.
pub(crate) async fn bind(pipes: &PipePorts) -> Option<UdpSocket> {
    if pipes.ports.len() < FEWEST_PORTS {
        return None;
    }
    for port in pipes.ports.clone().rev() {
        if let Ok(socket) = UdpSocket::bind((pipes.ip, port)).await {
            return Some(socket);
        }
    }
    None
}

/// Returns what `from` sends, to where it came from.
pub(crate) async fn echo(socket: UdpSocket, from: IpAddr) {
    if timeout(ECHO, echo_one(&socket, from)).await.is_ok() {
        let more = async {
            loop {
                echo_one(&socket, from).await;
            }
        };
        let _ = timeout(MORE, more).await;
    }
}

async fn echo_one(socket: &UdpSocket, from: IpAddr) {
    let mut datagram = [0; 16];
    loop {
        // Errors are those of earlier datagrams.
        let Ok((length, source)) = socket.recv_from(&mut datagram).await else { continue };
        if source.ip() == from {
            let _ = socket.send_to(&datagram[..length], source).await;
            return;
        }
    }
}

/// Whether datagrams to `to` are echoed.
pub(super) async fn is_open(socket: &UdpSocket, to: SocketAddr) -> bool {
    let nonce: [u8; 16] = rand::random();
    let sends = async {
        let mut again = interval(AGAIN);
        loop {
            again.tick().await;
            let _ = socket.send_to(&nonce, to).await;
        }
    };
    let echo = async {
        let mut datagram = [0; 16];
        loop {
            // Errors are those of earlier datagrams, such as a port that is not open yet.
            let Ok((length, source)) = socket.recv_from(&mut datagram).await else { continue };
            if source == to && datagram[..length] == nonce {
                return;
            }
        }
    };
    tokio::select! {
        () = sends => false,
        heard = timeout(LIMIT, echo) => heard.is_ok(),
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;

    const HOME: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

    async fn socket(ip: IpAddr) -> (UdpSocket, SocketAddr) {
        let socket = UdpSocket::bind((ip, 0)).await.unwrap();
        let address = socket.local_addr().unwrap();
        (socket, address)
    }

    #[tokio::test]
    async fn a_path_is_open_if_both_pods_see_each_others_addresses() {
        // (address of the room's pod, the one that the site expects, the one that it sends from, whether the path is open)
        let cases = [(HOME, HOME, OTHER, true), (HOME, OTHER, OTHER, false)];
        for (home, expected, site, wanted) in cases {
            let ((own, _), (far, to)) = (socket(home).await, socket(site).await);
            let echoes = tokio::spawn(echo(far, expected));
            assert_eq!(is_open(&own, to).await, wanted, "{home} {expected} {site}");
            echoes.abort();
        }
    }

    #[tokio::test]
    async fn answers_from_another_address_do_not_count() {
        let ((own, _), (far, to), (hidden, _)) = (socket(HOME).await, socket(OTHER).await, socket(HOME).await);
        let answers = tokio::spawn(async move {
            let mut datagram = [0; 16];
            while let Ok((length, source)) = far.recv_from(&mut datagram).await {
                hidden.send_to(&datagram[..length], source).await.unwrap();
            }
        });
        assert!(!is_open(&own, to).await);
        answers.abort();
    }

    #[tokio::test]
    async fn a_port_is_spared_only_if_there_are_enough() {
        let (taken, address) = socket(HOME).await;
        let last = address.port();
        let pipes = |first: u16| PipePorts { ip: HOME, ports: first..=last };
        assert!(bind(&pipes(last - 2)).await.is_none());
        let spared = bind(&pipes(last - 200)).await.unwrap().local_addr().unwrap().port();
        assert!(spared < last, "{spared} of {last}");
        drop(taken);
    }
}
