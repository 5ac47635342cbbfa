//! One error per way in which a signature or a key can be wrong.

use super::{FORMAT_VERSION, KeyId, SIGNATURE_BYTES};

/// Why a file does not count as signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// A signature file is exactly as long as it is.
    #[error("the signature has {actual} bytes instead of {SIGNATURE_BYTES}")]
    Length {
        /// Bytes there are.
        actual: usize,
    },
    /// The first bytes are not `MIENSIGN`.
    #[error("the signature does not begin with MIENSIGN")]
    Magic,
    /// A format version other than [`FORMAT_VERSION`].
    #[error("signature version {found} is not supported (this program reads {FORMAT_VERSION})")]
    Version {
        /// The file's.
        found: u16,
    },
    /// An algorithm that means nothing.
    #[error("unknown signature algorithm {found}")]
    Algorithm {
        /// The file's.
        found: u16,
    },
    /// Reserved bytes that are not zero.
    #[error("the signature's reserved bytes are not zero")]
    Reserved,
    /// The signed file is no model file.
    #[error("only Mien's model files are signed, and this is none (no MIENPACK at its beginning)")]
    NotAModel,
    /// A key that is not among those asked for.
    #[error("signed by key {key_id}, which is not trusted")]
    UnknownKey {
        /// Which key it says.
        key_id: KeyId,
    },
    /// The signature is not the key's over this file.
    #[error("the signature by key {key_id} is not of this file: one of the two was changed")]
    Mismatch {
        /// Which key it says.
        key_id: KeyId,
    },
}

/// Why a text is not a public key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PublicKeyError {
    /// Neither PEM nor one line of Base64 with an Ed25519 key in it.
    #[error("not an Ed25519 public key (of the form that `mien keygen` writes to KEY.pub)")]
    Form,
    /// A private key, which belongs nowhere near a device.
    #[error("this is a private key; what is to be trusted is its KEY.pub")]
    Private,
    /// A key under which anything counts as signed.
    #[error("a weak key: signatures by it prove nothing")]
    Weak,
}
