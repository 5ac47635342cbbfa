//! Exact area averaging of an upright crop.
//!
//! Along each axis a position is an integer in units of 1/(512 n) pixel, n being the output's
//! size: the corner of the crop (in 1/512 pixel, as it is the centre minus half the size), every
//! cell border and every cell centre are whole numbers of that unit, so nothing is rounded
//! before the final division.

use crate::crop::CropRect;
use crate::plane::GrayView;

/// `out` is `[out_height, out_width]`; sizes have been checked by the caller.
pub(super) fn resize(
    view: &GrayView<'_>,
    crop: &CropRect,
    out_width: u16,
    out_height: u16,
    out: &mut [u8],
) {
    let columns = Axis::new(crop.center_x_q8, crop.width_q8, out_width, view.width());
    let rows = Axis::new(crop.center_y_q8, crop.height_q8, out_height, view.height());
    // At most 2^25 x 2^25; times 255 the sums below stay under 2^58.
    let area = columns.footprint() * rows.footprint();
    for (y, out_row) in out.chunks_exact_mut(usize::from(out_width)).enumerate() {
        let row_span = rows.span(y);
        for (x, pixel) in out_row.iter_mut().enumerate() {
            let column_span = columns.span(x);
            let sum: u64 = (row_span.first..=row_span.last)
                .map(|y| row_span.weight(y) * column_span.sum(view.row(y as u32)))
                .sum();
            // A mean of bytes is a byte.
            *pixel = ((sum + area / 2) / area) as u8;
        }
    }
}

/// One axis of the crop in units of 1/(512 n) pixel.
struct Axis {
    /// Where the crop begins.
    start: i64,
    /// Half of a cell.
    half_cell: i64,
    /// Half of what is averaged: half a cell, or half a picture pixel when that is more.
    half_footprint: i64,
    /// One picture pixel.
    pixel: i64,
    /// The picture's last pixel.
    last: i64,
}

impl Axis {
    fn new(center_q8: i32, size_q8: i32, out_size: u16, picture_size: u32) -> Self {
        let n = i64::from(out_size);
        let half_cell = i64::from(size_q8);
        Self {
            start: (2 * i64::from(center_q8) - i64::from(size_q8)) * n,
            half_cell,
            half_footprint: half_cell.max(256 * n),
            pixel: 512 * n,
            last: i64::from(picture_size) - 1,
        }
    }

    fn footprint(&self) -> u64 {
        2 * self.half_footprint as u64
    }

    /// The picture pixels that output pixel `index` averages.
    fn span(&self, index: usize) -> Span {
        let center = self.start + (2 * index as i64 + 1) * self.half_cell;
        let start = center - self.half_footprint;
        let end = center + self.half_footprint;
        // Clamping the pixel numbers but not start and end gives the edge pixels the weight of
        // all that lies beyond them.
        let first = start.div_euclid(self.pixel).clamp(0, self.last);
        let last = (end - 1).div_euclid(self.pixel).clamp(0, self.last);
        let (first_weight, last_weight) = if first == last {
            (end - start, 0)
        } else {
            ((first + 1) * self.pixel - start, end - last * self.pixel)
        };
        Span {
            first: first as usize,
            last: last as usize,
            first_weight: first_weight as u64,
            inner_weight: self.pixel as u64,
            last_weight: last_weight as u64,
        }
    }
}

/// Consecutive picture pixels with their weights.
struct Span {
    first: usize,
    last: usize,
    first_weight: u64,
    inner_weight: u64,
    /// 0 when there is but one pixel.
    last_weight: u64,
}

impl Span {
    fn weight(&self, index: usize) -> u64 {
        if index == self.first {
            self.first_weight
        } else if index == self.last {
            self.last_weight
        } else {
            self.inner_weight
        }
    }

    /// Weighted sum along a picture row.
    fn sum(&self, row: &[u8]) -> u64 {
        let ends = u64::from(row[self.first]) * self.first_weight
            + u64::from(row[self.last]) * self.last_weight;
        match row.get(self.first + 1..self.last) {
            Some(inner) => {
                // A row has at most 65,535 pixels: the sum fits.
                let inner: u32 = inner.iter().map(|&p| u32::from(p)).sum();
                ends + u64::from(inner) * self.inner_weight
            }
            None => ends,
        }
    }
}
