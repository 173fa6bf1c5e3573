//! All join keys by name, merged from their Secrets.
//!
//! An invalid entry is reported and does not affect the others. Pure: Secret data in, keys and problems out.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::collections::BTreeMap;

use super::key::{JoinKey, KeyProblem, is_kid};
use super::limits::{DEFAULT_MAX_LIFETIME_SECONDS, NAMESPACES_SUFFIX};
use crate::meeting_key::is_label;

/// Maximum number of keys of one Secret.
const MAX_KEYS: usize = 1000;
/// Maximum length of entry names in messages.
const MAX_SHOWN: usize = 64;

/// An invalid entry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecretProblem {
    /// Name of the entry, possibly truncated.
    pub entry: String,
    /// The reason it is invalid.
    pub problem: KeyProblem,
}

/// The keys that verify join tokens.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct JoinKeys {
    keys: BTreeMap<String, JoinKey>,
    /// Maximum lifetime of a token, in seconds.
    pub max_lifetime: u64,
}

impl Default for JoinKeys {
    fn default() -> Self {
        Self::new(DEFAULT_MAX_LIFETIME_SECONDS)
    }
}

impl JoinKeys {
    /// No keys yet.
    pub fn new(max_lifetime: u64) -> Self {
        Self { keys: BTreeMap::new(), max_lifetime }
    }

    /// Adds a key.
    #[must_use]
    pub fn with(mut self, kid: &str, key: JoinKey) -> Self {
        self.keys.insert(kid.to_owned(), key);
        self
    }

    /// Adds the keys of another Secret; returns those whose names are in use.
    pub fn add(&mut self, keys: &BTreeMap<String, JoinKey>) -> Vec<SecretProblem> {
        let mut problems = Vec::new();
        for (kid, key) in keys {
            if self.keys.contains_key(kid) {
                problems.push(broken(kid, KeyProblem::Taken));
            } else {
                self.keys.insert(kid.clone(), key.clone());
            }
        }
        problems
    }

    /// The key with that name.
    pub fn get(&self, kid: &str) -> Option<&JoinKey> {
        self.keys.get(kid)
    }

    /// Names of all keys.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.keys.keys().map(String::as_str)
    }

    /// Number of keys.
    pub fn len(&self) -> usize {
        self.keys.len()
    }

    /// Whether there are no keys.
    pub fn is_empty(&self) -> bool {
        self.keys.is_empty()
    }
}

/// Reads all keys of a Secret from its entries (name and value).
pub fn read_secret<'a>(
    entries: impl IntoIterator<Item = (&'a str, &'a [u8])>,
) -> (BTreeMap<String, JoinKey>, Vec<SecretProblem>) {
    let data: BTreeMap<_, _> = entries.into_iter().collect();
    let (mut keys, mut problems) = (BTreeMap::new(), Vec::new());
    for (entry, value) in data.iter().filter(|(entry, _)| !entry.ends_with(NAMESPACES_SUFFIX)) {
        if keys.len() == MAX_KEYS {
            problems.push(broken(entry, KeyProblem::TooMany));
            break;
        }
        match read_entry(entry, value, &data) {
            Ok(key) => drop(keys.insert((*entry).to_owned(), key)),
            Err(problem) => problems.push(broken(entry, problem)),
        }
    }
    (keys, problems)
}

fn read_entry(entry: &str, value: &[u8], data: &BTreeMap<&str, &[u8]>) -> Result<JoinKey, KeyProblem> {
    if !is_kid(entry) {
        return Err(KeyProblem::Name);
    }
    let key = JoinKey::read(value)?;
    match data.get(format!("{entry}{NAMESPACES_SUFFIX}").as_str()) {
        // An invalid list makes its key invalid: without the list the key would be valid for more namespaces than intended.
        Some(list) => Ok(key.only_for(read_namespaces(list)?)),
        None => Ok(key),
    }
}

/// Names of namespaces, separated by commas or whitespace.
fn read_namespaces(list: &[u8]) -> Result<Vec<String>, KeyProblem> {
    let list = std::str::from_utf8(list).map_err(|_| KeyProblem::Namespaces)?;
    let names = list.split(|letter: char| letter == ',' || letter.is_whitespace()).filter(|name| !name.is_empty());
    let names: Vec<_> = names.map(ToOwned::to_owned).collect();
    if names.is_empty() || !names.iter().all(|name| is_label(name)) { Err(KeyProblem::Namespaces) } else { Ok(names) }
}

