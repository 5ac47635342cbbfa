//! The signature of a model file: `FILE.sig` beside `FILE`, 96 bytes. `docs/model-format.md`
//! specifies every one.
//!
//! What is signed is the file itself, all of it, by Ed25519 (RFC 8032), so that any other tool can
//! check it, too. What keeps a signature from being used for something else is that only files that
//! begin with [`MAGIC`](crate::container::MAGIC) are signed and accepted: whatever else a key may
//! come to sign needs a magic of its own. The header behind the magic is part of the signed bytes,
//! so kind and version are as the signer wrote them. Nothing in `FILE.sig` but the signature is
//! believed: a wrong key id finds no key or one that does not fit.

mod error;
mod public_key;

use ed25519_dalek::{Signer, SigningKey};

pub use error::{PublicKeyError, SignatureError};
pub use public_key::{KeyId, PublicKey};

use crate::container;

/// Length of a signature file in bytes.
pub const SIGNATURE_BYTES: usize = 96;
/// First eight bytes of every signature file.
pub const MAGIC: [u8; 8] = *b"MIENSIGN";
/// The only format version there is.
pub const FORMAT_VERSION: u16 = 1;
/// The number of Ed25519, the only algorithm there is.
pub const ED25519: u16 = 1;

/// What a signature file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Signature {
    /// Which key is said to have signed.
    pub key_id: KeyId,
    /// R and S of RFC 8032.
    pub ed25519: [u8; 64],
}

impl Signature {
    /// Signs a model file.
    ///
    /// # Errors
    /// [`SignatureError::NotAModel`] for other files.
    pub fn sign(key: &SigningKey, file: &[u8]) -> Result<Self, SignatureError> {
        check_is_model(file)?;
        Ok(Self {
            key_id: PublicKey::of(key).id(),
            ed25519: key.sign(file).to_bytes(),
        })
    }

    /// Reads a signature file.
    ///
    /// # Errors
    /// [`SignatureError::Length`], `Magic`, `Version`, `Algorithm` or `Reserved`.
    pub fn parse(bytes: &[u8]) -> Result<Self, SignatureError> {
        let actual = bytes.len();
        let Ok(bytes) = <&[u8; SIGNATURE_BYTES]>::try_from(bytes) else {
            return Err(SignatureError::Length { actual });
        };
        let number = |at: usize| u16::from_le_bytes([bytes[at], bytes[at + 1]]);
        if bytes[..8] != MAGIC {
            return Err(SignatureError::Magic);
        }
        if number(8) != FORMAT_VERSION {
            return Err(SignatureError::Version { found: number(8) });
        }
        if number(10) != ED25519 {
            return Err(SignatureError::Algorithm { found: number(10) });
        }
        if bytes[12..16] != [0; 4] {
            return Err(SignatureError::Reserved);
        }
        Ok(Self {
            key_id: KeyId(core::array::from_fn(|i| bytes[16 + i])),
            ed25519: core::array::from_fn(|i| bytes[32 + i]),
        })
    }

    /// The signature file.
    pub fn to_bytes(&self) -> [u8; SIGNATURE_BYTES] {
        let mut bytes = [0; SIGNATURE_BYTES];
        bytes[..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[10..12].copy_from_slice(&ED25519.to_le_bytes());
        bytes[16..32].copy_from_slice(&self.key_id.0);
        bytes[32..].copy_from_slice(&self.ed25519);
        bytes
    }
}

/// That one of `keys` has signed `file`; which one. `signature` is the content of its signature
/// file. Costs no memory, whatever the file is.
///
/// # Errors
/// [`SignatureError`] for the first thing wrong.
pub fn verify(file: &[u8], signature: &[u8], keys: &[PublicKey]) -> Result<KeyId, SignatureError> {
    let signature = Signature::parse(signature)?;
    check_is_model(file)?;
    let key_id = signature.key_id;
    let key = keys.iter().find(|key| key.id() == key_id);
    let key = key.ok_or(SignatureError::UnknownKey { key_id })?;
    // Strict: no second encoding of a signature, and no key that fits to everything.
    let ed25519 = ed25519_dalek::Signature::from_bytes(&signature.ed25519);
    key.verifying()
        .verify_strict(file, &ed25519)
        .map_err(|_| SignatureError::Mismatch { key_id })?;
    Ok(key_id)
}

fn check_is_model(file: &[u8]) -> Result<(), SignatureError> {
    if file.starts_with(&container::MAGIC) {
        Ok(())
    } else {
        Err(SignatureError::NotAModel)
    }
}
