//! Supersampled bilinear resize of a rotated crop.

use crate::crop::CropRect;
use crate::fixed::sin_cos_turn_q16;
use crate::plane::GrayView;

/// Most samples along one side of an output pixel. Cells wider than this many picture pixels
/// are sampled, no longer covered; it bounds the work per output pixel.
const MAX_SAMPLES: i64 = 64;

/// `out` is `[out_height, out_width]`; sizes have been checked by the caller.
pub(super) fn resize(
    view: &GrayView<'_>,
    crop: &CropRect,
    out_width: u16,
    out_height: u16,
    out: &mut [u8],
) {
    let (sin, cos) = sin_cos_turn_q16(crop.rotation_turn_q16);
    let (sin, cos) = (i64::from(sin), i64::from(cos));
    let columns = Axis::new(crop.width_q8, out_width);
    let rows = Axis::new(crop.height_q8, out_height);
    let count = (columns.samples * rows.samples) as u64 * BILINEAR_ONE;
    for (y, out_row) in out.chunks_exact_mut(usize::from(out_width)).enumerate() {
        for (x, pixel) in out_row.iter_mut().enumerate() {
            let mut sum = 0_u64;
            for sample_y in 0..rows.samples {
                let v = rows.offset_q16(y, sample_y);
                for sample_x in 0..columns.samples {
                    let u = columns.offset_q16(x, sample_x);
                    // |u|, |v| <= 2^31 and |sin|, |cos| <= 2^30: each sum stays within 2^62.
                    let dx_q16 = (u * cos - v * sin + (1 << 29)) >> 30;
                    let dy_q16 = (u * sin + v * cos + (1 << 29)) >> 30;
                    sum += bilinear(
                        view,
                        (i64::from(crop.center_x_q8) << 8) + dx_q16,
                        (i64::from(crop.center_y_q8) << 8) + dy_q16,
                    );
                }
            }
            // A mean of bytes is a byte.
            *pixel = ((sum + count / 2) / count) as u8;
        }
    }
}

/// One axis of the crop, before rotation.
struct Axis {
    size_q8: i64,
    out_size: i64,
    /// Samples per output pixel, 1..=[`MAX_SAMPLES`].
    samples: i64,
}

impl Axis {
    fn new(size_q8: i32, out_size: u16) -> Self {
        let (size_q8, out_size) = (i64::from(size_q8), i64::from(out_size));
        let cell = 256 * out_size;
        Self {
            size_q8,
            out_size,
            samples: ((size_q8 + cell - 1) / cell).clamp(1, MAX_SAMPLES),
        }
    }

    /// Distance of a sample from the crop's centre in 1/65536 pixel.
    fn offset_q16(&self, index: usize, sample: i64) -> i64 {
        let n = self.out_size * self.samples;
        let position = 2 * (index as i64 * self.samples + sample) + 1 - n;
        (position * self.size_q8 * 256).div_euclid(2 * n)
    }
}

/// What [`bilinear`] returns for a pixel value of 1.
const BILINEAR_ONE: u64 = 1 << 16;

/// The picture at a point, interpolated between the four nearest pixel centres.
fn bilinear(view: &GrayView<'_>, x_q16: i64, y_q16: i64) -> u64 {
    let (left, right, x_part) = neighbours(x_q16, view.width());
    let (top, bottom, y_part) = neighbours(y_q16, view.height());
    let along = |row: &[u8]| u64::from(row[left]) * (256 - x_part) + u64::from(row[right]) * x_part;
    along(view.row(top as u32)) * (256 - y_part) + along(view.row(bottom as u32)) * y_part
}

/// The two pixels whose centres enclose a position, and the second one's share in 1/256.
fn neighbours(position_q16: i64, size: u32) -> (usize, usize, u64) {
    // Pixel 0 has its centre at half a pixel.
    let from_first_q8 = (position_q16 - (1 << 15) + (1 << 7)) >> 8;
    let last = i64::from(size) - 1;
    let index = from_first_q8 >> 8;
    (
        index.clamp(0, last) as usize,
        (index + 1).clamp(0, last) as usize,
        (from_first_q8 & 0xFF) as u64,
    )
}
