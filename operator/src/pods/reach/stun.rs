//! STUN binding requests (RFC 8489) as used by ICE (RFC 8445), and the check of their responses.
//!
//! Pure: bytes in, bytes out; the caller chooses the transaction id. A few dozen lines replace a crate with a whole ICE agent or codec
//! framework; only HMAC and checksum are from crates. It reads no more of a response than it needs.

#![warn(clippy::disallowed_methods, clippy::disallowed_types)]

use hmac::{Hmac, Mac};
use sha1::Sha1;

const BINDING_REQUEST: u16 = 0x0001;
const BINDING_SUCCESS: u16 = 0x0101;
const MAGIC_COOKIE: [u8; 4] = [0x21, 0x12, 0xa4, 0x42];
const HEADER: usize = 20;
const ATTRIBUTE_HEADER: usize = 4;

const USERNAME: u16 = 0x0006;
const MESSAGE_INTEGRITY: u16 = 0x0008;
const PRIORITY: u16 = 0x0024;
const FINGERPRINT: u16 = 0x8028;
const ICE_CONTROLLING: u16 = 0x802a;

const INTEGRITY_BYTES: usize = 20;
const FINGERPRINT_BYTES: usize = 4;
const FINGERPRINT_MASK: u32 = 0x5354_554e;

/// The name of the prober in USERNAME.
const OUR_FRAGMENT: &str = "probe";
/// The priority of a peer-reflexive candidate; any would do, because there is no choice between candidates here (RFC 8445, section
/// 5.1.2.1).
const OUR_PRIORITY: u32 = 0x6e00_01ff;
/// The tie breaker between two controlling agents; the pod is ICE-lite and never controls.
const TIE_BREAKER: u64 = 1;

/// Identifies a request and its response.
pub(super) type TransactionId = [u8; 12];

struct Attribute<'a> {
    kind: u16,
    value: &'a [u8],
}

/// A binding request to the transport with this user name fragment and password.
pub(super) fn build_binding_request(id: TransactionId, fragment: &str, password: &str) -> Vec<u8> {
    let username = format!("{fragment}:{OUR_FRAGMENT}");
    let attributes = [
        Attribute { kind: USERNAME, value: username.as_bytes() },
        Attribute { kind: PRIORITY, value: &OUR_PRIORITY.to_be_bytes() },
        Attribute { kind: ICE_CONTROLLING, value: &TIE_BREAKER.to_be_bytes() },
    ];
    encode(BINDING_REQUEST, id, &attributes, password, 0)
}

/// Whether `bytes` are the success response to the request with this id, signed with this password. Another STUN server at the address does
/// not know the password.
pub(super) fn is_answer(bytes: &[u8], id: TransactionId, password: &str) -> bool {
    let Some((head, attributes)) = bytes.split_at_checked(HEADER) else { return false };
    let length = usize::from(u16::from_be_bytes([head[2], head[3]]));
    head[..2] == BINDING_SUCCESS.to_be_bytes()
        && length == attributes.len()
        && head[4..8] == MAGIC_COOKIE
        && head[8..] == id
        && has_integrity(bytes, password)
}

/// Whether the first MESSAGE-INTEGRITY is valid; anything after it is unsigned and ignored.
fn has_integrity(message: &[u8], password: &str) -> bool {
    let mut at = HEADER;
    while let Some([kind_high, kind_low, length_high, length_low]) = message.get(at..at + ATTRIBUTE_HEADER) {
        let length = usize::from(u16::from_be_bytes([*length_high, *length_low]));
        let value = at + ATTRIBUTE_HEADER;
        if u16::from_be_bytes([*kind_high, *kind_low]) == MESSAGE_INTEGRITY {
            let Some(integrity) = message.get(value..value + length) else { return false };
            let mut signed = message[..at].to_vec();
            set_length(&mut signed, ATTRIBUTE_HEADER + INTEGRITY_BYTES);
            return sign(&signed, password).verify_slice(integrity).is_ok();
        }
        at = value + length.next_multiple_of(4);
    }
    false
}

