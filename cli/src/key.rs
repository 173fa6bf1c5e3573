//! `convene key create`: prints a new join key as the manifest of a Secret.

use std::io::Write;
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::prelude::{BASE64_STANDARD, BASE64_URL_SAFE_NO_PAD};
use clap::{Args, Subcommand};
use ed25519_dalek::SigningKey;
use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{EncodePrivateKey, EncodePublicKey};

use super::output::{CliError, Output};
use convene_join_token::is_label;
use convene_join_token::{NAMESPACES_SUFFIX, is_kid};

/// Commands about join keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Prints a new join key as the manifest of a Secret, for kubectl apply -f -
    ///
    /// By default the key is an HS256 secret that application and router share. With --ed25519 the Secret
    /// contains only the public key; the private key, which only your application needs, is printed as a
    /// second Secret or written to a file.
    ///
    /// Example:
    ///   convene key create convene-join-keys --kid shop-2026 -n convene-system | kubectl apply -f -
    ///
    /// kubectl apply replaces the keys that an earlier apply added to the Secret. To keep them, create a
    /// Secret with another name and add it to router.joinKeySecrets of the chart.
    #[command(verbatim_doc_comment)]
    Create(CreateArgs),
}

/// Arguments of `convene key create`.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Name of the Secret
    #[arg(default_value = "convene-join-keys")]
    pub(crate) secret: String,

    /// Namespace that Convene is installed in; if unset, the manifest has no namespace
    #[arg(short, long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,

    /// Name of the key, which tokens reference as "kid"; generated if unset
    #[arg(long, value_name = "NAME")]
    pub(crate) kid: Option<String>,

    /// Namespaces that the key is valid for; all if unset
    #[arg(long, value_name = "NAMESPACES", value_delimiter = ',')]
    pub(crate) only_for: Vec<String>,

    /// Create an Ed25519 key pair, so that the router cannot create tokens
    #[arg(long)]
    pub(crate) ed25519: bool,

    /// Write the private key to this new file instead of a second Secret
    #[arg(long, value_name = "FILE", requires = "ed25519")]
    pub(crate) private_key_file: Option<PathBuf>,
}

/// Runs a command.
pub(crate) fn run(command: KeyCommand) -> Result<Output, CliError> {
    let KeyCommand::Create(args) = command;
    let (output, private) = create(&args, rand::random())?;
    if let (Some(path), Some(private)) = (&args.private_key_file, private) {
        write_private(path, &private)?;
    }
    Ok(output)
}

/// The manifests, and the private key if it is written to a file; `seed` must be random.
pub(crate) fn create(args: &CreateArgs, seed: [u8; 32]) -> Result<(Output, Option<String>), CliError> {
    check(args)?;
    let key = SigningKey::from_bytes(&seed);
    let made_up = || format!("key-{}", hex(&key.verifying_key().as_bytes()[..6]));
    let kid = args.kid.clone().unwrap_or_else(made_up);
    if !args.ed25519 {
        // As text, so that it can be copied; the encoding keeps all 32 bytes of entropy.
        let secret = BASE64_URL_SAFE_NO_PAD.encode(seed);
        let notes = vec![format!(
            "key {kid:?} (HS256): applications sign with the value of this entry in Secret {:?}, byte for byte",
            args.secret
        )];
        let text = manifest(args, &args.secret, &entries(&kid, &secret, &args.only_for));
        return Ok((Output { text, notes, verdict: None }, None));
    }
    let unwritable = |_| CliError::Usage("could not encode the key as PEM".to_owned());
    let private = key.to_pkcs8_pem(LineEnding::LF).map_err(unwritable)?.to_string();
    let public = key.verifying_key().to_public_key_pem(LineEnding::LF);
    let public = public.map_err(|_| CliError::Usage("could not encode the key as PEM".to_owned()))?;
    let mut text = manifest(args, &args.secret, &entries(&kid, &public, &args.only_for));
    if args.private_key_file.is_some() {
        let notes = vec![format!("key {kid:?} (EdDSA): the Secret contains the public key")];
        return Ok((Output { text, notes, verdict: None }, Some(private)));
    }
    let second = format!("{}-private", args.secret);
    text.push_str("---\n");
    text.push_str(&manifest(args, &second, &[(kid.clone(), private)]));
    let notes = vec![format!(
        "key {kid:?} (EdDSA): the private key is in the second Secret, {second:?}, which the router does not need"
    )];
    Ok((Output { text, notes, verdict: None }, None))
}

fn check(args: &CreateArgs) -> Result<(), CliError> {
    let wrong = |flag: &str, value: &str, what: &str| Err(CliError::Usage(format!("{flag} {value:?} is not {what}")));
    if args.secret.len() > 245 || !args.secret.split('.').all(is_label) {
        return wrong("the name", &args.secret, "a valid Secret name");
    }
    if let Some(kid) = args.kid.as_ref().filter(|kid| !is_kid(kid)) {
        return wrong("--kid", kid, "a valid Secret entry name: letters, digits, '-', '_' and '.'");
    }
    let mut namespaces = args.only_for.iter().chain(&args.namespace);
    match namespaces.find(|name| !is_label(name)) {
        Some(name) => wrong("the namespace", name, "a valid namespace name"),
        None => Ok(()),
    }
}

fn entries(kid: &str, value: &str, only_for: &[String]) -> Vec<(String, String)> {
    let mut entries = vec![(kid.to_owned(), value.to_owned())];
    if !only_for.is_empty() {
        entries.push((format!("{kid}{NAMESPACES_SUFFIX}"), only_for.join(",")));
    }
    entries
}

/// All names are validated and all values are base64, so nothing needs quoting.
fn manifest(args: &CreateArgs, name: &str, entries: &[(String, String)]) -> String {
    let namespace = args.namespace.as_ref().map(|namespace| format!("  namespace: {namespace}\n")).unwrap_or_default();
    let lines = entries.iter().map(|(entry, value)| format!("  \"{entry}\": {}", BASE64_STANDARD.encode(value)));
    let data = lines.collect::<Vec<_>>().join("\n");
    format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n{namespace}type: Opaque\ndata:\n{data}\n")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// Readable only by the owner; never overwrites a file.
fn write_private(path: &Path, private: &str) -> Result<(), CliError> {
    use std::os::unix::fs::OpenOptionsExt;
    let failed = |source| CliError::File { what: "write", path: path.to_owned(), source };
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(private.as_bytes()).map_err(failed)
}
