//! `convene key create`: a join key as the manifest of a Secret.

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

/// What to do about keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Prints a new join key as the manifest of a Secret, for kubectl apply -f -
    ///
    /// Without --ed25519 it is a secret for HS256 that application and router share. With it the Secret
    /// holds the public half alone, and the private half, which only your application needs, goes into a
    /// second Secret in the same output or into a file.
    ///
    /// Example:
    ///   convene key create convene-join-keys --kid shop-2026 -n convene-system | kubectl apply -f -
    ///
    /// kubectl apply replaces what an earlier apply put into the Secret. To add a key to one that exists,
    /// make a Secret of another name and name it in the chart's router.joinKeySecrets.
    #[command(verbatim_doc_comment)]
    Create(CreateArgs),
}

/// Which key to make.
#[derive(Debug, Args)]
pub(crate) struct CreateArgs {
    /// Name of the Secret
    #[arg(default_value = "convene-join-keys")]
    pub(crate) secret: String,

    /// Namespace Convene is installed in; without it the manifest names none
    #[arg(short, long, value_name = "NAMESPACE")]
    pub(crate) namespace: Option<String>,

    /// Name of the key, which tokens name as their "kid"; without it one is made up
    #[arg(long, value_name = "NAME")]
    pub(crate) kid: Option<String>,

    /// Namespaces whose meetings the key opens; without it: all
    #[arg(long, value_name = "NAMESPACES", value_delimiter = ',')]
    pub(crate) only_for: Vec<String>,

    /// Make a key pair, so that the router cannot make tokens
    #[arg(long)]
    pub(crate) ed25519: bool,

    /// Write the private half into this new file instead of a second Secret
    #[arg(long, value_name = "FILE", requires = "ed25519")]
    pub(crate) private_key_file: Option<PathBuf>,
}

/// Does it.
pub(crate) fn run(command: KeyCommand) -> Result<Output, CliError> {
    let KeyCommand::Create(args) = command;
    let (output, private) = create(&args, rand::random())?;
    if let (Some(path), Some(private)) = (&args.private_key_file, private) {
        write_private(path, &private)?;
    }
    Ok(output)
}

/// The manifests, and the private half where it goes into a file. Of 32 random bytes.
pub(crate) fn create(args: &CreateArgs, seed: [u8; 32]) -> Result<(Output, Option<String>), CliError> {
    check(args)?;
    let key = SigningKey::from_bytes(&seed);
    let made_up = || format!("key-{}", hex(&key.verifying_key().as_bytes()[..6]));
    let kid = args.kid.clone().unwrap_or_else(made_up);
    if !args.ed25519 {
        // Letters, so that it can be copied into settings; all 32 bytes are in it.
        let secret = BASE64_URL_SAFE_NO_PAD.encode(seed);
        let notes = vec![format!(
            "key {kid:?}, for HS256: {:?} is what applications sign with, byte for byte as it is in the Secret",
            args.secret
        )];
        let text = manifest(args, &args.secret, &entries(&kid, &secret, &args.only_for));
        return Ok((Output { text, notes, verdict: None }, None));
    }
    let unwritable = |_| CliError::Usage("the key could not be written as text".to_owned());
    let private = key.to_pkcs8_pem(LineEnding::LF).map_err(unwritable)?.to_string();
    let public = key.verifying_key().to_public_key_pem(LineEnding::LF);
    let public = public.map_err(|_| CliError::Usage("the key could not be written as text".to_owned()))?;
    let mut text = manifest(args, &args.secret, &entries(&kid, &public, &args.only_for));
    if args.private_key_file.is_some() {
        let notes = vec![format!("key {kid:?}, for EdDSA: the Secret holds the public half")];
        return Ok((Output { text, notes, verdict: None }, Some(private)));
    }
    let second = format!("{}-private", args.secret);
    text.push_str("---\n");
    text.push_str(&manifest(args, &second, &[(kid.clone(), private)]));
    let notes = vec![format!(
        "key {kid:?}, for EdDSA: the private half is in the second Secret, {second:?}, which the router does not need"
    )];
    Ok((Output { text, notes, verdict: None }, None))
}

fn check(args: &CreateArgs) -> Result<(), CliError> {
    let wrong = |flag: &str, value: &str, what: &str| Err(CliError::Usage(format!("{flag} {value:?} is not {what}")));
    if args.secret.len() > 245 || !args.secret.split('.').all(is_label) {
        return wrong("the name", &args.secret, "the name of a Secret");
    }
    if let Some(kid) = args.kid.as_ref().filter(|kid| !is_kid(kid)) {
        return wrong("--kid", kid, "the name of an entry of a Secret: letters, digits, '-', '_' and '.'");
    }
    let mut namespaces = args.only_for.iter().chain(&args.namespace);
    match namespaces.find(|name| !is_label(name)) {
        Some(name) => wrong("the namespace", name, "the name of a namespace"),
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

/// Every name was checked and every value is base64, so nothing needs quoting.
fn manifest(args: &CreateArgs, name: &str, entries: &[(String, String)]) -> String {
    let namespace = args.namespace.as_ref().map(|namespace| format!("  namespace: {namespace}\n")).unwrap_or_default();
    let lines = entries.iter().map(|(entry, value)| format!("  \"{entry}\": {}", BASE64_STANDARD.encode(value)));
    let data = lines.collect::<Vec<_>>().join("\n");
    format!("apiVersion: v1\nkind: Secret\nmetadata:\n  name: {name}\n{namespace}type: Opaque\ndata:\n{data}\n")
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat()
}

/// For its owner alone, and never over a file that is there.
fn write_private(path: &Path, private: &str) -> Result<(), CliError> {
    use std::os::unix::fs::OpenOptionsExt;
    let failed = |source| CliError::File { what: "write", path: path.to_owned(), source };
    let mut file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path).map_err(failed)?;
    file.write_all(private.as_bytes()).map_err(failed)
}
