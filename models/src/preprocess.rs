//! Integer preprocessing: crop, area-averaging resize, contrast normalization. No floats in the
//! pixel path, so every CPU gives the same bytes.

use postcard_schema::Schema;
use serde::{Deserialize, Serialize};

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
