//! Time per picture of every augmentation alone and of a full recipe: what one core must do ahead
//! of the training step.

use std::hint::black_box;

use criterion::Criterion;
use mien_host::train::augment::{PIXELS, random};
use mien_host::train::recipe::{Augment, Input};
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

/// The cases, each with its one key on, and a recipe with all of them.
fn cases() -> Vec<(&'static str, Augment)> {
    let off = Augment::default();
    let mut all = Augment::default();
    let mut cases = vec![("nothing", off)];
    let mut case = |name, set: fn(&mut Augment)| {
        let mut alone = off;
        set(&mut alone);
        set(&mut all);
        cases.push((name, alone));
    };
    case("flip", |a| a.flip = true);
    case("rotation, scale and shift", |a| {
        (a.rotation_deg, a.scale, a.shift) = (12.0, 0.15, 0.1);
    });
    case("shear", |a| a.shear_deg = 8.0);
    case("crop", |a| a.crop_area = Some([0.7, 1.0]));
    case("detector jitter", |a| a.detector_jitter = 1.0);
    case("gamma", |a| a.gamma = 0.4);
    case("blur", |a| a.blur_sigma_px = 1.0);
    case("noise", |a| a.noise_std = 6.0);
    case("contrast", |a| a.contrast = 0.3);
    case("brightness", |a| a.brightness = 0.1);
    case("erasing", |a| a.erase = 1.0);
    cases.push(("all but jpeg", all));
    cases.push((
        "jpeg",
        Augment {
            jpeg_quality: Some([40, 95]),
            ..off
        },
    ));
    cases
}

fn main() {
    let mut criterion = Criterion::default().configure_from_args();
    let picture: Vec<u8> = (0..PIXELS).map(|i| (i * 37 % 251) as u8).collect();
    let input = Input::Standardized {
        target_std: 48,
        min_std: 12,
    };
    let preprocessing = input.preprocessing();
    for side in [48, 32] {
        let mut out = vec![0f32; side * side];
        for (name, augment) in cases() {
            let mut rng = ChaCha8Rng::seed_from_u64(1);
            criterion.bench_function(&format!("{name}, {side} px"), |b| {
                b.iter(|| {
                    let pixels = black_box(&picture);
                    random(pixels, &preprocessing, &augment, side, &mut rng, &mut out);
                });
            });
        }
    }
    criterion.final_summary();
}
