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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_whole_picture_is_centred_on_half_its_size() {
        let crop = CropRect::whole(640, 481);
        assert_eq!((crop.center_x_q8, crop.center_y_q8), (128 * 640, 128 * 481));
        assert_eq!((crop.width_q8, crop.height_q8), (256 * 640, 256 * 481));
        assert_eq!(crop.rotation_turn_q16, 0);
    }

    #[test]
    fn extreme_boxes_saturate() {
        let crop = CropRect::from_box_q8(i32::MAX, i32::MIN, i32::MAX, i32::MIN);
        assert_eq!((crop.center_x_q8, crop.center_y_q8), (i32::MAX, i32::MIN));
        assert!(CropRect::whole(u32::MAX, 1).width_q8 <= MAX_CROP_SIDE_Q8);
    }
}
