//! A YuNet in ONNX, as its authors export it (libfacedetection.train, OpenCV Zoo), into Mien's
//! payload.
//!
//! The file is read with [prost](https://docs.rs/prost) and the few messages of ONNX that matter
//! here (`onnx`): a full ONNX reader would bring an inference engine along, and generated
//! bindings a compiler of protocol buffers. The graph is followed from its named outputs back to
//! its input, so that names and order of the nodes do not matter, and must be YuNet's to the last
//! convolution.

mod convolution;
mod error;
mod onnx;
#[cfg(test)]
mod tests;
mod trace;
mod walk;

use std::path::Path;

use mien_models::yunet::{Head, Unit, YunetModel, YunetNetwork};
use prost::Message;

use super::read_up_to;
use convolution::Convolution;
pub use error::YunetImportError;
use trace::Trace;

/// Largest file that is read: the known YuNets have up to 320 KB. What is built from a file takes
/// at most some hundred times its size.
pub const MAX_FILE_BYTES: u64 = 1 << 19;

/// A YuNet with its own memory.
pub struct Yunet {
    stem: Convolution,
    backbone: [UnitOf; 11],
    laterals: [UnitOf; 3],
    heads: [HeadOf; 3],
}

/// 1x1 and 3x3 convolution.
struct UnitOf {
    pointwise: Convolution,
    depthwise: Convolution,
}

/// The shared unit, then class, object, box and landmarks.
struct HeadOf {
    shared: UnitOf,
    class: UnitOf,
    object: UnitOf,
    face_box: UnitOf,
    landmarks: UnitOf,
}

/// The bytes of a file, of which no more than [`MAX_FILE_BYTES`] are read.
///
/// # Errors
/// [`YunetImportError`] `Read` and `FileTooLarge`.
pub fn read(path: &Path) -> Result<Vec<u8>, YunetImportError> {
    read_up_to(path, MAX_FILE_BYTES)?.ok_or(YunetImportError::FileTooLarge {
        max_bytes: MAX_FILE_BYTES,
    })
}

/// The YuNet in an ONNX file's bytes. The result is checked: a detector can use it as it is.
///
/// # Errors
/// [`YunetImportError`] for the first thing wrong.
pub fn parse(file: &[u8]) -> Result<Yunet, YunetImportError> {
    let model = onnx::Model::decode(file).map_err(YunetImportError::NotOnnx)?;
    let incomplete = |missing| YunetImportError::Incomplete { missing };
    let graph = model.graph.as_ref().ok_or(incomplete("network"))?;
    // Exporters write it last: without it the file was cut off.
    if model.operator_sets.is_empty() {
        return Err(incomplete("operator set"));
    }
    let yunet = walk::walk(&Trace::new(graph))?;
    yunet.model("", "").validate()?;
    Ok(yunet)
}

impl Yunet {
    /// The payload, with the name of the file it came from and what is known of its licence.
    pub fn model<'a>(&'a self, source: &'a str, licence: &'a str) -> YunetModel<'a> {
        YunetModel {
            source,
            licence,
            network: YunetNetwork {
                stem: self.stem.weights(),
                backbone: self.backbone.each_ref().map(UnitOf::unit),
                laterals: self.laterals.each_ref().map(UnitOf::unit),
                heads: self.heads.each_ref().map(HeadOf::head),
            },
        }
    }
}

impl UnitOf {
    fn unit(&self) -> Unit<'_> {
        Unit {
            pointwise: self.pointwise.weights(),
            depthwise: self.depthwise.weights(),
        }
    }
}

impl HeadOf {
    fn head(&self) -> Head<'_> {
        Head {
            shared: self.shared.unit(),
            class: self.class.unit(),
            object: self.object.unit(),
            face_box: self.face_box.unit(),
            landmarks: self.landmarks.unit(),
        }
    }
}
