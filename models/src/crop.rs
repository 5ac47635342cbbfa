//! A sub-pixel, rotated crop rectangle in fixed point.

use crate::plane::MAX_SIDE_PX;

/// Longest side of a crop in 1/256 pixel: that of the largest picture, rounded up.
pub const MAX_CROP_SIDE_Q8: i32 = 1 << 24;

/// Where a face is cut out. Lengths are in 1/256 pixel; pixel `(x, y)` covers
/// `[256 x, 256 x + 256)`, so that the whole `W x H` picture has centre `(128 W, 128 H)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CropRect {
    /// Centre x in 1/256 pixel.
    pub center_x_q8: i32,
    /// Centre y in 1/256 pixel.
    pub center_y_q8: i32,
    /// Width in 1/256 pixel, 1..=[`MAX_CROP_SIDE_Q8`].
    pub width_q8: i32,
    /// Height in 1/256 pixel, 1..=[`MAX_CROP_SIDE_Q8`].
    pub height_q8: i32,
    /// Clockwise (y down) rotation of the crop's x axis in 1/65536 turn.
    pub rotation_turn_q16: i16,
}

impl CropRect {
    /// The whole of a picture, sides in pixels (as those of a
    /// [`GrayView`](crate::plane::GrayView); larger ones count as [`MAX_SIDE_PX`]).
    pub fn whole(width: u32, height: u32) -> Self {
        let width_q8 = width.min(MAX_SIDE_PX) as i32 * 256;
        let height_q8 = height.min(MAX_SIDE_PX) as i32 * 256;
        Self::from_box_q8(0, 0, width_q8, height_q8)
    }

    /// An upright box from its top left corner and size, all in 1/256 pixel. The centre of an
    /// odd size is rounded down.
    pub fn from_box_q8(x_q8: i32, y_q8: i32, width_q8: i32, height_q8: i32) -> Self {
        Self {
            center_x_q8: x_q8.saturating_add(width_q8 >> 1),
            center_y_q8: y_q8.saturating_add(height_q8 >> 1),
            width_q8,
            height_q8,
            rotation_turn_q16: 0,
        }
    }

    /// The same box turned about its centre to this angle, in 1/65536 turn clockwise.
    pub fn with_rotation(self, rotation_turn_q16: i16) -> Self {
        Self {
            rotation_turn_q16,
            ..self
        }
    }
}

/// Pixels as 1/256 pixel, rounded half away from zero; out of range saturates, NaN is 0.
pub fn px_to_q8(px: f32) -> i32 {
    let scaled = px * 256.0;
    // `f32::round` needs std; a float-to-int cast truncates, saturates and takes NaN to 0.
    (scaled + if scaled < 0.0 { -0.5 } else { 0.5 }) as i32
}
