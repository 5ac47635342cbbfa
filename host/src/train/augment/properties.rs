//! What holds for whatever a recipe may ask for.

use proptest::prelude::*;
use rand::SeedableRng;
use rand_chacha::ChaCha8Rng;

use super::tests::changed;
use super::{PIXELS, random};
use crate::train::recipe::{Augment, Border, Input};

fn any_augment() -> impl Strategy<Value = Augment> {
    let geometry = (
        any::<bool>(),
        0f32..=180.0,
        0f32..=0.9,
        0f32..=1.0,
        0f32..=40.0,
        0f32..=3.0,
        prop_oneof![Just(Border::Repeat), Just(Border::Mirror)],
    );
    let range = || {
        proptest::option::of((0.01f32..=1.0, 0.01f32..=1.0).prop_map(|(a, b)| [a.min(b), a.max(b)]))
    };
    let jpeg = proptest::option::of((1u8..=100, 1u8..=100).prop_map(|(a, b)| [a.min(b), a.max(b)]));
    let rest = (
        0f32..=4.0,
        0f32..=5.0,
        0f32..=64.0,
        0f32..=1.0,
        0f32..=1.0,
        0f32..=1.0,
    );
    (geometry, range(), 0f32..=1.0, rest, jpeg, range()).prop_map(
        |(geometry, crop_area, crop_aspect, rest, jpeg_quality, erase_area)| {
            let (flip, rotation_deg, scale, shift, shear_deg, detector_jitter, border) = geometry;
            let (gamma, blur_sigma_px, noise_std, contrast, brightness, erase) = rest;
            Augment {
                flip,
                rotation_deg,
                scale,
                shift,
                shear_deg,
                detector_jitter,
                crop_area,
                crop_aspect,
                border,
                gamma,
                blur_sigma_px,
                noise_std,
                jpeg_quality,
                contrast,
                brightness,
                erase,
                erase_area,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// Whatever a recipe may ask for, the input is finite and no larger than white and the
    /// strongest contrast and brightness make it.
    #[test]
    fn any_recipe_gives_a_finite_input(augment in any_augment(), side in 16usize..=64, seed in any::<u64>()) {
        augment.check().unwrap();
        let most = 128.0 / 48.0 * (1.0 + augment.contrast) + augment.brightness * 255.0 / 48.0;
        for v in changed(&augment, side, seed) {
            prop_assert!(v.is_finite() && v.abs() <= most + 1e-4, "{v} of {most}");
        }
    }

    /// Geometry only moves gray values: none outside the picture's own appears.
    #[test]
    fn geometry_keeps_the_range_of_the_picture(
        augment in any_augment(),
        side in 16usize..=64,
        low in 0u8..=200,
        seed in any::<u64>(),
    ) {
        let geometry = Augment {
            gamma: 0.0,
            blur_sigma_px: 0.0,
            noise_std: 0.0,
            jpeg_quality: None,
            contrast: 0.0,
            brightness: 0.0,
            erase: 0.0,
            ..augment
        };
        let source: [u8; PIXELS] = std::array::from_fn(|i| low + (i * 37 % 56) as u8);
        let mut out = vec![f32::NAN; side * side];
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        random(&source, &Input::Raw.preprocessing(), &geometry, side, &mut rng, &mut out);
        let range = f32::from(low)..=f32::from(low) + 55.0;
        prop_assert!(out.iter().all(|v| range.contains(v)));
    }
}
