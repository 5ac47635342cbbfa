//! The luma plane of a camera's buffer, without going through colours.

use mien_models::plane::MAX_SIDE_PX;
use zune_jpeg::JpegDecoder;
use zune_jpeg::errors::DecodeErrors;
use zune_jpeg::zune_core::bytestream::ZCursor;
use zune_jpeg::zune_core::colorspace::ColorSpace;
use zune_jpeg::zune_core::options::DecoderOptions;

use super::choose::PixelFormat;
use crate::capture::file_end::jpeg_is_whole;

/// A gray picture.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Luma {
    /// Gray pixels `[height, width]`, row-major, no gaps.
    pub pixels: Vec<u8>,
    /// Columns.
    pub width: u32,
    /// Rows.
    pub height: u32,
}

/// Why a buffer holds no picture.
#[derive(Debug, thiserror::Error)]
pub enum LumaError {
    /// Fewer bytes than the picture needs: a frame that was cut off on the bus.
    #[error(
        "the camera sent {got} bytes of {format} where {width} x {height} pixels need {needed}"
    )]
    Short {
        /// How pixels are sent.
        format: PixelFormat,
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
        /// Bytes at least needed.
        needed: usize,
        /// Bytes there.
        got: usize,
    },
    /// The JPEG is broken.
    #[error("the camera sent a broken JPEG: {0}")]
    Jpeg(String),
    /// A picture without pixels.
    #[error("the camera sent a picture of {width} x {height} pixels")]
    Empty {
        /// Columns.
        width: u32,
        /// Rows.
        height: u32,
    },
}

/// Takes the luma from `buffer`, `width` by `height` pixels in `format`. Rows may be padded: their
/// length follows from that of the buffer. A JPEG's own size counts.
///
/// # Errors
/// If the buffer is too short or no JPEG.
pub fn luma(
    format: PixelFormat,
    buffer: &[u8],
    width: u32,
    height: u32,
) -> Result<Luma, LumaError> {
    if format == PixelFormat::Mjpeg {
        return jpeg(buffer);
    }
    let (columns, rows) = (width as usize, height as usize);
    if columns == 0 || rows == 0 {
        return Err(LumaError::Empty { width, height });
    }
    // Bytes per pixel of a row, and rows in all, in halves for NV12's chroma below the luma.
    let (bytes_per_pixel, half_rows) = match format {
        PixelFormat::Yuyv => (2, 2 * rows),
        PixelFormat::Nv12 => (1, 2 * rows + rows.next_multiple_of(2)),
        PixelFormat::Gray | PixelFormat::Mjpeg => (1, 2 * rows),
    };
    let row_bytes = bytes_per_pixel * columns;
    let needed = (row_bytes * half_rows).div_ceil(2);
    if buffer.len() < needed {
        return Err(LumaError::Short {
            format,
            width,
            height,
            needed,
            got: buffer.len(),
        });
    }
    let stride = 2 * buffer.len() / half_rows;
    // A buffer that is a little longer than the picture is no padded one.
    let stride = if (2 * buffer.len()).is_multiple_of(half_rows) {
        stride
    } else {
        row_bytes
    };
    let mut pixels = Vec::with_capacity(columns * rows);
    for row in buffer.chunks(stride).take(rows) {
        pixels.extend(row[..row_bytes].iter().step_by(bytes_per_pixel));
    }
    Ok(Luma {
        pixels,
        width,
        height,
    })
}

/// Only the luma is decoded.
fn jpeg(buffer: &[u8]) -> Result<Luma, LumaError> {
    if !jpeg_is_whole(buffer) {
        return Err(LumaError::Jpeg(
            "it stops before the picture does".to_owned(),
        ));
    }
    let options = DecoderOptions::default()
        .jpeg_set_out_colorspace(ColorSpace::Luma)
        .set_max_width(MAX_SIDE_PX as usize)
        .set_max_height(MAX_SIDE_PX as usize);
    let mut decoder = JpegDecoder::new_with_options(ZCursor::new(buffer), options);
    let broken = |error: DecodeErrors| LumaError::Jpeg(error.to_string());
    let pixels = decoder.decode().map_err(broken)?;
    let (width, height) = decoder.dimensions().unwrap_or_default();
    if pixels.is_empty() || pixels.len() != width * height {
        return Err(LumaError::Jpeg(format!("{width} x {height} pixels")));
    }
    Ok(Luma {
        pixels,
        // At most MAX_SIDE_PX.
        width: width as u32,
        height: height as u32,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assets;
    use crate::capture::picture::{self, Color};

    #[test]
    fn luma_of_interleaved_rows_with_and_without_padding() {
        let packed = [1, 128, 2, 128, 3, 128, 4, 128];
        let read = luma(PixelFormat::Yuyv, &packed, 2, 2).unwrap();
        assert_eq!(read.pixels, [1, 2, 3, 4]);
        let padded = [1, 128, 2, 128, 0, 0, 3, 128, 4, 128, 0, 0];
        assert_eq!(luma(PixelFormat::Yuyv, &padded, 2, 2).unwrap(), read);
        let longer = [&packed[..], &[9]].concat();
        assert_eq!(luma(PixelFormat::Yuyv, &longer, 2, 2).unwrap(), read);
    }

    #[test]
    fn luma_of_planes_with_and_without_padding() {
        let packed = [1, 2, 3, 4, 128, 128];
        let read = luma(PixelFormat::Nv12, &packed, 2, 2).unwrap();
        assert_eq!(read.pixels, [1, 2, 3, 4]);
        let padded = [1, 2, 0, 0, 3, 4, 0, 0, 128, 128, 0, 0];
        assert_eq!(luma(PixelFormat::Nv12, &padded, 2, 2).unwrap(), read);
        let gray = luma(PixelFormat::Gray, &[1, 2, 0, 3, 4, 0], 2, 2).unwrap();
        assert_eq!(gray, read);
    }

    #[test]
    fn short_buffers_are_errors_that_count() {
        let error = luma(PixelFormat::Yuyv, &[0; 7], 2, 2).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the camera sent 7 bytes of YUYV where 2 x 2 pixels need 8"
        );
        assert!(luma(PixelFormat::Nv12, &[0; 5], 2, 2).is_err());
        assert!(luma(PixelFormat::Gray, &[], 1, 1).is_err());
        assert!(luma(PixelFormat::Gray, &[1], 0, 1).is_err());
    }

    #[test]
    fn a_jpeg_says_its_own_size_and_must_be_whole() {
        let portrait = assets::PORTRAITS[0].jpeg;
        let read = luma(PixelFormat::Mjpeg, portrait, 640, 480).unwrap();
        let expected = picture::decode(portrait, Color::Drop).unwrap();
        assert_eq!((read.width, read.height), (expected.width, expected.height));
        // The other way goes through colours, which are clipped, and back.
        let far = read.pixels.iter().zip(&expected.gray);
        let far: u64 = far.map(|(a, b)| u64::from(a.abs_diff(*b))).sum();
        assert!(far * 10 < 9 * read.pixels.len() as u64, "{far} in all");
        for end in [0, 2, 300, portrait.len() / 2, portrait.len() - 2] {
            assert!(luma(PixelFormat::Mjpeg, &portrait[..end], 640, 480).is_err());
        }
        assert!(luma(PixelFormat::Mjpeg, b"no picture at all", 640, 480).is_err());
    }
}
