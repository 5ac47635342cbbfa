//! One error per way in which a file can lie.

use super::{FORMAT_VERSION, HEADER_BYTES, Kind};
use crate::cascade::CascadeError;
use crate::expression_model::ExpressionModelError;
use crate::replay::ReplayError;
use crate::yunet::YunetError;

/// Why a file is refused.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum FormatError {
    /// The file ends within the header.
    #[error("the file has {actual} bytes, its header alone needs {HEADER_BYTES}")]
    TruncatedHeader {
        /// Bytes there are.
        actual: usize,
    },
    /// The first bytes are not `MIENPACK`.
    #[error("this is no Mien model file (it does not begin with MIENPACK)")]
    Magic,
    /// A format version other than [`FORMAT_VERSION`].
    #[error("format version {found} is not supported (this program reads {FORMAT_VERSION})")]
    Version {
        /// The file's.
        found: u16,
    },
    /// A kind number that means nothing.
    #[error("unknown kind of file {found}")]
    Kind {
        /// The file's.
        found: u16,
    },
    /// Reserved header bytes that are not zero.
    #[error("reserved header bytes hold {found:#010x} instead of zero")]
    Reserved {
        /// The file's.
        found: u32,
    },
    /// A file of another kind than asked for.
    #[error("the file holds a {found}, not a {expected}")]
    WrongKind {
        /// What the caller asked for.
        expected: Kind,
        /// The file's.
        found: Kind,
    },
    /// A payload over the kind's limit.
    #[error("a payload of {declared} bytes is over the limit of {limit} for this kind")]
    PayloadTooLarge {
        /// Bytes the header announces, or an encoded payload has.
        declared: u64,
        /// The kind's limit.
        limit: usize,
    },
    /// The file ends before the payload does.
    #[error("the payload is cut off: {actual} of {declared} bytes")]
    TruncatedPayload {
        /// Bytes the header announces.
        declared: u64,
        /// Bytes there are.
        actual: usize,
    },
    /// Bytes after the payload.
    #[error("{extra} bytes follow the payload")]
    TrailingBytes {
        /// How many.
        extra: u64,
    },
    /// A payload written for other types.
    #[error("the payload was written for another version of this program (schema hash differs)")]
    Schema,
    /// Content that is not what the checksum was made from.
    #[error("the checksum does not match: the file is damaged")]
    Checksum,
    /// A payload that is not the postcard encoding of its type.
    #[error("the payload cannot be decoded: {0}")]
    Payload(postcard::Error),
    /// Payload bytes that belong to no field.
    #[error("{extra} bytes of the payload belong to no field")]
    UnusedPayload {
        /// How many.
        extra: usize,
    },
    /// A model id that is not that of the content.
    #[error("the model id is not the one its content has")]
    ModelId,
    /// An expression model that breaks a rule of its own.
    #[error("the expression model is invalid: {0}")]
    Expression(#[from] ExpressionModelError),
    /// A cascade that breaks a rule of its own.
    #[error("the cascade is invalid: {0}")]
    Cascade(#[from] CascadeError),
    /// A YuNet that breaks a rule of its own.
    #[error("the YuNet detector is invalid: {0}")]
    Yunet(#[from] YunetError),
    /// A replay set that breaks a rule of its own.
    #[error("the replay set is invalid: {0}")]
    Replay(#[from] ReplayError),
}