/// A message with these attributes, MESSAGE-INTEGRITY and FINGERPRINT. Receivers ignore the value of `padding`.
fn encode(kind: u16, id: TransactionId, attributes: &[Attribute<'_>], password: &str, padding: u8) -> Vec<u8> {
    let mut message = Vec::with_capacity(128);
    message.extend(kind.to_be_bytes());
    message.extend([0, 0]);
    message.extend(MAGIC_COOKIE);
    message.extend(id);
    for attribute in attributes {
        push(&mut message, attribute, padding);
    }
    // Both are computed as if the message ended with them.
    set_length(&mut message, ATTRIBUTE_HEADER + INTEGRITY_BYTES);
    let integrity = sign(&message, password).finalize().into_bytes();
    push(&mut message, &Attribute { kind: MESSAGE_INTEGRITY, value: &integrity }, padding);
    set_length(&mut message, ATTRIBUTE_HEADER + FINGERPRINT_BYTES);
    let fingerprint = crc32fast::hash(&message) ^ FINGERPRINT_MASK;
    push(&mut message, &Attribute { kind: FINGERPRINT, value: &fingerprint.to_be_bytes() }, padding);
    message
}

fn push(message: &mut Vec<u8>, attribute: &Attribute<'_>, padding: u8) {
    let length = attribute.value.len();
    message.extend(attribute.kind.to_be_bytes());
    message.extend(u16::try_from(length).unwrap_or(u16::MAX).to_be_bytes());
    message.extend(attribute.value);
    message.resize(message.len() + length.next_multiple_of(4) - length, padding);
}

/// Writes the length that the message has once `more` bytes are added.
fn set_length(message: &mut [u8], more: usize) {
    let length = u16::try_from(message.len() - HEADER + more).unwrap_or(u16::MAX);
    message[2..4].copy_from_slice(&length.to_be_bytes());
}

fn sign(message: &[u8], password: &str) -> Hmac<Sha1> {
    let mut mac = <Hmac<Sha1> as Mac>::new_from_slice(password.as_bytes()).expect("HMAC takes keys of any length");
    mac.update(message);
    mac
}

/// The response of a pod, for the responders in tests.
#[cfg(test)]
pub(super) fn build_answer(id: TransactionId, password: &str) -> Vec<u8> {
    // XOR-MAPPED-ADDRESS of 192.0.2.1:32853, as in RFC 5769.
    let mapped = [0, 1, 0xa1, 0x47, 0xe1, 0x12, 0xa6, 0x43];
    encode(BINDING_SUCCESS, id, &[Attribute { kind: 0x0020, value: &mapped }], password, 0)
}

/// The transaction id and the user name of a request that is signed with this password.
#[cfg(test)]
pub(super) fn read_request(bytes: &[u8], password: &str) -> Option<(TransactionId, String)> {
    let is_request = bytes.get(..2)? == BINDING_REQUEST.to_be_bytes() && has_integrity(bytes, password);
    let length = usize::from(u16::from_be_bytes(bytes.get(22..24)?.try_into().ok()?));
    let username = String::from_utf8(bytes.get(24..24 + length)?.to_vec()).ok()?;
    is_request.then_some((bytes[8..20].try_into().ok()?, username))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// RFC 5769, section 2: password and transaction id of all samples.
    const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
    const ID: TransactionId = [0xb7, 0xe7, 0xa7, 0x01, 0xbc, 0x34, 0xd6, 0x86, 0xfa, 0x87, 0xdf, 0xae];

    /// RFC 5769, section 2.1.
    const SAMPLE_REQUEST: &str = "\
        000100582112a442b7e7a701bc34d686fa87dfae\
        802200105354554e207465737420636c69656e74\
        002400046e0001ff\
        80290008932ff9b151263b36\
        000600096576746a3a68367659202020\
        000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a2\
        80280004e57a3bcf";

    /// RFC 5769, section 2.2.
    const SAMPLE_RESPONSE: &str = "\
        0101003c2112a442b7e7a701bc34d686fa87dfae\
        8022000b7465737420766563746f7220\
        002000080001a147e112a643\
        000800142b91f599fd9e90c38c7489f92af9ba53f06be7d7\
        80280004c07d4c96";

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|at| u8::from_str_radix(&hex[at..at + 2], 16).unwrap()).collect()
    }

    #[test]
    fn the_sample_request_of_rfc_5769_comes_out_byte_for_byte() {
        let attributes = [
            Attribute { kind: 0x8022, value: b"STUN test client" },
            Attribute { kind: PRIORITY, value: &0x6e00_01ff_u32.to_be_bytes() },
            Attribute { kind: 0x8029, value: &0x932f_f9b1_5126_3b36_u64.to_be_bytes() },
            Attribute { kind: USERNAME, value: b"evtj:h6vY" },
        ];
        // The sample pads with spaces.
        assert_eq!(encode(BINDING_REQUEST, ID, &attributes, PASSWORD, b' '), bytes(SAMPLE_REQUEST));
    }

    #[test]
    fn the_sample_response_of_rfc_5769_is_an_answer_and_the_sample_request_is_none() {
        assert!(is_answer(&bytes(SAMPLE_RESPONSE), ID, PASSWORD));
        assert!(!is_answer(&bytes(SAMPLE_REQUEST), ID, PASSWORD));
    }

    #[test]
    fn requests_carry_what_ice_wants_in_its_order() {
        let request = build_binding_request(ID, "pod1", PASSWORD);
        let mut kinds = Vec::new();
        let mut at = HEADER;
        while at < request.len() {
            kinds.push(u16::from_be_bytes([request[at], request[at + 1]]));
            let length = usize::from(u16::from_be_bytes([request[at + 2], request[at + 3]]));
            at += ATTRIBUTE_HEADER + length.next_multiple_of(4);
        }
        assert_eq!(kinds, [USERNAME, PRIORITY, ICE_CONTROLLING, MESSAGE_INTEGRITY, FINGERPRINT]);
        assert_eq!(read_request(&request, PASSWORD), Some((ID, "pod1:probe".to_owned())));
        assert_eq!(usize::from(u16::from_be_bytes([request[2], request[3]])), request.len() - HEADER);
    }

    #[test]
    fn only_a_signed_success_with_our_id_is_an_answer() {
        let good = build_answer(ID, PASSWORD);
        assert!(is_answer(&good, ID, PASSWORD));
        let error = encode(0x0111, ID, &[], PASSWORD, 0);
        let unsigned = [&BINDING_SUCCESS.to_be_bytes()[..], &[0, 0], &MAGIC_COOKIE, &ID].concat();
        let other_id = build_answer([1; 12], PASSWORD);
        let other_password = build_answer(ID, "another");
        let longer = [&good[..], &[0; 4]].concat();
        let cases = [
            ("nothing", Vec::new()),
            ("an error response", error),
            ("unsigned", unsigned),
            ("another transaction", other_id),
            ("another password", other_password),
            ("cut", good[..good.len() - 1].to_vec()),
            ("followed by more", longer),
            ("text", b"HTTP/1.1 400 Bad Request\r\n\r\n".to_vec()),
        ];
        for (case, bytes) in cases {
            assert!(!is_answer(&bytes, ID, PASSWORD), "{case}");
        }
        for at in 0..good.len() - ATTRIBUTE_HEADER - FINGERPRINT_BYTES {
            let mut bent = good.clone();
            bent[at] ^= 0x10;
            assert!(!is_answer(&bent, ID, PASSWORD), "byte {at}");
        }
    }

    proptest! {
        #[test]
        fn whatever_arrives_is_judged_without_a_panic(tail in proptest::collection::vec(any::<u8>(), 0..64)) {
            let length = u16::try_from(tail.len()).unwrap().to_be_bytes();
            let message = [&BINDING_SUCCESS.to_be_bytes()[..], &length, &MAGIC_COOKIE, &ID, &tail].concat();
            prop_assert!(!is_answer(&message, ID, PASSWORD));
            prop_assert!(!is_answer(&tail, ID, PASSWORD));
        }
    }
}
