//! A client of the Kubernetes API server whose every wait ends.
//!
//! An API server that is stopped, cut off or replaced may leave a request without an answer. This module opens the connection; it never
//! reads or writes an object.

use std::time::Duration;

use kube::{Client, Config, client::ClientBuilder};
use thiserror::Error;
use tower::timeout::TimeoutLayer;

/// How long a connection may take to open.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long the response headers may take.
const RESPONSE_TIMEOUT: Duration = Duration::from_secs(15);
/// How long a connection with a pending response may stay silent: longer than a quiet watch does.
pub(crate) const READ_TIMEOUT: Duration = Duration::from_secs(45);

/// Why there is no client.
#[derive(Debug, Error)]
pub enum ConnectError {
    /// Neither a service account nor a kubeconfig was found, or it could not be read.
    #[error("could not find a service account or a kubeconfig that can be read")]
    Config(#[source] kube::config::InferConfigError),
    /// What was found is not usable, for example because of a certificate.
    #[error("could not build a Kubernetes client from the discovered config")]
    Client(#[source] Box<kube::Error>),
}

/// A client for the API server of this cluster or of the kubeconfig.
pub async fn connect() -> Result<Client, ConnectError> {
    let mut config = Config::infer().await.map_err(ConnectError::Config)?;
    config.connect_timeout = Some(CONNECT_TIMEOUT);
    config.read_timeout = Some(READ_TIMEOUT);
    config.reset_reader_on_write = true;
    let builder = ClientBuilder::try_from(config).map_err(|error| ConnectError::Client(Box::new(error)))?;
    Ok(builder.with_layer(&TimeoutLayer::new(RESPONSE_TIMEOUT)).build())
}
