//! What a user can set.

use crate::detect::DetectError;

/// Least side of the network's input in pixels.
pub const MIN_INPUT_SIDE_PX: u32 = 32;
/// Longest side of the network's input in pixels: a square of it takes some 200 MB.
pub const MAX_INPUT_SIDE_PX: u32 = 2048;

/// How a YuNet looks at a picture. The overlap is OpenCV's; its least score of 0.9 costs faces.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct YunetOptions {
    /// Width and height in pixels that larger pictures are reduced to fit into, each
    /// [`MIN_INPUT_SIDE_PX`] to [`MAX_INPUT_SIDE_PX`]. Smaller pictures keep their size. What the
    /// network gets is padded at the right and below to multiples of 32.
    pub input_px: [u32; 2],
    /// Least score of a face, 0 to 1.
    pub min_score: f32,
    /// Least longer side of a face in pixels of the picture.
    pub min_size_px: u32,
    /// Of two faces whose boxes' intersection is more than this share of their union, only the
    /// better one stays.
    pub max_overlap: f32,
}

impl YunetOptions {
    /// For photographs: small faces count, and time does not.
    pub fn of_photographs() -> Self {
        Self {
            input_px: [640, 640],
            ..Self::default()
        }
    }
}

impl Default for YunetOptions {
    fn default() -> Self {
        Self {
            input_px: [320, 240],
            min_score: 0.7,
            min_size_px: 0,
            max_overlap: 0.3,
        }
    }
}

impl YunetOptions {
    pub(super) fn validate(&self) -> Result<(), DetectError> {
        let sides = MIN_INPUT_SIDE_PX..=MAX_INPUT_SIDE_PX;
        if !self.input_px.iter().all(|side| sides.contains(side)) {
            let [width, height] = self.input_px;
            return Err(DetectError::InputSize {
                width,
                height,
                min: MIN_INPUT_SIDE_PX,
                max: MAX_INPUT_SIDE_PX,
            });
        }
        if !(0.0..=1.0).contains(&self.min_score) {
            return Err(DetectError::MinScore {
                found: self.min_score,
            });
        }
        Ok(())
    }
}
