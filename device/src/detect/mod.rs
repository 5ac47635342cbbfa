//! Faces in a gray frame: detectors behind one trait, and the crop each box stands for.

pub mod cascade;
pub mod crop;
pub mod equalize;
pub mod yunet;

use mien_models::cascade::CascadeError;
use mien_models::plane::{GrayView, PlaneError};
use mien_models::preprocess::PreprocessError;
use mien_models::yunet::YunetError;

/// One face in a picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Detection {
    /// Left edge in pixels.
    pub x: f32,
    /// Top edge in pixels.
    pub y: f32,
    /// Width in pixels.
    pub width: f32,
    /// Height in pixels.
    pub height: f32,
    /// How sure the detector is, on its own scale: grouped neighbours for a cascade (1 and up),
    /// 0 to 1 for a YuNet.
    pub score: f32,
    /// Right eye, left eye, nose tip, right and left mouth corner as `[x, y]` in pixels, when
    /// the detector finds them.
    pub landmarks: Option<[[f32; 2]; 5]>,
}

/// Why a detector could not be built or could not look at a picture.
#[derive(Debug, Clone, PartialEq, thiserror::Error)]
pub enum DetectError {
    /// The pyramid must shrink noticeably at every level.
    #[error("the scale factor is {found}; it must be a number from {min} on (usual: 1.1 to 1.3)")]
    ScaleFactor {
        /// What was asked for.
        found: f64,
        /// Least factor.
        min: f64,
    },
    /// The cascade's file is not sound.
    #[error("the cascade cannot be used: {0}")]
    Cascade(#[from] CascadeError),
    /// The YuNet's file is not sound.
    #[error("the YuNet detector cannot be used: {0}")]
    Yunet(#[from] YunetError),
    /// An input size that a YuNet cannot have.
    #[error("a detector input of {width}x{height}; each side is {min} to {max} pixels")]
    InputSize {
        /// Width asked for, in pixels.
        width: u32,
        /// Height asked for, in pixels.
        height: u32,
        /// Least side in pixels.
        min: u32,
        /// Longest side in pixels.
        max: u32,
    },
    /// A least score that is no share.
    #[error("the least score is {found}; it must be a number from 0 to 1 (usual: 0.6 to 0.9)")]
    MinScore {
        /// What was asked for.
        found: f32,
    },
    /// The inference engine refused the network or failed on a picture.
    #[error("detection: {0}")]
    Engine(String),
    /// A picture could not be reduced.
    #[error("reducing the picture: {0}")]
    Preprocess(#[from] PreprocessError),
    /// A buffer that is no picture.
    #[error(transparent)]
    Plane(#[from] PlaneError),
    /// A picture whose integral images would not fit into memory.
    #[error(
        "a {width}x{height} search level is too large to look for faces in; at most {max_pixels} pixels"
    )]
    TooLarge {
        /// Width of the largest pyramid level in pixels.
        width: usize,
        /// Height of the largest pyramid level in pixels.
        height: usize,
        /// Most pixels a level may have.
        max_pixels: usize,
    },
}

/// Finds faces in gray pictures of any size. Keeps its buffers between frames.
pub trait Detector {
    /// Short name for output and for [`crop::crop_for`], such as `haar`.
    fn name(&self) -> &str;

    /// Puts the faces in the picture into `faces` in place of what is there, in an order that
    /// depends only on the picture. After an error `faces` holds nothing of use.
    fn detect_into(
        &mut self,
        view: &GrayView<'_>,
        faces: &mut Vec<Detection>,
    ) -> Result<(), DetectError>;

    /// How much effort to spend from now on, above 0 and up to 1, which is as configured: less
    /// finds large faces only. A detector without such a choice goes on as before.
    fn set_effort(&mut self, _share: f32) {}

    /// The faces in the picture.
    fn detect(&mut self, view: &GrayView<'_>) -> Result<Vec<Detection>, DetectError> {
        let mut faces = Vec::new();
        self.detect_into(view, &mut faces)?;
        Ok(faces)
    }
}
