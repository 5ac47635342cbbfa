//! The resize and the contrast normalization against what they must do by definition.

use crate::reference::{self, areas, resize, within};
use mien_models::crop::{CropRect, MAX_CROP_SIDE_Q8};
use mien_models::plane::GrayView;
use mien_models::preprocess::{
    Contrast, PreprocessError, Preprocessing, PreprocessingError, normalize_contrast, preprocess,
    resize_crop,
};
use mien_models::procedural::{Plane, Scene, plane};

const QUARTER_TURN: i16 = 1 << 14;

#[test]
fn the_identity_copies() {
    for scene in Scene::ALL {
        let picture = plane(scene, 3, 48, 40);
        let out = resize(&picture, &CropRect::whole(48, 40), 48, 40);
        assert_eq!(out, picture.pixels, "{scene:?}");
    }
}

#[test]
fn whole_factors_take_block_means() {
    let picture = plane(Scene::Noise, 1, 96, 144);
    let out = resize(&picture, &CropRect::whole(96, 144), 48, 48);
    for y in 0..48 {
        for x in 0..48 {
            let sum: u32 = (0..6)
                .map(|i| u32::from(picture.pixels[(3 * y + i / 2) * 96 + 2 * x + i % 2]))
                .sum();
            assert_eq!(u32::from(out[48 * y + x]), (sum + 3) / 6);
        }
    }
}

#[test]
fn enlarging_interpolates_between_pixel_centres() {
    let picture = Plane {
        pixels: vec![0, 100],
        width: 2,
        height: 1,
    };
    let out = resize(&picture, &CropRect::whole(2, 1), 4, 1);
    // Centres at -0.25, 0.25, 0.75 and 1.25 of the way from the first pixel to the second.
    assert_eq!(out, [0, 25, 75, 100]);
}

#[test]
fn a_shifted_crop_moves_by_fractions_of_a_pixel() {
    let picture = Plane {
        pixels: vec![0, 100, 200, 40],
        width: 4,
        height: 1,
    };
    let crop = CropRect::from_box_q8(64, 0, 2 * 256, 256);
    assert_eq!(resize(&picture, &crop, 2, 1), [25, 125]);
    let beyond = CropRect::from_box_q8(3 * 256, -4 * 256, 2 * 256, 256);
    assert_eq!(resize(&picture, &beyond, 2, 1), [40, 40]);
}

#[test]
fn upright_crops_equal_a_slow_exact_reference() {
    for (index, (picture, crop, [width, height])) in areas(60).into_iter().enumerate() {
        let out = resize(&picture, &crop, width, height);
        let slow = reference::exact_area_mean(&picture, &crop, width, height);
        assert_eq!(out, slow, "case {index}: {crop:?} to {width}x{height}");
    }
}

#[test]
fn turns_by_right_angles_move_pixels() {
    let n = 48;
    let picture = plane(Scene::Face, 5, n, n);
    let crop = CropRect::whole(n, n);
    let at = |x: u32, y: u32| picture.pixels[(y * n + x) as usize];
    // The crop's axes turn clockwise, so its content turns counter-clockwise.
    let half = resize(&picture, &crop.with_rotation(i16::MIN), 48, 48);
    let quarter = resize(&picture, &crop.with_rotation(QUARTER_TURN), 48, 48);
    let back = resize(&picture, &crop.with_rotation(-QUARTER_TURN), 48, 48);
    for y in 0..n {
        for x in 0..n {
            let index = (y * n + x) as usize;
            assert_eq!(half[index], at(n - 1 - x, n - 1 - y));
            assert_eq!(quarter[index], at(n - 1 - y, x));
            assert_eq!(back[index], at(y, n - 1 - x));
        }
    }
}

#[test]
fn rotated_crops_follow_a_floating_point_reference() {
    for (picture, crop, [width, height]) in areas(40) {
        for turn in [-9000, -300, 1, 800, 12_345] {
            let crop = crop.with_rotation(turn);
            let out = resize(&picture, &crop, width, height);
            let float = reference::float_rotated(&picture, &crop, width, height);
            for (fixed, float) in out.iter().zip(float) {
                assert!(within(*fixed, float, 1.5), "{crop:?}: {fixed} vs {float}");
            }
        }
    }
}

#[test]
fn the_least_rotation_is_close_to_none() {
    let picture = plane(Scene::Face, 8, 96, 96);
    let crop = CropRect::whole(96, 96);
    let upright = resize(&picture, &crop, 48, 48);
    let turned = resize(&picture, &crop.with_rotation(1), 48, 48);
    let worst = upright
        .iter()
        .zip(&turned)
        .map(|(a, b)| a.abs_diff(*b))
        .max();
    // Bilinear samples blur edges a little more than the exact mean.
    assert!(worst <= Some(24), "{worst:?}");
    let total: u32 = upright
        .iter()
        .zip(&turned)
        .map(|(a, b)| u32::from(a.abs_diff(*b)))
        .sum();
    assert!(total < 48 * 48, "mean difference under one level: {total}");
}

#[test]
fn padding_between_rows_does_not_matter() {
    let picture = plane(Scene::Face, 2, 70, 50);
    let mut padded = vec![0xAA; 50 * 81];
    for (row, source) in padded.chunks_mut(81).zip(picture.pixels.chunks(70)) {
        row[..70].copy_from_slice(source);
    }
    let view = GrayView::new(&padded, 70, 50, 81).expect("large enough");
    for turn in [0, 900] {
        let crop = CropRect::from_box_q8(500, -300, 14_000, 13_000).with_rotation(turn);
        let mut out = vec![0; 48 * 48];
        resize_crop(&view, &crop, 48, 48, &mut out).expect("sizes fit");
        assert_eq!(out, resize(&picture, &crop, 48, 48));
    }
}

