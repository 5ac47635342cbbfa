//! A borrowed gray picture.

/// Gray pixels `[height, width]` u8, row-major, rows `stride` bytes apart.
#[derive(Clone, Copy, Debug)]
pub struct GrayView<'a> {
    data: &'a [u8],
    width: u32,
    height: u32,
    stride: u32,
}
