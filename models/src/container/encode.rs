//! Writing a file.

use alloc::vec;
use alloc::vec::Vec;

use super::{FormatError, HEADER_BYTES, Header, Payload, schema_hash};

/// Packs a payload into a file that [`decode`](super::decode) accepts.
///
/// # Errors
/// [`FormatError`] when the payload breaks a rule of its kind, is over the kind's limit, or has
/// a derived model id other than `model_id`.
pub fn encode<'a, P: Payload<'a>>(
    payload: &P,
    model_id: [u8; 16],
    model_version: u64,
) -> Result<Vec<u8>, FormatError> {
    payload.validate()?;
    if payload
        .derived_model_id()
        .is_some_and(|derived| derived != model_id)
    {
        return Err(FormatError::ModelId);
    }
    let mut file =
        postcard::to_extend(payload, vec![0; HEADER_BYTES]).map_err(FormatError::Payload)?;
    let payload_len = file.len() - HEADER_BYTES;
    if payload_len > P::MAX_PAYLOAD_BYTES {
        return Err(FormatError::PayloadTooLarge {
            declared: payload_len as u64,
            limit: P::MAX_PAYLOAD_BYTES,
        });
    }
    let mut header = Header {
        kind: P::KIND,
        model_id,
        model_version,
        payload_len: payload_len as u64,
        schema_hash: schema_hash::<P>(),
        sha256: [0; 32],
    };
    header.sha256 = header.checksum(&file[HEADER_BYTES..]);
    file[..HEADER_BYTES].copy_from_slice(&header.to_bytes());
    Ok(file)
}
