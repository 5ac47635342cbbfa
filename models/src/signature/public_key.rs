//! Public keys: how they are written, and how a signature names one.

use alloc::string::String;
use core::fmt;
use core::str::FromStr;

use base64ct::{Base64, Encoding};
use ed25519_dalek::pkcs8::DecodePublicKey;
use ed25519_dalek::{SigningKey, VerifyingKey};
use sha2::{Digest, Sha256};

use super::PublicKeyError;

/// Names a public key: the first 16 bytes of the SHA-256 of its 32. Displayed as hex.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyId(pub [u8; 16]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// A key that signatures are checked with. Parsed from and displayed as one line of Base64 over
/// its X.509 SubjectPublicKeyInfo (RFC 8410); PEM, which has the same line between two others,
/// is parsed, too.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

/// What stands before the key's 32 bytes in the DER of an Ed25519 SubjectPublicKeyInfo.
const DER_PREFIX: [u8; 12] = [
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

impl PublicKey {
    /// The public half of a signing key.
    pub fn of(key: &SigningKey) -> Self {
        Self(key.verifying_key())
    }

    /// What signatures call it.
    pub fn id(&self) -> KeyId {
        let digest = Sha256::digest(self.0.as_bytes());
        KeyId(core::array::from_fn(|i| digest[i]))
    }

    /// As PEM, three lines.
    pub fn to_pem(&self) -> String {
        alloc::format!("-----BEGIN PUBLIC KEY-----\n{self}\n-----END PUBLIC KEY-----\n")
    }

    pub(super) fn verifying(&self) -> &VerifyingKey {
        &self.0
    }
}

impl FromStr for PublicKey {
    type Err = PublicKeyError;

    fn from_str(text: &str) -> Result<Self, PublicKeyError> {
        let text = text.trim();
        if text.contains("PRIVATE KEY-----") {
            return Err(PublicKeyError::Private);
        }
        let key = if text.starts_with("-----") {
            VerifyingKey::from_public_key_pem(text).ok()
        } else {
            let der = Base64::decode_vec(text).ok();
            der.and_then(|der| VerifyingKey::from_public_key_der(&der).ok())
        };
        match key {
            None => Err(PublicKeyError::Form),
            Some(key) if key.is_weak() => Err(PublicKeyError::Weak),
            Some(key) => Ok(Self(key)),
        }
    }
}

impl fmt::Display for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut der = [0; 44];
        der[..12].copy_from_slice(&DER_PREFIX);
        der[12..].copy_from_slice(self.0.as_bytes());
        f.pad(&Base64::encode_string(&der))
    }
}
