//! The 112 bytes in front of the payload.

use sha2::{Digest, Sha256};

use super::{FormatError, Kind};

/// First eight bytes of every file.
pub const MAGIC: [u8; 8] = *b"MIENPACK";
/// The only format version there is.
pub const FORMAT_VERSION: u16 = 1;
/// Length of the header in bytes.
pub const HEADER_BYTES: usize = 112;
/// Where the checksum stands; it covers all header bytes before it, and the payload.
pub const SHA256_OFFSET: usize = 80;

/// A file's header. All numbers are little-endian in the file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Header {
    /// What the file holds.
    pub kind: Kind,
    /// Which model it is; derived from the network for expression models.
    pub model_id: [u8; 16],
    /// Grows with every file of the same kind that a device should accept as newer.
    pub model_version: u64,
    /// Bytes after the header.
    pub payload_len: u64,
    /// [`schema_hash`](super::schema_hash) of the payload's type.
    pub schema_hash: [u8; 32],
    /// SHA-256 of the bytes before [`SHA256_OFFSET`] and the payload.
    pub sha256: [u8; 32],
}

impl Header {
    /// Reads the header at the start of a file; later bytes are not looked at, so the first
    /// [`HEADER_BYTES`] suffice.
    ///
    /// # Errors
    /// [`FormatError::TruncatedHeader`], `Magic`, `Version`, `Kind` or `Reserved`.
    pub fn parse(bytes: &[u8]) -> Result<Self, FormatError> {
        let Some((header, _)) = bytes.split_first_chunk::<HEADER_BYTES>() else {
            return Err(FormatError::TruncatedHeader {
                actual: bytes.len(),
            });
        };
        if field::<0, 8>(header) != MAGIC {
            return Err(FormatError::Magic);
        }
        let version = u16::from_le_bytes(field::<8, 2>(header));
        if version != FORMAT_VERSION {
            return Err(FormatError::Version { found: version });
        }
        let number = u16::from_le_bytes(field::<10, 2>(header));
        let kind = Kind::from_u16(number).ok_or(FormatError::Kind { found: number })?;
        let reserved = u32::from_le_bytes(field::<12, 4>(header));
        if reserved != 0 {
            return Err(FormatError::Reserved { found: reserved });
        }
        Ok(Self {
            kind,
            model_id: field::<16, 16>(header),
            model_version: u64::from_le_bytes(field::<32, 8>(header)),
            payload_len: u64::from_le_bytes(field::<40, 8>(header)),
            schema_hash: field::<48, 32>(header),
            sha256: field::<80, 32>(header),
        })
    }

    /// The header as it stands in the file.
    pub fn to_bytes(&self) -> [u8; HEADER_BYTES] {
        let mut bytes = [0; HEADER_BYTES];
        bytes[0..8].copy_from_slice(&MAGIC);
        bytes[8..10].copy_from_slice(&FORMAT_VERSION.to_le_bytes());
        bytes[10..12].copy_from_slice(&(self.kind as u16).to_le_bytes());
        bytes[16..32].copy_from_slice(&self.model_id);
        bytes[32..40].copy_from_slice(&self.model_version.to_le_bytes());
        bytes[40..48].copy_from_slice(&self.payload_len.to_le_bytes());
        bytes[48..80].copy_from_slice(&self.schema_hash);
        bytes[80..112].copy_from_slice(&self.sha256);
        bytes
    }

    /// The checksum that this header and payload call for.
    pub fn checksum(&self, payload: &[u8]) -> [u8; 32] {
        Sha256::new()
            .chain_update(&self.to_bytes()[..SHA256_OFFSET])
            .chain_update(payload)
            .finalize()
            .into()
    }
}

/// `LEN` bytes from `START`; both are constants within the header.
fn field<const START: usize, const LEN: usize>(header: &[u8; HEADER_BYTES]) -> [u8; LEN] {
    const { assert!(START + LEN <= HEADER_BYTES) };
    core::array::from_fn(|i| header[START + i])
}
