//! The model container: a fixed header, then one postcard payload. `docs/model-format.md`
//! specifies every byte.
//!
//! Nothing is allocated before the header, the length, the schema hash and the checksum have
//! held; afterwards lists are bounded and byte strings borrow from
//! the file, so that a hostile file costs little more than its own size.

mod decode;
mod encode;
mod error;
mod header;
mod text;

use postcard_schema::Schema;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use decode::decode;
pub use encode::encode;
pub use error::FormatError;
pub use header::{FORMAT_VERSION, HEADER_BYTES, Header, MAGIC, SHA256_OFFSET};
pub(crate) use text::check_text;
pub use text::{MAX_TEXT_BYTES, TextError};

/// What a file holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u16)]
pub enum Kind {
    /// An expression network.
    Expression = 1,
    /// A Viola-Jones cascade.
    Cascade = 2,
    /// A YuNet face detector.
    Yunet = 3,
    /// A replay set for adaptation.
    Replay = 4,
}

impl Kind {
    /// The kind with this number.
    pub const fn from_u16(number: u16) -> Option<Self> {
        match number {
            1 => Some(Self::Expression),
            2 => Some(Self::Cascade),
            3 => Some(Self::Yunet),
            4 => Some(Self::Replay),
            _ => None,
        }
    }

    /// What people call it.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Expression => "expression model",
            Self::Cascade => "cascade",
            Self::Yunet => "YuNet detector",
            Self::Replay => "replay set",
        }
    }
}

impl core::fmt::Display for Kind {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.pad(self.name())
    }
}

/// What can be packed into a file.
pub trait Payload<'a>: Serialize + Deserialize<'a> + Schema {
    /// The kind its files carry.
    const KIND: Kind;
    /// Longest payload, checked before it is read.
    const MAX_PAYLOAD_BYTES: usize;

    /// Checks everything the type itself does not keep.
    ///
    /// # Errors
    /// [`FormatError`] for the first rule broken.
    fn validate(&self) -> Result<(), FormatError>;

    /// The model id that the content implies, for kinds whose id is derived.
    fn derived_model_id(&self) -> Option<[u8; 16]> {
        None
    }
}

/// SHA-256 of the postcard encoding of `T`'s schema: names and types of all fields and variants
/// in their order. A file written for other types is recognised by it and never misread.
pub fn schema_hash<T: Schema>() -> [u8; 32] {
    sha256_of_postcard(T::SCHEMA)
}

/// SHA-256 of a value's postcard encoding, without holding the encoding in memory.
pub(crate) fn sha256_of_postcard<T: Serialize + ?Sized>(value: &T) -> [u8; 32] {
    struct Hasher(Sha256);
    impl postcard::ser_flavors::Flavor for Hasher {
        type Output = [u8; 32];

        fn try_push(&mut self, byte: u8) -> postcard::Result<()> {
            self.0.update([byte]);
            Ok(())
        }

        fn try_extend(&mut self, bytes: &[u8]) -> postcard::Result<()> {
            self.0.update(bytes);
            Ok(())
        }

        fn finalize(self) -> postcard::Result<[u8; 32]> {
            Ok(self.0.finalize().into())
        }
    }
    // The flavor never fails; a type whose `Serialize` did would hash to zeros, which no file
    // carries.
    postcard::serialize_with_flavor(value, Hasher(Sha256::new())).unwrap_or_default()
}
