//! The first bytes that an ICE agent sends on a TCP connection.

use hmac::{Hmac, Mac};
use serde_json::Value;
use sha1::Sha1;

/// A binding request for a transport with these ICE parameters, with a length prefix (RFC 4571).
pub(crate) fn first_frame(ice: &Value) -> Vec<u8> {
    let text = |field: &str| ice[field].as_str().unwrap();
    let username = format!("{}:test", text("usernameFragment"));
    let mut message = [&[0, 1, 0, 0, 0x21, 0x12, 0xa4, 0x42][..], &[9; 12]].concat();
    push(&mut message, 0x0006, username.as_bytes());
    push(&mut message, 0x0024, &[0x6e, 0, 1, 0xff]);
    push(&mut message, 0x802a, &[0, 0, 0, 0, 0, 0, 0, 1]);
    let length = u16::try_from(message.len() + 4).unwrap();
    message[2..4].copy_from_slice(&length.to_be_bytes());
    let mut mac = Hmac::<Sha1>::new_from_slice(text("password").as_bytes()).unwrap();
    mac.update(&message);
    let integrity = mac.finalize().into_bytes();
    push(&mut message, 0x0008, &integrity);
    let length = u16::try_from(message.len() + 8 - 20).unwrap();
    message[2..4].copy_from_slice(&length.to_be_bytes());
    let fingerprint = crc32fast::hash(&message) ^ 0x5354_554e;
    push(&mut message, 0x8028, &fingerprint.to_be_bytes());
    [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], &message].concat()
}

fn push(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

/// Whether bytes are the success response to that request.
pub(crate) fn is_success(bytes: &[u8]) -> bool {
    bytes.len() > 22 && bytes[2..4] == [1, 1] && bytes[10..22] == [9; 12]
}
