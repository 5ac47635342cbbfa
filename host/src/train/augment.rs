//! Random changes of one training picture.

use mien_models::preprocess::{Preprocessing, normalize_contrast};
use rand::Rng;

use super::plan::SIDE;
use super::recipe::Augment;

/// Pixels of one picture.
pub const PIXELS: usize = SIDE * SIDE;

/// Writes the network input `[48, 48]` of a picture as it is.
pub fn plain(pixels: &[u8], preprocessing: &Preprocessing, out: &mut [f32]) {
    let mut plane = [0u8; PIXELS];
    plane.copy_from_slice(pixels);
    normalize_contrast(&mut plane, &preprocessing.contrast);
    for (out, p) in out.iter_mut().zip(plane) {
        *out = preprocessing.network_input(p);
    }
}

/// Writes the network input `[48, 48]` of a randomly changed picture.
pub fn random(
    pixels: &[u8],
    preprocessing: &Preprocessing,
    augment: &Augment,
    rng: &mut impl Rng,
    out: &mut [f32],
) {
    let mut plane = [0u8; PIXELS];
    plane.copy_from_slice(pixels);
    if augment.flip && rng.random() {
        for row in plane.chunks_exact_mut(SIDE) {
            row.reverse();
        }
    }
    if augment.rotation_deg > 0.0 || augment.scale > 0.0 || augment.shift > 0.0 {
        let mut symmetric = |range: f32| range * (2.0 * rng.random::<f32>() - 1.0);
        let angle = symmetric(augment.rotation_deg).to_radians();
        let scale = 1.0 + symmetric(augment.scale);
        let shift = [symmetric(augment.shift), symmetric(augment.shift)].map(|s| s * SIDE as f32);
        plane = affine(&plane, angle, scale, shift);
    }
    normalize_contrast(&mut plane, &preprocessing.contrast);
    // After the normalization, which would undo it.
    let contrast = 1.0 + augment.contrast * (2.0 * rng.random::<f32>() - 1.0);
    for (out, p) in out.iter_mut().zip(plane) {
        *out = contrast * preprocessing.network_input(p);
    }
    if rng.random::<f32>() < augment.erase {
        erase(out, rng);
    }
}

/// Rotates, scales and shifts about the centre; bilinear, edge pixels repeated.
fn affine(plane: &[u8; PIXELS], angle: f32, scale: f32, shift: [f32; 2]) -> [u8; PIXELS] {
    let (sin, cos) = (angle.sin() / scale, angle.cos() / scale);
    let centre = (SIDE as f32 - 1.0) / 2.0;
    let last = SIDE as f32 - 1.0;
    let mut out = [0u8; PIXELS];
    for (y, row) in out.chunks_exact_mut(SIDE).enumerate() {
        let dy = y as f32 - centre - shift[1];
        for (x, out) in row.iter_mut().enumerate() {
            let dx = x as f32 - centre - shift[0];
            let sx = (cos * dx + sin * dy + centre).clamp(0.0, last);
            let sy = (cos * dy - sin * dx + centre).clamp(0.0, last);
            let (x0, y0) = (sx as usize, sy as usize);
            let (x1, y1) = ((x0 + 1).min(SIDE - 1), (y0 + 1).min(SIDE - 1));
            let (fx, fy) = (sx - x0 as f32, sy - y0 as f32);
            let at = |y: usize, x: usize| f32::from(plane[y * SIDE + x]);
            let top = at(y0, x0) * (1.0 - fx) + at(y0, x1) * fx;
            let bottom = at(y1, x0) * (1.0 - fx) + at(y1, x1) * fx;
            *out = (top * (1.0 - fy) + bottom * fy + 0.5) as u8;
        }
    }
    out
}

/// Sets a rectangle of 2 to 20% of the area, sides 1:2 to 2:1, to 0 (Zhong et al. 2020).
fn erase(out: &mut [f32], rng: &mut impl Rng) {
    let area = rng.random_range(0.02..0.2) * PIXELS as f32;
    let ratio = rng.random_range(-1.0f32..1.0).exp2();
    let height = ((area * ratio).sqrt() as usize).clamp(1, SIDE);
    let width = ((area / ratio).sqrt() as usize).clamp(1, SIDE);
    let (top, left) = (
        rng.random_range(0..=SIDE - height),
        rng.random_range(0..=SIDE - width),
    );
    for row in out.chunks_exact_mut(SIDE).skip(top).take(height) {
        row[left..left + width].fill(0.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::train::recipe::Input;
    use rand::SeedableRng;
    use rand_chacha::ChaCha8Rng;

    fn ramp() -> [u8; PIXELS] {
        std::array::from_fn(|i| ((i % SIDE) * 5) as u8)
    }

    #[test]
    fn neutral_affine_keeps_the_picture() {
        assert_eq!(affine(&ramp(), 0.0, 1.0, [0.0, 0.0]), ramp());
    }

    #[test]
    fn shift_moves_to_the_right() {
        let moved = affine(&ramp(), 0.0, 1.0, [4.0, 0.0]);
        assert_eq!(moved[10 * SIDE + 20], ramp()[10 * SIDE + 16]);
    }

    #[test]
    fn without_changes_random_equals_plain() {
        let preprocessing = Input::Standardized {
            target_std: 48,
            min_std: 12,
        }
        .preprocessing();
        let (mut a, mut b) = ([0f32; PIXELS], [0f32; PIXELS]);
        plain(&ramp(), &preprocessing, &mut a);
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        random(
            &ramp(),
            &preprocessing,
            &Augment::default(),
            &mut rng,
            &mut b,
        );
        assert_eq!(a, b);
    }

    #[test]
    fn erasing_stays_in_its_share() {
        let mut rng = ChaCha8Rng::seed_from_u64(4);
        for _ in 0..500 {
            let mut out = [1f32; PIXELS];
            erase(&mut out, &mut rng);
            let erased = out.iter().filter(|v| **v == 0.0).count();
            assert!(
                erased >= 1 && erased as f32 <= 0.2 * PIXELS as f32,
                "{erased}"
            );
        }
    }
}