fn broken(entry: &str, problem: KeyProblem) -> SecretProblem {
    SecretProblem { entry: entry.chars().take(MAX_SHOWN).collect(), problem }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PUBLIC: &str = include_str!("tests/data/ed25519-public.pem");
    const PRIVATE: &str = include_str!("tests/data/ed25519-private.pem");
    const RSA: &str = include_str!("tests/data/rsa-public.pem");

    fn read(entries: &[(&str, &[u8])]) -> (BTreeMap<String, JoinKey>, Vec<SecretProblem>) {
        read_secret(entries.iter().copied())
    }

    #[test]
    fn good_keys_are_read_beside_broken_ones() {
        let random: Vec<u8> = (0..32).collect();
        let (keys, problems) = read(&[
            ("shared", &random),
            ("public", PUBLIC.as_bytes()),
            ("public.namespaces", b"team-a, team-b\n"),
            ("short", b"not enough"),
        ]);
        assert_eq!(keys.keys().collect::<Vec<_>>(), ["public", "shared"]);
        assert!(
            keys["public"].is_valid_for("team-b")
                && !keys["public"].is_valid_for("team-c")
                && keys["shared"].is_valid_for("team-c")
        );
        assert_eq!(problems, [SecretProblem { entry: "short".into(), problem: KeyProblem::Weak }]);
    }

    #[test]
    fn whatever_looks_like_a_key_never_becomes_a_shared_secret() {
        let body: String = PUBLIC.lines().filter(|line| !line.starts_with('-')).collect();
        let der = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, &body).unwrap();
        let jwk = br#"{"kty":"OKP","crv":"Ed25519","x":"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}"#;
        let cases: [(&str, &[u8], KeyProblem); 12] = [
            ("private half", PRIVATE.as_bytes(), KeyProblem::Private),
            ("RSA", RSA.as_bytes(), KeyProblem::Unsupported),
            ("DER", &der, KeyProblem::Unsupported),
            ("base64 of DER", body.as_bytes(), KeyProblem::Unsupported),
            ("JWK", jwk, KeyProblem::Unsupported),
            ("ssh", b"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIJ0 ada@example.org", KeyProblem::Unsupported),
            ("PEM cut short", b"-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEA", KeyProblem::Unsupported),
            ("white space before PEM", b"  -----BEGIN CERTIFICATE-----\nAAAA\n", KeyProblem::Unsupported),
            (
                "bytes after PEM",
                b"-----BEGIN PUBLIC KEY-----\n\xff\xff\xff\xff\xff\xff\xff\xff",
                KeyProblem::Unsupported,
            ),
            ("31 bytes", b"0123456789012345678901234567890", KeyProblem::Weak),
            ("zeros", &[0; 64], KeyProblem::Weak),
            ("nothing", b"", KeyProblem::Weak),
        ];
        for (name, value, problem) in cases {
            assert_eq!(JoinKey::read(value).unwrap_err(), problem, "{name}");
        }
        // A point of small order, for which arbitrary signatures are valid.
        let weak = "-----BEGIN PUBLIC KEY-----\nMCowBQYDK2VwAyEAAQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n-----END PUBLIC KEY-----\n";
        assert_eq!(JoinKey::read(weak.as_bytes()).unwrap_err(), KeyProblem::Weak);
    }

    #[test]
    fn a_list_of_namespaces_that_cannot_be_read_closes_its_key() {
        let random: Vec<u8> = (0..32).collect();
        for list in [&b""[..], b" , ", b"Team", b"team-a,*", b"\xff"] {
            let (keys, problems) = read(&[("k", &random), ("k.namespaces", list)]);
            assert_eq!((keys.len(), problems[0].problem), (0, KeyProblem::Namespaces), "{list:?}");
        }
    }

    #[test]
    fn the_first_secret_wins_a_name() {
        let [one, two] = [1_u8, 2].map(|add| JoinKey::read(&(add..add + 32).collect::<Vec<u8>>()).unwrap());
        let mut keys = JoinKeys::default();
        assert_eq!(keys.add(&BTreeMap::from([("k".to_owned(), one.clone())])), []);
        let problems = keys.add(&BTreeMap::from([("k".to_owned(), two.clone()), ("l".to_owned(), two)]));
        assert_eq!(problems, [SecretProblem { entry: "k".into(), problem: KeyProblem::Taken }]);
        assert_eq!((keys.get("k"), keys.len()), (Some(&one), 2));
    }

    #[test]
    fn no_key_shows_in_debug_output() {
        let secret = JoinKey::read(b"correct horse battery staple, twice over").unwrap();
        let shown = format!("{:?} {:?}", secret, JoinKeys::default().with("k", secret.clone()));
        assert!(!shown.contains("horse") && !shown.contains("104"), "{shown}");
    }
}