#[test]
fn each_impossible_request_has_its_error() {
    let picture = plane(Scene::Noise, 0, 8, 8);
    let view = picture.view().expect("fields fit");
    let whole = CropRect::whole(8, 8);
    let sized = |width_q8, height_q8| CropRect {
        width_q8,
        height_q8,
        ..whole
    };
    let out_of_range = |width_q8, height_q8| PreprocessError::CropSize {
        width_q8,
        height_q8,
    };
    let over = MAX_CROP_SIDE_Q8 + 1;
    let cases = [
        (sized(0, 9), 2, 2, out_of_range(0, 9)),
        (sized(9, -1), 2, 2, out_of_range(9, -1)),
        (sized(over, 9), 2, 2, out_of_range(over, 9)),
        (
            whole,
            0,
            2,
            PreprocessError::EmptyOutput {
                width: 0,
                height: 2,
            },
        ),
        (
            whole,
            3,
            2,
            PreprocessError::OutputLength {
                expected: 6,
                actual: 4,
            },
        ),
    ];
    for (crop, width, height, error) in cases {
        let mut out = [7; 4];
        assert_eq!(
            resize_crop(&view, &crop, width, height, &mut out),
            Err(error)
        );
        assert_eq!(out, [7; 4]);
    }
}

#[test]
fn standardizing_gives_the_wanted_mean_and_deviation() {
    for seed in 0..20 {
        let mut pixels = plane(Scene::Face, seed, 48, 48).pixels;
        // Squeezed, so that nothing is clamped afterwards.
        pixels.iter_mut().for_each(|p| *p = 100 + *p / 8);
        let standardize = Contrast::Standardize {
            target_mean: 128,
            target_std: 40,
            min_std: 1,
        };
        let float = reference::float_standardized(&pixels, 128.0, 40.0, 1.0);
        normalize_contrast(&mut pixels, &standardize);
        for (fixed, float) in pixels.iter().zip(float) {
            assert!(within(*fixed, float, 0.51), "{fixed} vs {float}");
        }
        let (mean, std) = reference::moments(&pixels);
        assert!((mean - 128.0).abs() < 4.0 && (std - 40.0).abs() < 4.0);
    }
}

#[test]
fn flat_pictures_are_not_amplified() {
    let standardize = |min_std| Contrast::Standardize {
        target_mean: 120,
        target_std: 50,
        min_std,
    };
    let mut flat = [17; 9];
    normalize_contrast(&mut flat, &standardize(1));
    assert_eq!(flat, [120; 9]);
    // Standard deviation 1: amplified by 50/10 only.
    let mut faint = [99, 101];
    normalize_contrast(&mut faint, &standardize(10));
    assert_eq!(faint, [115, 125]);
    let mut nothing: [u8; 0] = [];
    normalize_contrast(&mut nothing, &standardize(1));
}

#[test]
fn preprocessing_resizes_then_normalizes() {
    let picture = plane(Scene::Face, 4, 120, 90);
    let view = picture.view().expect("fields fit");
    let crop = CropRect::from_box_q8(5000, 4000, 15_000, 15_000).with_rotation(700);
    let mut preprocessing = Preprocessing {
        height: 48,
        width: 40,
        contrast: Contrast::Off,
        zero_point: 128,
        scale: 0.5,
    };
    let mut plain = vec![0; preprocessing.pixels()];
    preprocess(&view, &crop, &preprocessing, &mut plain).expect("sizes fit");
    assert_eq!(plain, resize(&picture, &crop, 40, 48));
    preprocessing.contrast = Contrast::Standardize {
        target_mean: 128,
        target_std: 64,
        min_std: 8,
    };
    let mut normalized = vec![0; preprocessing.pixels()];
    preprocess(&view, &crop, &preprocessing, &mut normalized).expect("sizes fit");
    normalize_contrast(&mut plain, &preprocessing.contrast);
    assert_eq!(normalized, plain);
    assert_eq!(preprocessing.network_input(128), 0.0);
    assert_eq!(preprocessing.network_input(0), -64.0);
    assert_eq!(preprocessing.network_input(255), 63.5);
}

#[test]
fn parameters_out_of_range_have_their_errors() {
    let valid = Preprocessing {
        height: 256,
        width: 1,
        contrast: Contrast::Off,
        zero_point: 0,
        scale: f32::MIN_POSITIVE,
    };
    assert_eq!(valid.validate(), Ok(()));
    let size = |width, height| {
        let changed = Preprocessing {
            width,
            height,
            ..valid
        };
        let error = PreprocessingError::Size { width, height };
        assert_eq!(changed.validate(), Err(error));
    };
    size(0, 48);
    size(48, 0);
    size(257, 48);
    size(48, 65_535);
    for scale in [0.0, -1.0, f32::INFINITY, f32::NAN] {
        let result = Preprocessing { scale, ..valid }.validate();
        assert!(matches!(result, Err(PreprocessingError::Scale(_))));
    }
    for (target_std, min_std) in [(0, 1), (1, 0)] {
        let contrast = Contrast::Standardize {
            target_mean: 0,
            target_std,
            min_std,
        };
        let result = Preprocessing { contrast, ..valid }.validate();
        assert_eq!(result, Err(PreprocessingError::Contrast));
    }
}
