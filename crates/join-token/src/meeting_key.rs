//! Namespace and name of a meeting, as in a URL.
//!
//! A [`MeetingKey`] always contains two valid Kubernetes names, so later code never has to handle `..`, escapes or Unicode. Whether the
//! meeting exists is not checked.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use std::fmt;
use std::sync::Arc;

use thiserror::Error;

/// Maximum length of a namespace (a DNS-1123 label).
const MAX_NAMESPACE: usize = 63;
/// Maximum length of an object name (a DNS-1123 subdomain).
const MAX_NAME: usize = 253;

/// Namespace and name of a Meeting, both valid.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct MeetingKey {
    /// `namespace/name`: one allocation, shared by all copies.
    path: Arc<str>,
    slash: usize,
}

/// Reasons a namespace or name is invalid.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub enum NameError {
    /// The namespace is not a DNS-1123 label.
    #[error(
        "the namespace must have 1 to 63 characters: lowercase letters, digits and '-', starting and ending with a letter or digit"
    )]
    Namespace,
    /// The name is not a DNS-1123 subdomain.
    #[error(
        "the meeting name must have 1 to 253 characters: lowercase letters, digits, '-' and '.', starting and ending with a letter or digit"
    )]
    Name,
    /// The path is not valid UTF-8 after decoding.
    #[error("the path is not valid UTF-8")]
    Encoding,
}

impl MeetingKey {
    /// Validates both names.
    pub fn parse(namespace: &str, name: &str) -> Result<Self, NameError> {
        if !is_label(namespace) {
            return Err(NameError::Namespace);
        }
        if name.len() > MAX_NAME || !name.split('.').all(|part| is_dns_part(part, MAX_NAME)) {
            return Err(NameError::Name);
        }
        Ok(Self { path: format!("{namespace}/{name}").into(), slash: namespace.len() })
    }

    /// Namespace of the Meeting.
    pub fn namespace(&self) -> &str {
        &self.path[..self.slash]
    }

    /// Name of the Meeting.
    pub fn name(&self) -> &str {
        &self.path[self.slash + 1..]
    }
}

/// Whether `text` is a valid namespace name (a DNS-1123 label).
pub fn is_label(text: &str) -> bool {
    is_dns_part(text, MAX_NAMESPACE)
}

fn is_dns_part(text: &str, limit: usize) -> bool {
    let is_edge = |byte: &u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let bytes = text.as_bytes();
    bytes.len() <= limit
        && bytes.first().is_some_and(is_edge)
        && bytes.last().is_some_and(is_edge)
        && bytes.iter().all(|byte| is_edge(byte) || *byte == b'-')
}

impl fmt::Display for MeetingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.path)
    }
}

impl fmt::Debug for MeetingKey {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.path, formatter)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn names_of_kubernetes_are_taken_as_they_are() {
        for (namespace, name) in
            [("team-a", "stand-up"), ("a", "0"), ("team", "weekly.planning.2026"), ("0-0", "x-1.y")]
        {
            let key = MeetingKey::parse(namespace, name).unwrap();
            assert_eq!((key.namespace(), key.name()), (namespace, name));
            assert_eq!(key.to_string(), format!("{namespace}/{name}"));
        }
    }

    #[test]
    fn anything_else_is_refused_and_says_which_half() {
        for namespace in ["", ".", "..", "Team", "a/b", "a.b", "-a", "a-", "é", "a b", "a\0", "a%2fb", &"a".repeat(64)]
        {
            assert_eq!(MeetingKey::parse(namespace, "ok"), Err(NameError::Namespace), "{namespace:?}");
        }
        for name in
            ["", ".", "..", "a..b", ".a", "a.", "A", "a/b", "../a", "a_b", "ünï", "a\n", "<b>", &"a".repeat(254)]
        {
            assert_eq!(MeetingKey::parse("ok", name), Err(NameError::Name), "{name:?}");
        }
    }

    proptest! {
        #[test]
        fn no_text_makes_it_panic_and_what_passes_is_plain(namespace in ".*", name in ".*") {
            if let Ok(key) = MeetingKey::parse(&namespace, &name) {
                prop_assert_eq!(key.namespace(), namespace.as_str());
                prop_assert_eq!(key.name(), name.as_str());
                prop_assert!(key.to_string().bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-./".contains(&byte)));
            }
        }

        #[test]
        fn different_meetings_have_different_keys(a in "[a-z]{1,3}", b in "[a-z]{1,3}", c in "[a-z]{1,3}", d in "[a-z]{1,3}") {
            let (one, other) = (MeetingKey::parse(&a, &b).unwrap(), MeetingKey::parse(&c, &d).unwrap());
            prop_assert_eq!(one == other, (a, b) == (c, d));
        }
    }
}
