//! Limits and names that several modules share. Pure.

/// Longest accepted join token, in bytes.
pub const MAX_TOKEN_BYTES: usize = 4096;
/// Seconds by which the clocks of application and router may differ.
pub(crate) const CLOCK_SKEW_SECONDS: u64 = 30;
/// Longest lifetime of a token unless the router is configured otherwise: a day.
pub(crate) const DEFAULT_MAX_LIFETIME_SECONDS: u64 = 86_400;
/// Suffix of the Secret entry that lists the namespaces a key is valid for.
pub const NAMESPACES_SUFFIX: &str = ".namespaces";
