//! From the source to the network's side.

use mien_models::crop::CropRect;
use mien_models::plane::GrayView;
use mien_models::preprocess::resize_crop;

use super::geometry::Warp;
use super::{MAX_SIDE, PIXELS, SIDE};
use crate::train::recipe::Border;

/// Resizes as the device does; at 48 an exact copy. `out` is `[side, side]`.
pub(super) fn resize(source: &[u8; PIXELS], side: usize, out: &mut [u8]) {
    if side == SIDE {
        out.copy_from_slice(source);
        return;
    }
    let px = SIDE as u32;
    let resized = GrayView::new(source, px, px, px).is_ok_and(|view| {
        let sides = (side as u16, side as u16);
        resize_crop(&view, &CropRect::whole(px, px), sides.0, sides.1, out).is_ok()
    });
    assert!(resized, "a 48 x 48 picture can be resized to {side} pixels");
}

/// Resamples a changed picture to `out` `[side, side]`: the mean of as many bilinear samples a
/// side as an output pixel has source pixels, rounded up, so that small outputs are not aliased.
/// At 48 pixels it is one sample always, and without a change an exact copy.
pub(super) fn warp(
    source: &[u8; PIXELS],
    warp: &Warp,
    border: Border,
    side: usize,
    out: &mut [u8],
) {
    let step = SIDE as f32 / side as f32;
    // A thousandth is rounding, not a pixel more.
    let samples = (step * warp.step().min(1.0) - 1e-3).ceil().max(1.0) as usize;
    // Offsets of the samples from the first corner of an output pixel, in source pixels.
    let offset = |i: usize| (i as f32 + 0.5) / samples as f32 * step;
    let half = SIDE as f32 / 2.0;
    let share = 1.0 / (samples * samples) as f32;
    let source = padded(source);
    let mut sums = [0f32; MAX_SIDE];
    let sums = &mut sums[..side];
    for (y, row) in out.chunks_exact_mut(side).enumerate() {
        sums.fill(0.0);
        for i in 0..samples {
            let dy = y as f32 * step + offset(i) - half - warp.shift[1];
            for j in 0..samples {
                add_samples(&source, warp, border, dy, step, offset(j) - half, sums);
            }
        }
        for (out, sum) in row.iter_mut().zip(sums.iter()) {
            *out = (sum * share + 0.5) as u8;
        }
    }
}

/// Pixels from one row of a padded source to the next.
const STRIDE: usize = SIDE + 1;
type Padded = [f32; STRIDE * STRIDE];

/// The source with its last row and column repeated, so that every pixel has a next one.
fn padded(source: &[u8; PIXELS]) -> Padded {
    let mut out = [0f32; STRIDE * STRIDE];
    for (y, to) in out.chunks_exact_mut(STRIDE).enumerate() {
        let from = &source[y.min(SIDE - 1) * SIDE..][..SIDE];
        for (to, from) in to.iter_mut().zip(from) {
            *to = f32::from(*from);
        }
        to[SIDE] = to[SIDE - 1];
    }
    out
}

