//! Loading one picture file: JPEG or PNG to gray pixels.
//!
//! Pictures come out as people see them: the EXIF orientation is applied, CMYK becomes RGB,
//! 16-bit channels keep their high byte, transparency is dropped.

use std::fs;
use std::io::{self, Cursor};
use std::path::Path;

use image::codecs::{jpeg::JpegDecoder, png::PngDecoder};
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, Limits};

use mien_models::plane::MAX_SIDE_PX;

use super::file_end;

/// Most pixels a picture may have; decided from the header, before anything is allocated.
pub const MAX_PIXELS: u64 = 64_000_000;
/// Most bytes a decoded picture may take (64 million RGB pixels fit, 16-bit RGBA ones do not).
pub const MAX_DECODED_BYTES: u64 = 256 << 20;
/// Largest file that is read.
pub const MAX_FILE_BYTES: u64 = 128 << 20;

/// Whether the colours are kept beside the gray pixels.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Color {
    /// Gray only: a quarter of the memory.
    Drop,
    /// For annotated pictures.
    Keep,
}

/// A decoded, upright picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Picture {
    /// Columns, at least 1.
    pub width: u32,
    /// Rows, at least 1.
    pub height: u32,
    /// Gray pixels `[height, width]` by [`luma`], row-major.
    pub gray: Vec<u8>,
    /// RGB pixels `[height, width, 3]`, row-major, with [`Color::Keep`].
    pub rgb: Option<Vec<u8>>,
}

/// What is wrong with a picture file; [`PictureErrorKind::name`] is part of the JSON output.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PictureErrorKind {
    /// No such file or folder.
    NotFound,
    /// The system would not let us read it.
    Unreadable,
    /// A file of no bytes.
    Empty,
    /// A folder without a JPEG or PNG in it.
    NoPictures,
    /// Not a picture at all.
    NotAPicture,
    /// A picture, but of a format or variant that is not read here.
    Unsupported,
    /// More pixels or bytes than allowed.
    TooLarge,
    /// The file stops before the picture does.
    Truncated,
    /// The bytes contradict the format.
    Corrupt,
}

impl PictureErrorKind {
    /// Stable name, such as `too_large`.
    pub fn name(self) -> &'static str {
        match self {
            Self::NotFound => "not_found",
            Self::Unreadable => "unreadable",
            Self::Empty => "empty",
            Self::NoPictures => "no_pictures",
            Self::NotAPicture => "not_a_picture",
            Self::Unsupported => "unsupported",
            Self::TooLarge => "too_large",
            Self::Truncated => "truncated",
            Self::Corrupt => "corrupt",
        }
    }
}

/// A picture file that could not be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct PictureError {
    /// The kind, for programs.
    pub kind: PictureErrorKind,
    /// One line for people.
    pub message: String,
}

impl PictureError {
    /// An error of `kind` with a line for people.
    pub fn new(kind: PictureErrorKind, message: impl Into<String>) -> Self {
        let message = message.into();
        Self { kind, message }
    }

    pub(super) fn from_io(error: &io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound => Self::new(PictureErrorKind::NotFound, "no such file"),
            _ => Self::new(
                PictureErrorKind::Unreadable,
                format!("cannot be read: {error}"),
            ),
        }
    }
}

/// Gray value of a pixel: ITU-R BT.601 luma in the integers of OpenCV's `cvtColor`,
/// `(9798 R + 19235 G + 3735 B + 16384) >> 15`.
#[inline]
pub fn luma(r: u8, g: u8, b: u8) -> u8 {
    ((9798 * u32::from(r) + 19235 * u32::from(g) + 3735 * u32::from(b) + 16384) >> 15) as u8
}

/// Reads and decodes the file at `path`.
pub fn load(path: &Path, color: Color) -> Result<Picture, PictureError> {
    let metadata = fs::metadata(path).map_err(|error| PictureError::from_io(&error))?;
    if !metadata.is_file() {
        let message = "not a regular file";
        return Err(PictureError::new(PictureErrorKind::Unreadable, message));
    }
    if metadata.len() > MAX_FILE_BYTES {
        let message = format!(
            "{} bytes; at most {MAX_FILE_BYTES} are read",
            metadata.len()
        );
        return Err(PictureError::new(PictureErrorKind::TooLarge, message));
    }
    let bytes = fs::read(path).map_err(|error| PictureError::from_io(&error))?;
    decode(&bytes, color)
}

