//! A client of the Kubernetes API server with a limit on every wait.
//!
//! An API server that is stopped, cut off or replaced may leave a request without a response. This module opens the connection; it never
//! reads or writes an object.

#[cfg(feature = "watch")]
pub mod watch;

use std::time::Duration;

use kube::{Client, Config, client::ClientBuilder};
use thiserror::Error;
use tower::timeout::TimeoutLayer;

/// Limit for opening a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// Limit for receiving the headers of a response.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(15);
/// Limit for silence on a connection with a pending response. It must exceed the pauses of a quiet watch.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(45);

/// No client could be built.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// No service account or kubeconfig was found, or it could not be read.
    #[error("could not find a service account or a kubeconfig that can be read")]
    Config(#[source] kube::config::InferConfigError),
    /// The discovered configuration is not usable, for example because of a certificate.
    #[error("could not build a Kubernetes client from the discovered config")]
    Client(#[source] Box<kube::Error>),
}

/// Builds a client for the API server of this cluster or of the kubeconfig.
pub async fn connect() -> Result<Client, ConnectError> {
    let mut config = Config::infer().await.map_err(ConnectError::Config)?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    config.reset_reader_on_write = true;
    let builder = ClientBuilder::try_from(config).map_err(|error| ConnectError::Client(Box::new(error)))?;
    Ok(builder.with_layer(&TimeoutLayer::new(RESPONSE_TIMEOUT)).build())
}
