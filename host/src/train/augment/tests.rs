//! The whole of one picture's changes.

use mien_models::preprocess::Preprocessing;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::*;
use crate::train::recipe::Input;

fn standardized() -> Preprocessing {
    Input::Standardized {
        target_std: 48,
        min_std: 12,
    }
    .preprocessing()
}

fn picture() -> [u8; PIXELS] {
    std::array::from_fn(|i| ((i % SIDE) * 3 + (i / SIDE) * 2) as u8)
}

#[test]
fn without_changes_random_equals_plain_at_every_side() {
    for side in [16, 40, 48, 64] {
        let (mut a, mut b) = (vec![0f32; side * side], vec![0f32; side * side]);
        plain(&picture(), &standardized(), side, &mut a);
        let mut rng = ChaCha8Rng::seed_from_u64(3);
        random(
            &picture(),
            &standardized(),
            &Augment::default(),
            side,
            &mut rng,
            &mut b,
        );
        assert_eq!(a, b);
    }
}

/// What runs were trained with before the output side could be chosen: a resumed run goes on
/// with the same pictures.
fn first_light(pixels: &[u8; PIXELS], a: &Augment, rng: &mut ChaCha8Rng) -> Vec<f32> {
    let mut plane = *pixels;
    if a.flip && rng.random() {
        plane.chunks_exact_mut(SIDE).for_each(|row| row.reverse());
    }
    let mut symmetric = |range: f32| range * (2.0 * rng.random::<f32>() - 1.0);
    let angle = symmetric(a.rotation_deg).to_radians();
    let scale = 1.0 + symmetric(a.scale);
    let shift = [symmetric(a.shift), symmetric(a.shift)].map(|s| s * 48.0);
    let (sin, cos) = (angle.sin() / scale, angle.cos() / scale);
    let mut out = [0u8; PIXELS];
    for (i, out) in out.iter_mut().enumerate() {
        let dx = (i % SIDE) as f32 - 23.5 - shift[0];
        let dy = (i / SIDE) as f32 - 23.5 - shift[1];
        let sx = (cos * dx + sin * dy + 23.5).clamp(0.0, 47.0);
        let sy = (cos * dy - sin * dx + 23.5).clamp(0.0, 47.0);
        let (x0, y0) = (sx as usize, sy as usize);
        let (x1, y1) = ((x0 + 1).min(47), (y0 + 1).min(47));
        let (fx, fy) = (sx - x0 as f32, sy - y0 as f32);
        let at = |y: usize, x: usize| f32::from(plane[y * SIDE + x]);
        let top = at(y0, x0) * (1.0 - fx) + at(y0, x1) * fx;
        let bottom = at(y1, x0) * (1.0 - fx) + at(y1, x1) * fx;
        *out = (top * (1.0 - fy) + bottom * fy + 0.5) as u8;
    }
    normalize_contrast(&mut out, &standardized().contrast);
    let contrast = 1.0 + a.contrast * (2.0 * rng.random::<f32>() - 1.0);
    let input = |p| contrast * standardized().network_input(p);
    let mut out: Vec<f32> = out.into_iter().map(input).collect();
    if rng.random::<f32>() < a.erase {
        erase(&mut out, SIDE, rng);
    }
    out
}

#[test]
fn the_first_recipes_keep_their_pictures() {
    let augment = Augment {
        flip: true,
        rotation_deg: 12.0,
        scale: 0.15,
        shift: 0.1,
        contrast: 0.3,
        erase: 0.25,
    };
    for seed in 0..50 {
        let mut now = vec![0f32; PIXELS];
        let rng = ChaCha8Rng::seed_from_u64(seed);
        random(
            &picture(),
            &standardized(),
            &augment,
            SIDE,
            &mut rng.clone(),
            &mut now,
        );
        assert_eq!(now, first_light(&picture(), &augment, &mut rng.clone()));
    }
}
