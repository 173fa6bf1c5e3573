use super::*;
use proptest::prelude::*;

/// RFC 5769, section 2.1: password, and a request with USERNAME, MESSAGE-INTEGRITY and FINGERPRINT, with its frame's length.
const PASSWORD: &str = "VOkJxbRl1RmTxUk/WvJxBt";
const SAMPLE: &[u8] = b"\x00\x6c\
    \x00\x01\x00\x58\x21\x12\xa4\x42\xb7\xe7\xa7\x01\xbc\x34\xd6\x86\xfa\x87\xdf\xae\
    \x80\x22\x00\x10STUN test client\
    \x00\x24\x00\x04\x6e\x00\x01\xff\
    \x80\x29\x00\x08\x93\x2f\xf9\xb1\x51\x26\x3b\x36\
    \x00\x06\x00\x09\x65\x76\x74\x6a\x3a\x68\x36\x76\x59\x20\x20\x20\
    \x00\x08\x00\x14\x9a\xea\xa7\x0c\xbf\xd8\xcb\x56\x78\x1e\xf2\xb5\xb2\xd3\xf2\x49\xc1\xb5\x71\xa2\
    \x80\x28\x00\x04\xe5\x7a\x3b\xcf";

/// A first frame with these attributes before its MESSAGE-INTEGRITY.
pub(crate) fn frame(username: &str, password: &str) -> Vec<u8> {
    let mut message = [&BINDING_REQUEST[..], &[0, 0], &MAGIC_COOKIE, &[7; 12]].concat();
    push(&mut message, USERNAME, username.as_bytes());
    let length = message.len() - HEADER + ATTRIBUTE_HEADER + INTEGRITY_BYTES;
    message[2..4].copy_from_slice(&u16::try_from(length).unwrap().to_be_bytes());
    let mut mac = <Hmac<Sha1> as Mac>::new_from_slice(password.as_bytes()).unwrap();
    mac.update(&message);
    let integrity = mac.finalize().into_bytes();
    push(&mut message, MESSAGE_INTEGRITY, &integrity);
    framed(&message)
}

fn framed(message: &[u8]) -> Vec<u8> {
    [&u16::try_from(message.len()).unwrap().to_be_bytes()[..], message].concat()
}

fn push(message: &mut Vec<u8>, kind: u16, value: &[u8]) {
    message.extend(kind.to_be_bytes());
    message.extend(u16::try_from(value.len()).unwrap().to_be_bytes());
    message.extend(value);
    message.resize(message.len().next_multiple_of(4), 0);
}

/// A message with a valid start and these attributes, unchanged.
fn with_attributes(attributes: &[u8]) -> Vec<u8> {
    let length = u16::try_from(attributes.len()).unwrap().to_be_bytes();
    framed(&[&BINDING_REQUEST[..], &length, &MAGIC_COOKIE, &[7; 12], attributes].concat())
}

#[test]
fn the_sample_of_the_standard_is_read_and_its_signature_fits() {
    let request = read_first_frame(SAMPLE).unwrap().unwrap();
    assert_eq!(request.username_fragment, "evtj");
    assert!(request.is_signed_with(PASSWORD));
    assert!(!request.is_signed_with("another") && !request.is_signed_with(""));
    let more = [SAMPLE, b"\xff\xff\xff"].concat();
    assert_eq!(read_first_frame(&more), Ok(Some(request)), "what follows is not read");
}

#[test]
fn the_tests_own_frames_are_good_ones() {
    let bytes = frame("server:client", "secret");
    let request = read_first_frame(&bytes).unwrap().unwrap();
    assert_eq!((request.username_fragment, request.is_signed_with("secret")), ("server", true));
}

#[test]
fn every_prefix_of_a_good_frame_waits_for_more() {
    for end in 0..SAMPLE.len() {
        assert_eq!(read_first_frame(&SAMPLE[..end]), Ok(None), "{end} bytes");
    }
}

