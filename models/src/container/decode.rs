//! Reading a file.

use super::{FormatError, HEADER_BYTES, Header, Payload, schema_hash};

/// Reads and checks a whole file. Byte strings of the payload, weights above all, borrow from
/// `bytes`.
///
/// # Errors
/// [`FormatError`] for the first thing wrong, in the order of its variants.
pub fn decode<'a, P: Payload<'a>>(bytes: &'a [u8]) -> Result<(Header, P), FormatError> {
    let header = Header::parse(bytes)?;
    if header.kind != P::KIND {
        return Err(FormatError::WrongKind {
            expected: P::KIND,
            found: header.kind,
        });
    }
    let payload = payload_bytes(&header, bytes, P::MAX_PAYLOAD_BYTES)?;
    if header.schema_hash != schema_hash::<P>() {
        return Err(FormatError::Schema);
    }
    if header.sha256 != header.checksum(payload) {
        return Err(FormatError::Checksum);
    }
    let (value, rest) = postcard::take_from_bytes::<P>(payload).map_err(FormatError::Payload)?;
    if !rest.is_empty() {
        return Err(FormatError::UnusedPayload { extra: rest.len() });
    }
    if value
        .derived_model_id()
        .is_some_and(|id| id != header.model_id)
    {
        return Err(FormatError::ModelId);
    }
    value.validate()?;
    Ok((header, value))
}

/// What follows the header, when it is exactly as long as announced and allowed.
fn payload_bytes<'a>(
    header: &Header,
    bytes: &'a [u8],
    limit: usize,
) -> Result<&'a [u8], FormatError> {
    let declared = header.payload_len;
    if declared > limit as u64 {
        return Err(FormatError::PayloadTooLarge { declared, limit });
    }
    let payload = &bytes[HEADER_BYTES..];
    let actual = payload.len() as u64;
    if actual < declared {
        return Err(FormatError::TruncatedPayload {
            declared,
            actual: payload.len(),
        });
    }
    if actual > declared {
        return Err(FormatError::TrailingBytes {
            extra: actual - declared,
        });
    }
    Ok(payload)
}
