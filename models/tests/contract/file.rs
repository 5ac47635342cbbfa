//! Files that `encode` would not write.

use mien_models::container::{HEADER_BYTES, Header, Payload, schema_hash};

/// A file with a header that fits the payload's bytes, whatever they are.
pub fn seal<'a, P: Payload<'a>>(payload: &[u8], model_id: [u8; 16]) -> Vec<u8> {
    let mut header = Header {
        kind: P::KIND,
        model_id,
        model_version: 1,
        payload_len: payload.len() as u64,
        schema_hash: schema_hash::<P>(),
        sha256: [0; 32],
    };
    header.sha256 = header.checksum(payload);
    let mut file = Vec::with_capacity(HEADER_BYTES + payload.len());
    file.extend_from_slice(&header.to_bytes());
    file.extend_from_slice(payload);
    file
}
