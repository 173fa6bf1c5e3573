//! The first frame of an ICE-TCP connection: RFC 4571 framing around a STUN binding request (RFC 8489) with ICE credentials (RFC 8445).
//! Pure: bytes in, a request or an error out. It decides as early as the bytes allow, and never reads beyond the first frame.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use hmac::{Hmac, Mac};
use sha1::Sha1;
use thiserror::Error;

/// Longest first frame, without its length. A binding request of ICE has 100 to 200 bytes.
const MAX_MESSAGE_BYTES: usize = 1280;
/// Longest first frame with its length prefix: nothing beyond has to be buffered.
pub(super) const MAX_FRAME_BYTES: usize = LENGTH + MAX_MESSAGE_BYTES;

const LENGTH: usize = 2;
const HEADER: usize = 20;
const ATTRIBUTE_HEADER: usize = 4;
const BINDING_REQUEST: [u8; 2] = [0x00, 0x01];
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const INTEGRITY_BYTES: usize = 20;

/// Reasons the first frame is not an ICE-TCP binding request.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
pub(super) enum FrameError {
    /// No binding request has this length.
    #[error("the first frame has {0} bytes")]
    Length(usize),
    /// Not a STUN binding request.
    #[error("the first frame is not a STUN binding request")]
    NotBinding,
    /// Attributes that exceed the message.
    #[error("the attributes of the STUN request are malformed")]
    Malformed,
    /// Without ICE credentials.
    #[error("the STUN request has no USERNAME and MESSAGE-INTEGRITY for ICE")]
    NoCredentials,
}

/// A binding request with a user name, whose signature is not checked yet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct BindingRequest<'a> {
    /// The receiver's half of the user name: the ICE username fragment of a transport.
    pub(super) username_fragment: &'a str,
    /// The message before MESSAGE-INTEGRITY.
    signed: &'a [u8],
    integrity: &'a [u8],
}

/// Reads the first frame of a connection from all bytes that have arrived so far; `None` while more are needed.
pub(super) fn read_first_frame(bytes: &[u8]) -> Result<Option<BindingRequest<'_>>, FrameError> {
    let Some((length, rest)) = bytes.split_at_checked(LENGTH) else { return Ok(None) };
    let length = usize::from(u16::from_be_bytes([length[0], length[1]]));
    if !(HEADER..=MAX_MESSAGE_BYTES).contains(&length) || !length.is_multiple_of(4) {
        return Err(FrameError::Length(length));
    }
    check_start(&rest[..rest.len().min(length)], length)?;
    rest.get(..length).map(read_message).transpose()
}

/// Compares the start of the message with the expected header, as far as it has arrived.
fn check_start(message: &[u8], length: usize) -> Result<(), FrameError> {
    let attributes = u16::try_from(length - HEADER).unwrap_or(u16::MAX).to_be_bytes();
    let expected = [BINDING_REQUEST.as_slice(), &attributes, &MAGIC_COOKIE].concat();
    let is_same = expected.iter().zip(message).all(|(expected, found)| expected == found);
    if is_same { Ok(()) } else { Err(FrameError::NotBinding) }
}

/// Reads a message whose start has been checked.
fn read_message(message: &[u8]) -> Result<BindingRequest<'_>, FrameError> {
    let mut username = None;
    let mut at = HEADER;
    while at < message.len() {
        let (kind, value) = attribute(message, at).ok_or(FrameError::Malformed)?;
        match kind {
            USERNAME => username = username.or(Some(value)),
            MESSAGE_INTEGRITY => return signed_request(message, at, username, value),
            _ => {}
        }
        at += ATTRIBUTE_HEADER + value.len().next_multiple_of(4);
    }
    Err(FrameError::NoCredentials)
}

fn attribute(message: &[u8], at: usize) -> Option<(u16, &[u8])> {
    let head = message.get(at..at + ATTRIBUTE_HEADER)?;
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    let value = at + ATTRIBUTE_HEADER;
    // With its padding.
    message.get(value..value + length.next_multiple_of(4))?;
    Some((u16::from_be_bytes([head[0], head[1]]), &message[value..value + length]))
}

fn signed_request<'a>(
    message: &'a [u8],
    at: usize,
    username: Option<&'a [u8]>,
    integrity: &'a [u8],
) -> Result<BindingRequest<'a>, FrameError> {
    let username = username.and_then(|username| std::str::from_utf8(username).ok()).ok_or(FrameError::NoCredentials)?;
    match username.split_once(':') {
        Some((fragment, _)) if !fragment.is_empty() && integrity.len() == INTEGRITY_BYTES => {
            Ok(BindingRequest { username_fragment: fragment, signed: &message[..at], integrity })
        }
        _ => Err(FrameError::NoCredentials),
    }
}

impl BindingRequest<'_> {
    /// Whether the request is signed with the transport's ICE password. Takes the same time for every wrong signature.
    pub(super) fn is_signed_with(&self, password: &str) -> bool {
        let Some((head, attributes)) = self.signed.split_at_checked(HEADER) else { return false };
        // Computed as if the message ended with MESSAGE-INTEGRITY (RFC 8489 section 14.5).
        let length = attributes.len() + ATTRIBUTE_HEADER + INTEGRITY_BYTES;
        let Ok(length) = u16::try_from(length) else { return false };
        let mut mac = <Hmac<Sha1> as Mac>::new_from_slice(password.as_bytes()).expect("HMAC takes keys of any length");
        mac.update(&head[..2]);
        mac.update(&length.to_be_bytes());
        mac.update(&head[4..]);
        mac.update(attributes);
        mac.verify_slice(self.integrity).is_ok()
    }
}

#[cfg(test)]
pub(crate) mod tests;
