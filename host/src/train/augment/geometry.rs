//! Where the pixels of a changed picture come from.

use mien_models::crop::CropRect;
use mien_models::plane::GrayView;
use mien_models::preprocess::resize_crop;
use rand::Rng;

use super::{PIXELS, SIDE};
use crate::train::recipe::Augment;

/// An affine change about the centre of the 48 x 48 source, as the inverse map that a resampling
/// needs.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Warp {
    /// From an offset in the result to one in the source, `[[xx, xy], [yx, yy]]`.
    inverse: [[f32; 2]; 2],
    /// How far the result is moved, `[x, y]` in source pixels.
    shift: [f32; 2],
}

impl Warp {
    /// A random change, or none when the recipe has no geometric one. Nothing is drawn for what
    /// is off, so that a recipe's stream does not depend on what it does not use.
    pub fn draw(augment: &Augment, rng: &mut impl Rng) -> Option<Self> {
        if augment.rotation_deg == 0.0 && augment.scale == 0.0 && augment.shift == 0.0 {
            return None;
        }
        let mut symmetric = |range: f32| range * (2.0 * rng.random::<f32>() - 1.0);
        let angle = symmetric(augment.rotation_deg).to_radians();
        let scale = 1.0 + symmetric(augment.scale);
        let shift = [symmetric(augment.shift), symmetric(augment.shift)].map(|s| s * SIDE as f32);
        Some(Self::new(angle, scale, shift))
    }

    /// Rotation in radians (clockwise on screen), then magnification, then shift.
    fn new(angle: f32, scale: f32, shift: [f32; 2]) -> Self {
        let (sin, cos) = (angle.sin() / scale, angle.cos() / scale);
        Self {
            inverse: [[cos, sin], [-sin, cos]],
            shift,
        }
    }
}

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
/// side as an output pixel has source pixels, rounded up, so that small outputs are not aliased;
/// edge pixels are repeated. At 48 pixels and without a change an exact copy.
pub(super) fn warp(source: &[u8; PIXELS], warp: &Warp, side: usize, out: &mut [u8]) {
    let step = SIDE as f32 / side as f32;
    let samples = SIDE.div_ceil(side);
    // Offsets of the samples from the first corner of an output pixel, in source pixels.
    let offset = |i: usize| (i as f32 + 0.5) / samples as f32 * step;
    let half = SIDE as f32 / 2.0;
    let share = 1.0 / (samples * samples) as f32;
    for (y, row) in out.chunks_exact_mut(side).enumerate() {
        for (x, out) in row.iter_mut().enumerate() {
            let mut sum = 0.0;
            for i in 0..samples {
                let dy = y as f32 * step + offset(i) - half - warp.shift[1];
                for j in 0..samples {
                    let dx = x as f32 * step + offset(j) - half - warp.shift[0];
                    sum += sample(source, warp, dx, dy);
                }
            }
            *out = (sum * share + 0.5) as u8;
        }
    }
}

/// The source, bilinear, at an offset of the result from its centre.
fn sample(source: &[u8; PIXELS], warp: &Warp, dx: f32, dy: f32) -> f32 {
    let last = SIDE as f32 - 1.0;
    let centre = last / 2.0;
    let [[xx, xy], [yx, yy]] = warp.inverse;
    let sx = (xx * dx + xy * dy + centre).clamp(0.0, last);
    let sy = (yx * dx + yy * dy + centre).clamp(0.0, last);
    let (x0, y0) = (sx as usize, sy as usize);
    let (x1, y1) = ((x0 + 1).min(SIDE - 1), (y0 + 1).min(SIDE - 1));
    let (fx, fy) = (sx - x0 as f32, sy - y0 as f32);
    let at = |y: usize, x: usize| f32::from(source[y * SIDE + x]);
    let top = at(y0, x0) * (1.0 - fx) + at(y0, x1) * fx;
    let bottom = at(y1, x0) * (1.0 - fx) + at(y1, x1) * fx;
    top * (1.0 - fy) + bottom * fy
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ramp() -> [u8; PIXELS] {
        std::array::from_fn(|i| ((i % SIDE) * 5) as u8)
    }

    fn warped(source: &[u8; PIXELS], change: &Warp, side: usize) -> Vec<u8> {
        let mut out = vec![0; side * side];
        warp(source, change, side, &mut out);
        out
    }

    const NEUTRAL: Warp = Warp {
        inverse: [[1.0, 0.0], [0.0, 1.0]],
        shift: [0.0, 0.0],
    };

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
}