/// Adds to each of `sums` the bilinear source at an offset of the result from its centre: `dy`,
/// and in x `first`, `first + step`, ….
fn add_samples(
    source: &Padded,
    warp: &Warp,
    border: Border,
    dy: f32,
    step: f32,
    first: f32,
    sums: &mut [f32],
) {
    let last = SIDE as f32 - 1.0;
    let centre = last / 2.0;
    let [[xx, xy], [yx, yy]] = warp.inverse;
    // A mirror image each way is enough: what lies farther out is repeated.
    let inside = |v: f32| match border {
        Border::Repeat => v.clamp(0.0, last),
        Border::Mirror => (last - (last - v.abs()).abs()).clamp(0.0, last),
    };
    // Two loops, as only the first can be vectorized.
    let (mut corners, mut right, mut down) = ([0i32; MAX_SIDE], [0f32; MAX_SIDE], [0f32; MAX_SIDE]);
    let places = corners.iter_mut().zip(&mut right).zip(&mut down);
    for (x, ((corner, fx), fy)) in places.enumerate().take(sums.len()) {
        let dx = x as f32 * step + first - warp.shift[0];
        let sx = inside(xx * dx + xy * dy + centre);
        let sy = inside(yx * dx + yy * dy + centre);
        let (x0, y0) = (sx as i32, sy as i32);
        *corner = y0 * STRIDE as i32 + x0;
        (*fx, *fy) = (sx - x0 as f32, sy - y0 as f32);
    }
    for (((sum, corner), fx), fy) in sums.iter_mut().zip(corners).zip(right).zip(down) {
        let cell = &source[corner as usize..][..STRIDE + 2];
        let top = cell[0] * (1.0 - fx) + cell[1] * fx;
        let bottom = cell[STRIDE] * (1.0 - fx) + cell[STRIDE + 1] * fx;
        *sum += top * (1.0 - fy) + bottom * fy;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NEUTRAL: Warp = Warp {
        inverse: [[1.0, 0.0], [0.0, 1.0]],
        shift: [0.0, 0.0],
    };

    fn ramp() -> [u8; PIXELS] {
        std::array::from_fn(|i| ((i % SIDE) * 5) as u8)
    }

    fn warped(source: &[u8; PIXELS], change: &Warp, side: usize) -> Vec<u8> {
        let mut out = vec![0; side * side];
        warp(source, change, Border::Repeat, side, &mut out);
        out
    }

    #[test]
    fn no_change_at_48_is_a_copy() {
        let source = std::array::from_fn(|i| (i * 31 % 253) as u8);
        assert_eq!(Warp::new(0.0, 1.0, [0.0; 2]), NEUTRAL);
        assert_eq!(warped(&source, &NEUTRAL, SIDE), source);
    }

    #[test]
    fn shift_moves_to_the_right() {
        let moved = warped(&ramp(), &Warp::new(0.0, 1.0, [4.0, 0.0]), SIDE);
        assert_eq!(moved[10 * SIDE + 20], ramp()[10 * SIDE + 16]);
    }

    #[test]
    fn a_quarter_turn_is_exact() {
        let source = std::array::from_fn(|i| (i * 31 % 253) as u8);
        let turned = warped(
            &source,
            &Warp::new(std::f32::consts::FRAC_PI_2, 1.0, [0.0; 2]),
            SIDE,
        );
        for (y, x) in [(0, 0), (3, 40), (47, 11)] {
            assert_eq!(turned[y * SIDE + x], source[(SIDE - 1 - x) * SIDE + y]);
        }
    }

    #[test]
    fn small_outputs_average_what_a_pixel_covers() {
        // One-pixel checks: a single sample per pixel would give bands of black and white.
        let checks = std::array::from_fn(|i| {
            if (i + i / SIDE).is_multiple_of(2) {
                0
            } else {
                200
            }
        });
        for side in [16, 24] {
            let out = warped(&checks, &NEUTRAL, side);
            let range = out.iter().max().unwrap() - out.iter().min().unwrap();
            assert!(range <= 24, "{side}: {range}");
        }
        let out = warped(&checks, &Warp::new(0.2, 1.0, [0.3, 0.1]), 24);
        assert!(out.iter().all(|p| (50..=150).contains(p)));
    }

    #[test]
    fn every_side_keeps_a_ramp_in_place() {
        for side in [16, 24, 32, 40, 48, 56, 64] {
            let mut resized = vec![0; side * side];
            resize(&ramp(), side, &mut resized);
            let out = warped(&ramp(), &NEUTRAL, side);
            // Away from the edges both are the ramp at the pixel's centre.
            for x in 2..side - 2 {
                let source_x = (x as f32 + 0.5) * SIDE as f32 / side as f32 - 0.5;
                for plane in [&resized, &out] {
                    let p = f32::from(plane[5 * side + x]);
                    assert!((p - 5.0 * source_x).abs() <= 1.0, "{side} {x}: {p}");
                }
            }
        }
    }

    #[test]
    fn a_quarter_of_the_area_at_half_the_side_is_that_quarter() {
        let source = std::array::from_fn(|i| (i * 31 % 253) as u8);
        let out = warped(&source, &Warp::crop([0.5, 0.0], [0.5, 0.5]), 24);
        for (y, row) in out.chunks_exact(24).enumerate() {
            assert_eq!(row, &source[y * SIDE + 24..][..24]);
        }
    }

    #[test]
    fn shear_moves_rows_by_their_height() {
        let tangent = 0.5f32;
        let out = warped(&ramp(), &Warp::shear([tangent.atan(), 0.0]), SIDE);
        // Row 31 is 7.5 below the centre.
        for x in 10..40 {
            let expected = 5.0 * (x as f32 - 7.5 * tangent);
            let p = f32::from(out[31 * SIDE + x]);
            assert!((p - expected).abs() <= 0.5, "{x}: {p} {expected}");
        }
        let flat = std::array::from_fn(|i| (i / SIDE) as u8 * 5);
        assert_eq!(warped(&flat, &Warp::shear([0.4, 0.0]), SIDE), flat);
    }

    #[test]
    fn what_lies_around_is_repeated_or_mirrored() {
        let shift = Warp::new(0.0, 1.0, [10.0, 0.0]);
        for (border, expected) in [(Border::Repeat, 0), (Border::Mirror, 5 * 6)] {
            let mut out = vec![0; PIXELS];
            warp(&ramp(), &shift, border, SIDE, &mut out);
            assert_eq!(out[20 * SIDE + 4], expected, "{border:?}");
            assert_eq!(out[20 * SIDE + 30], 5 * 20);
        }
        let mut out = vec![0; PIXELS];
        let shift = Warp::new(0.0, 1.0, [-10.0, -300.0]);
        warp(&ramp(), &shift, Border::Mirror, SIDE, &mut out);
        assert_eq!(out[47], 5 * 37, "mirrored at the right");
    }
}
