use std::sync::Arc;

use rcgen::{CertifiedKey, generate_simple_self_signed};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use super::*;
use crate::fixtures::{Fixture, Folder, edge, settings};

/// A certificate for localhost, written to a directory like a mounted Secret.
fn write_certificate(folder: &Folder) -> CertificateDer<'static> {
    let CertifiedKey { cert, signing_key } = generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    folder.write("tls.crt", &cert.pem());
    folder.write("tls.key", &signing_key.serialize_pem());
    cert.der().clone()
}

fn config(fixture: &Fixture, folder: &Folder) -> Config {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let local = SocketAddr::from(([127, 0, 0, 1], 0));
    Config {
        listen: local,
        metrics_listen: local,
        tls: Some(TlsConfig { listen: local, cert: folder.path().join("tls.crt"), key: folder.path().join("tls.key") }),
        web: fixture.app.web.clone(),
        namespace: "convene-system".into(),
        admission_key_secret: "key".into(),
        join: crate::join::config::JoinConfig::default(),
        signal: settings(),
        edge: edge(),
    }
}

async fn connect(address: SocketAddr, trusted: &CertificateDer<'static>) -> io::Result<TlsStream<TcpStream>> {
    let mut roots = RootCertStore::empty();
    roots.add(trusted.clone()).unwrap();
    let config = ClientConfig::builder().with_root_certificates(roots).with_no_client_auth();
    let stream = TcpStream::connect(address).await?;
    TlsConnector::from(Arc::new(config)).connect(ServerName::try_from("localhost").unwrap(), stream).await
}

#[tokio::test]
async fn tls_serves_the_same_routes_and_a_new_certificate_is_taken_over_without_restart() {
    let (fixture, folder) = (Fixture::new(settings()), Folder::new());
    let first = write_certificate(&folder);
    let listeners = Listeners::bind(&config(&fixture, &folder)).unwrap();
    let address = listeners.tls_address().unwrap().unwrap();
    let certificate = listeners.tls.as_ref().unwrap().1.clone();
    let server = tokio::spawn(listeners.serve(fixture.app.clone()));

    let mut stream = connect(address, &first).await.unwrap();
    stream.write_all(b"GET /m/team-a/stand-up HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 OK") && answer.contains("the web app"), "{answer}");

    let second = write_certificate(&folder);
    certificate.reload();
    assert!(connect(address, &first).await.is_err(), "the old certificate is no longer shown");
    connect(address, &second).await.unwrap();

    folder.write("tls.crt", "not a certificate");
    certificate.reload();
    connect(address, &second).await.expect("a broken file changes nothing");

    fixture.app.stopping.cancel();
    server.await.unwrap();
}

#[tokio::test]
async fn signaling_over_tls_is_spliced_and_the_pod_learns_the_scheme() {
    use futures_util::{SinkExt, StreamExt};
    use tokio_tungstenite::tungstenite::Message;
    use tokio_tungstenite::tungstenite::client::IntoClientRequest;

    let (mut fixture, folder) = (Fixture::new(settings()), Folder::new());
    let trusted = write_certificate(&folder);
    let listeners = Listeners::bind(&config(&fixture, &folder)).unwrap();
    let address = listeners.tls_address().unwrap().unwrap();
    tokio::spawn(listeners.serve(fixture.app.clone()));
    let pod = crate::tests::peer::Pod::start(&fixture.jwks).await;
    fixture.assign("media-0", pod.address);

    let mut request = "wss://localhost/signal/team-a/stand-up?peerId=abc".into_client_request().unwrap();
    request.headers_mut().insert("sec-websocket-protocol", "protoo".parse().unwrap());
    let stream = connect(address, &trusted).await.unwrap();
    let (mut client, answer) = tokio_tungstenite::client_async(request, stream).await.unwrap();
    assert_eq!(answer.headers()["sec-websocket-protocol"], "protoo");
    client.send(Message::text("hello")).await.unwrap();
    assert_eq!(client.next().await.unwrap().unwrap(), Message::text("hello"));
    assert_eq!(pod.seen()[0].headers["x-forwarded-proto"], "https");
    assert_eq!(pod.seen()[0].headers["x-forwarded-host"], "localhost");
}

#[tokio::test]
async fn certificates_that_cannot_be_used_are_named_at_the_start() {
    let (fixture, folder) = (Fixture::new(settings()), Folder::new());
    let missing = Listeners::bind(&config(&fixture, &folder)).unwrap_err();
    assert!(missing.to_string().contains("tls.crt"), "{missing}");
    write_certificate(&folder);
    folder.write("tls.key", "not a key");
    let broken = Listeners::bind(&config(&fixture, &folder)).unwrap_err();
    assert!(matches!(broken, ServeError::Certificate(_)), "{broken}");
}

#[tokio::test]
async fn a_taken_port_is_named_at_the_start() {
    let (fixture, folder) = (Fixture::new(settings()), Folder::new());
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let config = Config { listen: taken.local_addr().unwrap(), tls: None, ..config(&fixture, &folder) };
    let error = Listeners::bind(&config).unwrap_err();
    assert_eq!(error.to_string(), format!("could not listen on {}", taken.local_addr().unwrap()));
}
