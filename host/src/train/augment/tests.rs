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
        erase(&mut out, SIDE, ERASE_AREA, rng);
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
        ..Augment::default()
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

pub(super) fn changed(augment: &Augment, side: usize, seed: u64) -> Vec<f32> {
    let mut out = vec![f32::NAN; side * side];
    let mut rng = ChaCha8Rng::seed_from_u64(seed);
    random(
        &picture(),
        &standardized(),
        augment,
        side,
        &mut rng,
        &mut out,
    );
    out
}

/// Every key on, each alone.
fn one_by_one() -> Vec<Augment> {
    let off = Augment::default();
    vec![
        Augment { flip: true, ..off },
        Augment {
            rotation_deg: 20.0,
            ..off
        },
        Augment { scale: 0.2, ..off },
        Augment { shift: 0.1, ..off },
        Augment {
            shear_deg: 15.0,
            ..off
        },
        Augment {
            detector_jitter: 1.0,
            ..off
        },
        Augment {
            crop_area: Some([0.5, 0.9]),
            ..off
        },
        Augment { gamma: 0.8, ..off },
        Augment {
            blur_sigma_px: 2.0,
            ..off
        },
        Augment {
            noise_std: 12.0,
            ..off
        },
        Augment {
            jpeg_quality: Some([10, 40]),
            ..off
        },
        Augment {
            contrast: 0.3,
            ..off
        },
        Augment {
            brightness: 0.2,
            ..off
        },
        Augment { erase: 1.0, ..off },
    ]
}

#[test]
fn every_key_changes_the_picture_and_repeats_with_its_seed() {
    let off = changed(&Augment::default(), SIDE, 0);
    for augment in one_by_one() {
        augment.check().unwrap();
        let different = (0..8).filter(|seed| changed(&augment, SIDE, *seed) != off);
        assert!(different.count() >= 2, "{augment:?}");
        assert_eq!(changed(&augment, 40, 3), changed(&augment, 40, 3));
    }
}

#[test]
fn aspect_and_erased_area_follow_their_keys() {
    let square = Augment {
        crop_area: Some([0.5, 0.5]),
        ..Augment::default()
    };
    let stretched = Augment {
        crop_aspect: 0.5,
        ..square
    };
    assert_ne!(changed(&square, SIDE, 1), changed(&stretched, SIDE, 1));
    let erase_area = Some([0.5, 0.5]);
    let erase = Augment {
        erase: 1.0,
        erase_area,
        ..Augment::default()
    };
    let zeros = |augment| {
        changed(augment, SIDE, 2)
            .iter()
            .filter(|v| **v == 0.0)
            .count()
    };
    let erased = zeros(&erase) - zeros(&Augment::default());
    assert!((800..=1152).contains(&erased), "{erased} of 2304 pixels");
}

/// Brightness and contrast after the normalization keep their meaning in gray levels.
#[test]
fn brightness_adds_and_contrast_multiplies() {
    let off = changed(&Augment::default(), SIDE, 0);
    for seed in 0..20 {
        let brightness = Augment {
            brightness: 0.2,
            ..Augment::default()
        };
        let added: Vec<f32> = changed(&brightness, SIDE, seed)
            .iter()
            .zip(&off)
            .map(|(a, b)| a - b)
            .collect();
        assert!(added.iter().all(|v| (v - added[0]).abs() < 1e-5));
        assert!(added[0].abs() <= 0.2 * 255.0 / 48.0);
        let contrast = Augment {
            contrast: 0.3,
            ..Augment::default()
        };
        let factor = changed(&contrast, SIDE, seed)[0] / off[0];
        assert!((0.7..=1.3).contains(&factor), "{factor}");
    }
}