#[test]
fn anything_else_is_refused_at_the_first_wrong_byte() {
    let integrity = [&[0, 8, 0, 20][..], &[0; 20]].concat();
    let signed = |attributes: &[u8]| with_attributes(&[attributes, &integrity].concat());
    let cases: &[(&str, Vec<u8>, FrameError)] = &[
        ("a length of 65535", b"\xff\xff".to_vec(), FrameError::Length(0xffff)),
        ("an empty frame", b"\x00\x00".to_vec(), FrameError::Length(0)),
        ("shorter than a header", b"\x00\x10".to_vec(), FrameError::Length(16)),
        ("not a multiple of 4", b"\x00\x65".to_vec(), FrameError::Length(101)),
        ("longer than any request", b"\x05\x04".to_vec(), FrameError::Length(1284)),
        ("HTTP", b"GET / HTTP/1.1".to_vec(), FrameError::Length(0x4745)),
        ("TLS", b"\x16\x03\x01\x02\x00".to_vec(), FrameError::Length(0x1603)),
        ("a binding response", b"\x00\x6c\x01".to_vec(), FrameError::NotBinding),
        ("DTLS", b"\x00\x6c\x16\xfe".to_vec(), FrameError::NotBinding),
        ("another length inside", b"\x00\x6c\x00\x01\x00\x5c".to_vec(), FrameError::NotBinding),
        ("another cookie", b"\x00\x6c\x00\x01\x00\x58\x21\x13".to_vec(), FrameError::NotBinding),
        ("no attributes", with_attributes(&[]), FrameError::NoCredentials),
        ("an attribute that is cut off", with_attributes(&[0, 6, 0, 5, 1, 2, 3, 4]), FrameError::Malformed),
        ("an attribute that is too long", with_attributes(&[0, 6, 0xff, 0xff]), FrameError::Malformed),
        ("no user name", signed(&[]), FrameError::NoCredentials),
        ("no signature", with_attributes(b"\0\x06\0\x04a:bc"), FrameError::NoCredentials),
        ("no colon", signed(b"\0\x06\0\x04abcd"), FrameError::NoCredentials),
        ("no fragment", signed(b"\0\x06\0\x04:abc"), FrameError::NoCredentials),
        ("not UTF-8", signed(b"\0\x06\0\x04a:\xff\xfe"), FrameError::NoCredentials),
        (
            "a user name behind the signature",
            with_attributes(&[&integrity, &b"\0\x06\0\x04a:bc"[..]].concat()),
            FrameError::NoCredentials,
        ),
        ("a short signature", with_attributes(b"\0\x06\0\x04a:bc\0\x08\0\x04abcd"), FrameError::NoCredentials),
    ];
    for (name, bytes, expected) in cases {
        assert_eq!(read_first_frame(bytes), Err(*expected), "{name}");
    }
}

proptest! {
    #[test]
    fn any_bytes_are_read_without_a_panic(bytes: Vec<u8>) {
        if let Ok(Some(request)) = read_first_frame(&bytes) {
            prop_assert!(!request.is_signed_with("password"));
        }
    }

    #[test]
    fn any_attributes_are_read_without_a_panic(attributes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let whole = attributes.len() / 4 * 4;
        let _ = read_first_frame(&with_attributes(&attributes[..whole]));
    }

    #[test]
    fn a_verdict_never_changes_when_more_bytes_arrive(bytes in proptest::collection::vec(any::<u8>(), 0..200), from in 0..SAMPLE.len()) {
        let bytes = [&SAMPLE[..from], &bytes].concat();
        let last = read_first_frame(&bytes);
        for end in 0..bytes.len() {
            let found = read_first_frame(&bytes[..end]);
            prop_assert!(found == Ok(None) || found == last);
        }
    }

    #[test]
    fn no_more_than_the_longest_frame_is_needed(length: u16, bytes in proptest::collection::vec(any::<u8>(), MAX_FRAME_BYTES - 2)) {
        let bytes = [&length.to_be_bytes()[..], &bytes].concat();
        prop_assert_ne!(read_first_frame(&bytes), Ok(None));
    }

    #[test]
    fn a_changed_byte_spoils_the_signature(at in 2..86_usize, change in 1..=255_u8) {
        let mut bytes = SAMPLE.to_vec();
        bytes[at] ^= change;
        let is_good = matches!(read_first_frame(&bytes), Ok(Some(request)) if request.is_signed_with(PASSWORD));
        prop_assert!(!is_good);
    }
}
