//! A sub-pixel, rotated crop rectangle in fixed point.

/// Where a face is cut out. Lengths are in 1/256 pixel; pixel `(x, y)` covers
/// `[256 x, 256 x + 256)`, so that the whole `W x H` picture has centre `(128 W, 128 H)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CropRect {
    /// Centre x in 1/256 pixel.
    pub center_x_q8: i32,
    /// Centre y in 1/256 pixel.
    pub center_y_q8: i32,
    /// Width in 1/256 pixel, > 0.
    pub width_q8: i32,
    /// Height in 1/256 pixel, > 0.
    pub height_q8: i32,
    /// Clockwise (y down) rotation of the crop's x axis in 1/65536 turn.
    pub rotation_turn_q16: i16,
}
