//! Reads keys from a file, or from a Secret with the permissions of the caller.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use clap::Args;
use k8s_openapi::ByteString;
use k8s_openapi::api::core::v1::Secret;
use kube::Api;

use super::output::CliError;
use convene_join_token::{NAMESPACES_SUFFIX, SigningKey, is_kid};
use convene_service::kube::connect;

/// Arguments that select a key.
#[derive(Clone, Debug, Default, Args)]
pub(crate) struct KeyArgs {
    /// Secret with the key, such as convene-join-keys (for Ed25519, the one with the private key)
    #[arg(long, value_name = "NAME", conflicts_with = "key_file")]
    pub(crate) secret: Option<String>,

    /// Namespace of the Secret; if unset, the namespace of your kubeconfig
    #[arg(short, long, value_name = "NAMESPACE", requires = "secret")]
    pub(crate) namespace: Option<String>,

    /// File with the key: an HS256 secret, or an Ed25519 key in PEM
    #[arg(long, value_name = "FILE", requires = "kid")]
    pub(crate) key_file: Option<PathBuf>,

    /// Name of the key, which tokens reference as "kid"; optional if the Secret has only one key
    #[arg(long, value_name = "NAME")]
    pub(crate) kid: Option<String>,
}

impl KeyArgs {
    /// Whether a key is selected.
    pub(crate) fn is_given(&self) -> bool {
        self.secret.is_some() || self.key_file.is_some()
    }

    /// Reads the key of the file, or all entries of the Secret.
    pub(crate) async fn read(&self) -> Result<BTreeMap<String, ByteString>, CliError> {
        match (&self.key_file, &self.secret) {
            (Some(path), _) => {
                let kid = self.kid.clone().unwrap_or_default();
                Ok(BTreeMap::from([(check_kid(&kid)?.to_owned(), ByteString(read_file(path)?))]))
            }
            (None, Some(name)) => read_secret(name, self.namespace.as_deref()).await,
            (None, None) => {
                Err(CliError::Usage("a key is required: --secret NAME, or --key-file FILE with --kid NAME".to_owned()))
            }
        }
    }
}

fn check_kid(kid: &str) -> Result<&str, CliError> {
    let words = "a key name has at most 253 letters, digits, '-', '_' and '.', and does not end in \".namespaces\"";
    if is_kid(kid) { Ok(kid) } else { Err(CliError::Usage(format!("--kid {kid:?} is not a valid key name: {words}"))) }
}

fn read_file(path: &Path) -> Result<Vec<u8>, CliError> {
    std::fs::read(path).map_err(|source| CliError::File { what: "read", path: path.to_owned(), source })
}

async fn read_secret(name: &str, namespace: Option<&str>) -> Result<BTreeMap<String, ByteString>, CliError> {
    let client = connect().await.map_err(CliError::Connect)?;
    let namespace = namespace.unwrap_or_else(|| client.default_namespace()).to_owned();
    let secret = Api::<Secret>::namespaced(client, &namespace).get(name).await;
    let secret =
        secret.map_err(|source| CliError::Secret { name: name.to_owned(), namespace, source: Box::new(source) })?;
    Ok(secret.data.unwrap_or_default())
}

/// The entries of a Secret as names and bytes.
pub(crate) fn values(entries: &BTreeMap<String, ByteString>) -> impl Iterator<Item = (&str, &[u8])> {
    entries.iter().map(|(name, ByteString(value))| (name.as_str(), value.as_slice()))
}

/// The signing key with the name `kid`, or the only one that can sign.
pub(crate) fn choose_signing(
    entries: &BTreeMap<String, ByteString>,
    kid: Option<&str>,
) -> Result<(String, SigningKey), CliError> {
    if let Some(kid) = kid {
        let ByteString(value) = entries.get(check_kid(kid)?).ok_or_else(|| {
            CliError::Usage(format!("the Secret has no key {kid:?}; it has: {}", list(entries.keys())))
        })?;
        return Ok((kid.to_owned(), SigningKey::read(value).map_err(CliError::Create)?));
    }
    let able = entries.iter().filter(|(name, _)| !name.ends_with(NAMESPACES_SUFFIX));
    let mut able = able.filter_map(|(name, value)| Some((name.clone(), SigningKey::read(&value.0).ok()?)));
    match (able.next(), able.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => Err(CliError::Usage(format!(
            "none of the keys can sign ({}); Ed25519 tokens are signed with the private key, which is in a separate Secret or file",
            list(entries.keys())
        ))),
        (Some(_), Some(_)) => Err(CliError::Usage(format!("select a key with --kid: {}", list(entries.keys())))),
    }
}

fn list<'a>(names: impl Iterator<Item = &'a String>) -> String {
    let names: Vec<_> = names.filter(|name| !name.ends_with(NAMESPACES_SUFFIX)).map(String::as_str).collect();
    if names.is_empty() { "nothing".to_owned() } else { names.join(", ") }
}