/// Decodes a JPEG or PNG file's bytes.
pub fn decode(bytes: &[u8], color: Color) -> Result<Picture, PictureError> {
    use PictureErrorKind::{Empty, NotAPicture, Truncated, Unsupported};
    if bytes.is_empty() {
        return Err(PictureError::new(Empty, "the file is empty"));
    }
    let format = image::guess_format(bytes)
        .map_err(|_| PictureError::new(NotAPicture, "not a picture (neither JPEG nor PNG)"))?;
    let (decoded, is_whole) = match format {
        ImageFormat::Jpeg => (
            JpegDecoder::new(Cursor::new(bytes)).and_then(decode_within_limits),
            file_end::jpeg_is_whole(bytes),
        ),
        ImageFormat::Png => (
            PngDecoder::with_limits(Cursor::new(bytes), limits()).and_then(decode_within_limits),
            file_end::png_is_whole(bytes),
        ),
        other => {
            let message = format!("{other:?} pictures are not read; JPEG and PNG are");
            return Err(PictureError::new(Unsupported, message));
        }
    };
    match decoded {
        Err(ImageError::Limits(_)) => Err(too_large(header_size(bytes, format))),
        _ if !is_whole => {
            let message = "the file stops before the picture does";
            Err(PictureError::new(Truncated, message))
        }
        Err(error) => Err(from_image_error(&error)),
        Ok(image) => Ok(into_picture(image, color)),
    }
}

fn limits() -> Limits {
    let mut limits = Limits::no_limits();
    limits.max_alloc = Some(MAX_DECODED_BYTES);
    limits
}

fn decode_within_limits(mut decoder: impl ImageDecoder) -> Result<DynamicImage, ImageError> {
    let (width, height) = decoder.dimensions();
    if u64::from(width) * u64::from(height) > MAX_PIXELS
        || width.max(height) > MAX_SIDE_PX
        || decoder.total_bytes() > MAX_DECODED_BYTES
    {
        let kind = image::error::LimitErrorKind::DimensionError;
        return Err(ImageError::Limits(image::error::LimitError::from_kind(
            kind,
        )));
    }
    decoder.set_limits(limits())?;
    let orientation = decoder.orientation()?;
    let mut image = DynamicImage::from_decoder(decoder)?;
    image.apply_orientation(orientation);
    Ok(image)
}

/// `[width, height]` for the error message, if the header gives it.
fn header_size(bytes: &[u8], format: ImageFormat) -> Option<(u32, u32)> {
    let mut reader = image::ImageReader::with_format(Cursor::new(bytes), format);
    reader.limits(limits());
    reader.into_dimensions().ok()
}

fn too_large(size: Option<(u32, u32)>) -> PictureError {
    let size = size.map_or_else(String::new, |(width, height)| {
        format!("{width} x {height} pixels; ")
    });
    let message = format!(
        "{size}at most {} million pixels, {MAX_SIDE_PX} a side and {} MiB decoded are read",
        MAX_PIXELS / 1_000_000,
        MAX_DECODED_BYTES >> 20,
    );
    PictureError::new(PictureErrorKind::TooLarge, message)
}

fn from_image_error(error: &ImageError) -> PictureError {
    let kind = match error {
        ImageError::Unsupported(_) => PictureErrorKind::Unsupported,
        _ => PictureErrorKind::Corrupt,
    };
    PictureError::new(kind, format!("cannot be decoded: {error}"))
}

fn into_picture(image: DynamicImage, color: Color) -> Picture {
    let (width, height) = (image.width(), image.height());
    let rgb = match image {
        DynamicImage::ImageLuma8(gray) => {
            return gray_picture(width, height, gray.into_raw(), color);
        }
        DynamicImage::ImageLumaA8(pixels) => {
            let gray = pixels.into_raw().chunks_exact(2).map(|p| p[0]).collect();
            return gray_picture(width, height, gray, color);
        }
        DynamicImage::ImageLuma16(pixels) => {
            let gray = pixels.into_raw().iter().map(|v| high_byte(*v)).collect();
            return gray_picture(width, height, gray, color);
        }
        DynamicImage::ImageLumaA16(pixels) => {
            let gray = pixels
                .into_raw()
                .chunks_exact(2)
                .map(|p| high_byte(p[0]))
                .collect();
            return gray_picture(width, height, gray, color);
        }
        DynamicImage::ImageRgb8(pixels) => pixels.into_raw(),
        DynamicImage::ImageRgba8(pixels) => pixels
            .into_raw()
            .chunks_exact(4)
            .flat_map(|p| [p[0], p[1], p[2]])
            .collect(),
        DynamicImage::ImageRgb16(pixels) => {
            pixels.into_raw().iter().map(|v| high_byte(*v)).collect()
        }
        DynamicImage::ImageRgba16(pixels) => pixels
            .into_raw()
            .chunks_exact(4)
            .flat_map(|p| [high_byte(p[0]), high_byte(p[1]), high_byte(p[2])])
            .collect(),
        other => other.into_rgb8().into_raw(),
    };
    let gray = rgb
        .chunks_exact(3)
        .map(|p| luma(p[0], p[1], p[2]))
        .collect();
    let rgb = (color == Color::Keep).then_some(rgb);
    Picture {
        width,
        height,
        gray,
        rgb,
    }
}

fn gray_picture(width: u32, height: u32, gray: Vec<u8>, color: Color) -> Picture {
    let rgb = (color == Color::Keep).then(|| gray.iter().flat_map(|&v| [v; 3]).collect());
    Picture {
        width,
        height,
        gray,
        rgb,
    }
}

/// 16 to 8 bits as libpng's `png_set_strip_16` (and so OpenCV's reader) does.
fn high_byte(value: u16) -> u8 {
    (value >> 8) as u8
}
