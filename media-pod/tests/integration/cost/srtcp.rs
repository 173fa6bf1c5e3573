//! SRTCP with AES in Galois/Counter Mode (RFC 7714), to send only. Other suites: nothing is sent.

use aws_lc_rs::aead::{AES_128_GCM, AES_256_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::cipher::{AES_128, AES_256, EncryptingKey, EncryptionContext, UnboundCipherKey};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

const SALT: usize = 12;

/// The sending half of a session with a fixed master key.
pub(crate) struct Sealer {
    master: Vec<u8>,
    session: Option<(LessSafeKey, [u8; SALT])>,
    index: u32,
}

impl Sealer {
    /// Keys for the name of a suite.
    pub(crate) fn new(suite: &str) -> Self {
        let length = match suite {
            "AEAD_AES_256_GCM" => 32,
            "AEAD_AES_128_GCM" => 16,
            _ => 0,
        };
        let material = if length == 0 { 30 } else { length + SALT };
        let master: Vec<u8> = (1..).take(material).collect();
        let session = (length > 0).then(|| session(&master, length));
        Self { master, session, index: 0 }
    }

    /// Master key and salt, as signaling has them.
    pub(crate) fn key(&self) -> String {
        STANDARD.encode(&self.master)
    }

    /// Encrypts one RTCP packet.
    pub(crate) fn seal(&mut self, packet: Vec<u8>) -> Vec<u8> {
        let Some((key, salt)) = &self.session else { return packet };
        self.index += 1;
        let mut nonce = *salt;
        let trailer = (self.index | 0x8000_0000).to_be_bytes();
        packet[4..8].iter().zip(&mut nonce[2..6]).for_each(|(byte, salted)| *salted ^= byte);
        self.index.to_be_bytes().iter().zip(&mut nonce[8..]).for_each(|(byte, salted)| *salted ^= byte);
        let aad = [&packet[..8], &trailer].concat();
        let mut sealed = packet[8..].to_vec();
        key.seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(aad), &mut sealed).unwrap();
        [&packet[..8], &sealed, &trailer].concat()
    }
}

fn session(master: &[u8], length: usize) -> (LessSafeKey, [u8; SALT]) {
    let key = derive(master, length, 3, length);
    let algorithm = if length == 32 { &AES_256_GCM } else { &AES_128_GCM };
    let salt = derive(master, length, 5, SALT);
    (LessSafeKey::new(UnboundKey::new(algorithm, &key).unwrap()), salt.try_into().unwrap())
}

/// The key derivation of RFC 3711 with the salt padded to 14 bytes.
fn derive(master: &[u8], length: usize, label: u8, wanted: usize) -> Vec<u8> {
    let mut counter = [0; 16];
    counter[..SALT].copy_from_slice(&master[length..]);
    counter[7] ^= label;
    let algorithm = if length == 32 { &AES_256 } else { &AES_128 };
    let key = EncryptingKey::ctr(UnboundCipherKey::new(algorithm, &master[..length]).unwrap()).unwrap();
    let mut stream = vec![0; wanted];
    key.less_safe_encrypt(&mut stream, EncryptionContext::Iv128((&counter).into())).unwrap();
    stream
}
