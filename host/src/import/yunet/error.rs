//! What can be wrong with an ONNX file.

use mien_models::yunet::YunetError;

/// Why a YuNet was not imported.
#[derive(Debug, thiserror::Error)]
pub enum YunetImportError {
    /// The file could not be read.
    #[error("cannot read the file")]
    Read(#[from] std::io::Error),
    /// More bytes than any YuNet has.
    #[error("the file is too large; a YuNet has at most {max_bytes} bytes")]
    FileTooLarge {
        /// Largest size that is read.
        max_bytes: u64,
    },
    /// Not ONNX, or cut off.
    #[error("the file is not ONNX, or damaged or cut off; copy or download it again")]
    NotOnnx(#[source] prost::DecodeError),
    /// ONNX's frame without a network in it.
    #[error("the file is not ONNX, or cut off: it has no {missing}")]
    Incomplete {
        /// What every ONNX file has.
        missing: &'static str,
    },
    /// Another network: no output of that name.
    #[error(
        "this is no YuNet face detector: it has no output {wanted}; expected cls, obj, bbox and kps with _8, _16 and _32, found {found}"
    )]
    Output {
        /// The output that is not there.
        wanted: String,
        /// The first outputs that are.
        found: String,
    },
    /// Another network: another operation than YuNet has in this place.
    #[error("this is no YuNet face detector: {place} comes from {found}; expected {expected}")]
    Operation {
        /// Where in YuNet.
        place: String,
        /// What is needed there.
        expected: String,
        /// What the file has.
        found: String,
    },
    /// A convolution with another geometry than YuNet's.
    #[error(
        "this is no YuNet face detector: {place} has {attribute} {found:?}; expected {expected:?}"
    )]
    Geometry {
        /// Which convolution or pooling.
        place: String,
        /// Name of the attribute.
        attribute: &'static str,
        /// YuNet's.
        expected: Vec<i64>,
        /// The file's.
        found: Vec<i64>,
    },
    /// Weights that are missing or of another type or shape.
    #[error("{place}: the {what} {name:?} {problem}")]
    Tensor {
        /// Which convolution.
        place: String,
        /// Which of its tensors.
        what: &'static str,
        /// Its name in the file.
        name: String,
        /// What is wrong with it.
        problem: String,
    },
    /// The weights can be read but make no sound detector.
    #[error("the network is not a sound YuNet")]
    Unsound(#[from] YunetError),
}
