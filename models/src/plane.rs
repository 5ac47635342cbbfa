//! A borrowed gray picture.

/// Longest side of a picture in pixels: JPEG's own limit, and small enough that positions in
/// 1/256 pixel fit an `i32` many times over.
pub const MAX_SIDE_PX: u32 = 65_535;

/// Gray pixels `[height, width]` u8, row-major, rows `stride` bytes apart.
#[derive(Clone, Copy, Debug)]
pub struct GrayView<'a> {
    data: &'a [u8],
    width: u32,
    height: u32,
    stride: u32,
}

/// Why a buffer is no picture.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum PlaneError {
    /// A side of zero pixels.
    #[error("a picture of {width}x{height} has no pixel")]
    Empty {
        /// Given width in pixels.
        width: u32,
        /// Given height in pixels.
        height: u32,
    },
    /// A side over [`MAX_SIDE_PX`].
    #[error("a picture of {width}x{height} is over {MAX_SIDE_PX} pixels a side")]
    TooLarge {
        /// Given width in pixels.
        width: u32,
        /// Given height in pixels.
        height: u32,
    },
    /// Rows that would overlap.
    #[error("rows {stride} bytes apart cannot hold {width} pixels")]
    Stride {
        /// Given width in pixels.
        width: u32,
        /// Given distance of rows in bytes.
        stride: u32,
    },
    /// A buffer that ends before the last pixel.
    #[error("the buffer has {actual} bytes, {needed} are needed")]
    TooShort {
        /// Bytes up to the last pixel.
        needed: u64,
        /// Bytes given.
        actual: usize,
    },
}

impl<'a> GrayView<'a> {
    /// A view of `width` x `height` pixels, 1x1 up to [`MAX_SIDE_PX`] a side, in rows `stride`
    /// bytes apart. The last row need not be padded; bytes beyond it are ignored.
    ///
    /// # Errors
    /// [`PlaneError`] when the sizes are out of range or the buffer is too short.
    pub fn new(data: &'a [u8], width: u32, height: u32, stride: u32) -> Result<Self, PlaneError> {
        if width == 0 || height == 0 {
            return Err(PlaneError::Empty { width, height });
        }
        if width > MAX_SIDE_PX || height > MAX_SIDE_PX {
            return Err(PlaneError::TooLarge { width, height });
        }
        if stride < width {
            return Err(PlaneError::Stride { width, stride });
        }
        let needed = u64::from(stride) * u64::from(height - 1) + u64::from(width);
        if (data.len() as u64) < needed {
            return Err(PlaneError::TooShort {
                needed,
                actual: data.len(),
            });
        }
        Ok(Self {
            data,
            width,
            height,
            stride,
        })
    }

    /// A view of rows without padding.
    ///
    /// # Errors
    /// As [`GrayView::new`].
    pub fn packed(data: &'a [u8], width: u32, height: u32) -> Result<Self, PlaneError> {
        Self::new(data, width, height, width)
    }

    /// Width in pixels, at least 1.
    pub fn width(&self) -> u32 {
        self.width
    }

    /// Height in pixels, at least 1.
    pub fn height(&self) -> u32 {
        self.height
    }

    /// Distance of rows in bytes, at least the width.
    pub fn stride(&self) -> u32 {
        self.stride
    }

    /// The `width` pixels of row `y`.
    ///
    /// # Panics
    /// When `y` is not below the height, as for any slice.
    pub fn row(&self, y: u32) -> &'a [u8] {
        assert!(y < self.height, "row {y} of a picture {} high", self.height);
        let start = y as usize * self.stride as usize;
        &self.data[start..start + self.width as usize]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_skip_the_padding() {
        let data = [1, 2, 9, 3, 4];
        let view = GrayView::new(&data, 2, 2, 3).expect("five bytes suffice");
        assert_eq!(view.row(0), [1, 2]);
        assert_eq!(view.row(1), [3, 4]);
    }

    #[test]
    fn each_impossible_picture_has_its_error() {
        let data = [0; 8];
        let cases = [
            (
                0,
                2,
                2,
                PlaneError::Empty {
                    width: 0,
                    height: 2,
                },
            ),
            (
                2,
                0,
                2,
                PlaneError::Empty {
                    width: 2,
                    height: 0,
                },
            ),
            (
                65_536,
                1,
                65_536,
                PlaneError::TooLarge {
                    width: 65_536,
                    height: 1,
                },
            ),
            (
                1,
                u32::MAX,
                1,
                PlaneError::TooLarge {
                    width: 1,
                    height: u32::MAX,
                },
            ),
            (
                4,
                2,
                3,
                PlaneError::Stride {
                    width: 4,
                    stride: 3,
                },
            ),
            (
                4,
                3,
                4,
                PlaneError::TooShort {
                    needed: 12,
                    actual: 8,
                },
            ),
            (
                1,
                65_535,
                u32::MAX,
                PlaneError::TooShort {
                    needed: u64::from(u32::MAX) * 65_534 + 1,
                    actual: 8,
                },
            ),
        ];
        for (width, height, stride, error) in cases {
            assert_eq!(
                GrayView::new(&data, width, height, stride).err(),
                Some(error)
            );
        }
    }
}
