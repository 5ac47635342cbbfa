//! Integer preprocessing: crop, area-averaging resize, contrast normalization. No floats in the
//! pixel path, so every CPU gives the same bytes.

mod area;
mod contrast;
mod rotated;

use postcard_schema::Schema;
use serde::{Deserialize, Serialize};

pub use contrast::normalize_contrast;

use crate::crop::{CropRect, MAX_CROP_SIDE_Q8};
use crate::plane::GrayView;

/// Longest side of a network's input in pixels.
pub const MAX_INPUT_SIDE_PX: u16 = 256;

/// How a crop becomes the network's input: resize to `[height, width]`, normalize the contrast,
/// then `x = (pixel - zero_point) * scale`.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize, Schema)]
pub struct Preprocessing {
    /// Rows of the network input (48).
    pub height: u16,
    /// Columns of the network input (48).
    pub width: u16,
    /// Contrast normalization of the resized crop.
    pub contrast: Contrast,
    /// Pixel value that becomes 0.
    pub zero_point: u8,
    /// Network input per pixel step; finite, > 0.
    pub scale: f32,
}

/// Contrast normalization on u8 pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, Schema)]
pub enum Contrast {
    /// Pixels stay as they are.
    Off,
    /// `clamp(round((p - mean) * target_std / max(std, min_std)) + target_mean, 0, 255)`,
    /// with the picture's own mean and standard deviation, in fixed point.
    Standardize {
        /// Wanted mean.
        target_mean: u8,
        /// Wanted standard deviation, > 0.
        target_std: u8,
        /// Flatter pictures are not amplified beyond this, > 0.
        min_std: u8,
    },
}

/// Why preprocessing cannot run.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PreprocessError {
    /// A crop side outside `1..=`[`MAX_CROP_SIDE_Q8`].
    #[error("a crop of {width_q8}x{height_q8} in 1/256 pixel is out of range")]
    CropSize {
        /// Given width in 1/256 pixel.
        width_q8: i32,
        /// Given height in 1/256 pixel.
        height_q8: i32,
    },
    /// An output side of zero pixels.
    #[error("an output of {width}x{height} has no pixel")]
    EmptyOutput {
        /// Wanted width in pixels.
        width: u16,
        /// Wanted height in pixels.
        height: u16,
    },
    /// An output buffer that is not width x height.
    #[error("the output buffer has {actual} bytes, {expected} are needed")]
    OutputLength {
        /// Width times height.
        expected: usize,
        /// Bytes given.
        actual: usize,
    },
}

/// Why preprocessing parameters from a file are refused.
#[derive(Clone, Copy, Debug, PartialEq, thiserror::Error)]
pub enum PreprocessingError {
    /// A side outside `1..=`[`MAX_INPUT_SIDE_PX`].
    #[error("a network input of {width}x{height} is outside 1..={MAX_INPUT_SIDE_PX} a side")]
    Size {
        /// Declared width in pixels.
        width: u16,
        /// Declared height in pixels.
        height: u16,
    },
    /// A scale that is not finite and positive.
    #[error("the input scale {0} is not finite and positive")]
    Scale(f32),
    /// A target or least standard deviation of zero.
    #[error("contrast normalization with a standard deviation of zero")]
    Contrast,
}

impl Preprocessing {
    /// Pixels of the network's input.
    pub fn pixels(&self) -> usize {
        usize::from(self.width) * usize::from(self.height)
    }

    /// What the network is given for a preprocessed pixel.
    pub fn network_input(&self, pixel: u8) -> f32 {
        // Both casts and the difference are exact.
        (f32::from(pixel) - f32::from(self.zero_point)) * self.scale
    }

    /// Checks the ranges of the fields.
    ///
    /// # Errors
    /// [`PreprocessingError`] for the first field out of range.
    pub fn validate(&self) -> Result<(), PreprocessingError> {
        let side = 1..=MAX_INPUT_SIDE_PX;
        if !side.contains(&self.width) || !side.contains(&self.height) {
            return Err(PreprocessingError::Size {
                width: self.width,
                height: self.height,
            });
        }
        if !(self.scale.is_finite() && self.scale > 0.0) {
            return Err(PreprocessingError::Scale(self.scale));
        }
        match self.contrast {
            Contrast::Standardize {
                target_std,
                min_std,
                ..
            } if target_std == 0 || min_std == 0 => Err(PreprocessingError::Contrast),
            _ => Ok(()),
        }
    }
}

/// Crops, resizes and normalizes: the whole way from a picture to the pixels `[height, width]`
/// that [`Preprocessing::network_input`] turns into the network's input.
///
/// # Errors
/// As [`resize_crop`].
pub fn preprocess(
    view: &GrayView<'_>,
    crop: &CropRect,
    preprocessing: &Preprocessing,
    out: &mut [u8],
) -> Result<(), PreprocessError> {
    resize_crop(view, crop, preprocessing.width, preprocessing.height, out)?;
    normalize_contrast(out, &preprocessing.contrast);
    Ok(())
}

/// Resizes a crop to `[out_height, out_width]`, row-major into `out`. Pixels beyond the picture
/// are those of its nearest edge.
///
/// An upright crop is averaged exactly: each output pixel is the mean of the picture over its
/// cell, widened to one picture pixel about the cell's centre when the cell is smaller, rounded
/// half up. So cells of one pixel copy, larger cells average, smaller ones interpolate
/// bilinearly. A rotated crop takes the mean of bilinear samples, `ceil(cell)` (at most 64) a
/// side.
///
/// # Errors
/// [`PreprocessError`] when a size is out of range; `out` is then left alone.
pub fn resize_crop(
    view: &GrayView<'_>,
    crop: &CropRect,
    out_width: u16,
    out_height: u16,
    out: &mut [u8],
) -> Result<(), PreprocessError> {
    let side = 1..=MAX_CROP_SIDE_Q8;
    if !side.contains(&crop.width_q8) || !side.contains(&crop.height_q8) {
        return Err(PreprocessError::CropSize {
            width_q8: crop.width_q8,
            height_q8: crop.height_q8,
        });
    }
    if out_width == 0 || out_height == 0 {
        return Err(PreprocessError::EmptyOutput {
            width: out_width,
            height: out_height,
        });
    }
    let expected = usize::from(out_width) * usize::from(out_height);
    if out.len() != expected {
        return Err(PreprocessError::OutputLength {
            expected,
            actual: out.len(),
        });
    }
    if crop.rotation_turn_q16 == 0 {
        area::resize(view, crop, out_width, out_height, out);
    } else {
        rotated::resize(view, crop, out_width, out_height, out);
    }
    Ok(())
}
