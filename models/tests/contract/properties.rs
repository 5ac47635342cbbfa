//! Properties that hold for any picture, crop and file.

use std::sync::LazyLock;

use mien_models::ExpressionModel;
use mien_models::cascade::{CascadeModel, Ensemble};
use mien_models::container::{HEADER_BYTES, decode, encode};
use mien_models::crop::{CropRect, MAX_CROP_SIDE_Q8};
use mien_models::embedded;
use mien_models::plane::GrayView;
use mien_models::preprocess::{Contrast, normalize_contrast, resize_crop};
use mien_models::procedural::{Plane, Scene, plane, test_model};
use proptest::prelude::*;

use crate::file::seal;
use crate::reference::{exact_area_mean, moments, resize};

fn any_crop() -> impl Strategy<Value = CropRect> {
    let side = || prop_oneof![4 => 1..60_000_i32, 1 => 1..=MAX_CROP_SIDE_Q8, 1 => any::<i32>()];
    let center = || prop_oneof![4 => -30_000..60_000_i32, 1 => any::<i32>()];
    let rotation = prop_oneof![1 => Just(0_i16), 2 => any::<i16>()];
    (center(), center(), side(), side(), rotation).prop_map(|(x, y, width, height, rotation)| {
        CropRect {
            center_x_q8: x,
            center_y_q8: y,
            width_q8: width,
            height_q8: height,
            rotation_turn_q16: rotation,
        }
    })
}

fn any_contrast() -> impl Strategy<Value = Contrast> {
    any::<(u8, u8, u8)>().prop_map(|(target_mean, target_std, min_std)| Contrast::Standardize {
        target_mean,
        target_std,
        min_std,
    })
}

fn any_picture() -> impl Strategy<Value = Plane> {
    (0..5_usize, any::<u64>(), 1..80_u32, 1..60_u32)
        .prop_map(|(scene, seed, width, height)| plane(Scene::ALL[scene], seed, width, height))
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_buffer_is_a_view_or_an_error(
        data in proptest::collection::vec(any::<u8>(), 0..400),
        width in prop_oneof![0..40_u32, any::<u32>()],
        height in prop_oneof![0..40_u32, any::<u32>()],
        stride in prop_oneof![0..40_u32, any::<u32>()],
    ) {
        if let Ok(view) = GrayView::new(&data, width, height, stride) {
            prop_assert!((0..height).all(|y| view.row(y).len() == width as usize));
        }
    }

    #[test]
    fn any_crop_of_any_picture_stays_within_the_picture_s_levels(
        picture in any_picture(),
        crop in any_crop(),
        (width, height) in (0..10_u16, 0..10_u16),
        missing in 0..2_usize,
    ) {
        let view = picture.view().expect("fields fit");
        let count = usize::from(width) * usize::from(height);
        let mut out = vec![0; count.saturating_sub(missing)];
        if resize_crop(&view, &crop, width, height, &mut out).is_ok() {
            prop_assert_eq!(out.len(), count);
            let (min, max) = (picture.pixels.iter().min(), picture.pixels.iter().max());
            prop_assert!(out.iter().min() >= min && out.iter().max() <= max);
        }
    }

    #[test]
    fn constant_pictures_stay_constant(
        (level, width, height) in (any::<u8>(), 1..50_u32, 1..50_u32),
        crop in any_crop(),
    ) {
        let pixels = vec![level; (width * height) as usize];
        let view = GrayView::packed(&pixels, width, height).expect("fits");
        let mut out = [0; 6 * 7];
        if resize_crop(&view, &crop, 6, 7, &mut out).is_ok() {
            prop_assert!(out.iter().all(|&p| p == level));
        }
    }

    #[test]
    fn whole_factors_keep_the_mean(
        seed in any::<u64>(),
        (x_factor, y_factor) in (1..5_u32, 1..5_u32),
    ) {
        let picture = plane(Scene::Noise, seed, 16 * x_factor, 12 * y_factor);
        let whole = CropRect::whole(picture.width, picture.height);
        let small = resize(&picture, &whole, 16, 12);
        let difference = moments(&picture.pixels).0 - moments(&small).0;
        // Each pixel is rounded by at most half a level.
        prop_assert!(difference.abs() <= 0.5, "{}", difference);
    }

    #[test]
    fn upright_crops_are_exact(
        picture in any_picture(),
        (x, y) in (-10_000..25_000_i32, -10_000..25_000_i32),
        (crop_width, crop_height) in (1..30_000_i32, 1..30_000_i32),
        (width, height) in (1..8_u16, 1..8_u16),
    ) {
        let crop = CropRect::from_box_q8(x, y, crop_width, crop_height);
        prop_assert_eq!(
            resize(&picture, &crop, width, height),
            exact_area_mean(&picture, &crop, width, height)
        );
    }

    #[test]
    fn shifting_picture_and_crop_alike_changes_nothing(
        picture in any_picture(),
        crop in any_crop(),
        (left, top) in (0..9_u32, 0..9_u32),
    ) {
        // The same picture in a larger one that continues its edges.
        let (width, height) = (picture.width + left, picture.height + top);
        let mut pixels = Vec::new();
        for y in 0..height {
            for x in 0..width {
                let (x, y) = (x.saturating_sub(left), y.saturating_sub(top));
                pixels.push(picture.pixels[(y * picture.width + x) as usize]);
            }
        }
        let shifted = CropRect {
            center_x_q8: crop.center_x_q8.saturating_add(left as i32 * 256),
            center_y_q8: crop.center_y_q8.saturating_add(top as i32 * 256),
            ..crop
        };
        let view = GrayView::packed(&pixels, width, height).expect("fits");
        let (mut one, mut other) = ([0; 25], [0; 25]);
        let result = resize_crop(&picture.view().expect("fits"), &crop, 5, 5, &mut one);
        prop_assert_eq!(resize_crop(&view, &shifted, 5, 5, &mut other), result);
        prop_assert_eq!(one, other);
    }

    #[test]
    fn contrast_normalization_keeps_the_order_of_levels(
        pixels in proptest::collection::vec(any::<u8>(), 0..300),
        contrast in any_contrast(),
    ) {
        let mut normalized = pixels.clone();
        normalize_contrast(&mut normalized, &contrast);
        let mut pairs: Vec<_> = pixels.into_iter().zip(normalized).collect();
        pairs.sort_unstable();
        prop_assert!(pairs.windows(2).all(|w| w[0].1 <= w[1].1));
    }
}

/// Bytes to overwrite: where (as a fraction of the length) and with what.
fn mutations() -> impl Strategy<Value = Vec<(u16, u8)>> {
    proptest::collection::vec(any::<(u16, u8)>(), 1..8)
}

fn mutate(bytes: &mut [u8], mutations: &[(u16, u8)]) {
    for &(at, byte) in mutations {
        let at = (usize::from(at) * bytes.len()) >> 16;
        bytes[at] = byte;
    }
}

/// The start of the bundled cascade: a few stages have everything that the rest has.
static CASCADE_PAYLOAD: LazyLock<Vec<u8>> = LazyLock::new(|| {
    let bundled = embedded::CASCADE;
    let (_, mut cascade) = decode::<CascadeModel>(bundled).expect("valid");
    if let Ensemble::Haar(haar) = &mut cascade.ensemble {
        haar.stages.truncate(3);
    }
    cascade.licence = "";
    postcard::to_allocvec(&cascade).expect("memory suffices")
});

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1500) })]

    #[test]
    fn a_mutated_file_is_refused(
        changes in mutations(),
        in_header in any::<bool>(),
        cut in prop_oneof![3 => Just(0_u16), 1 => any::<u16>()],
    ) {
        let model = test_model();
        let original = encode(&model, model.model_id(), 3).expect("valid");
        let mut file = original.clone();
        let range = if in_header { 0..HEADER_BYTES } else { 0..file.len() };
        mutate(&mut file[range], &changes);
        file.truncate(file.len() - ((usize::from(cut) * file.len()) >> 16));
        prop_assert_eq!(decode::<ExpressionModel>(&file).is_ok(), file == original);
    }

    /// With the checksum made to fit: the decoder and the model's own rules alone stand between
    /// the bytes and the network.
    #[test]
    fn a_mutated_payload_is_refused_or_a_valid_model(
        changes in mutations(),
        at_start in any::<bool>(),
    ) {
        let model = test_model();
        let mut payload = postcard::to_allocvec(&model).expect("memory suffices");
        // Most of the file is golden pixels; its structure stands in front of them.
        let end = if at_start { 256 } else { payload.len() };
        mutate(&mut payload[..end], &changes);
        // The id follows the network, where that can still be read.
        let id = postcard::from_bytes::<ExpressionModel>(&payload)
            .map_or([0; 16], |model| model.model_id());
        let file = seal::<ExpressionModel>(&payload, id);
        if let Ok((header, model)) = decode::<ExpressionModel>(&file) {
            prop_assert_eq!(model.validate(), Ok(()));
            prop_assert_eq!(header.model_id, model.model_id());
            let shapes = model.network.shapes().expect("validated");
            prop_assert_eq!(shapes.last().map(|s| s.len()), Some(model.labels.len() as u64));
        }
    }

    #[test]
    fn a_mutated_cascade_is_refused_or_valid(changes in mutations(), front in any::<bool>()) {
        let mut payload = CASCADE_PAYLOAD.clone();
        let end = if front { 64 } else { payload.len() };
        mutate(&mut payload[..end], &changes);
        let id = postcard::from_bytes::<CascadeModel>(&payload)
            .map_or([0; 16], |cascade| cascade.model_id());
        let file = seal::<CascadeModel>(&payload, id);
        if let Ok((_, cascade)) = decode::<CascadeModel>(&file) {
            prop_assert_eq!(cascade.validate(), Ok(()));
        }
    }

    #[test]
    fn random_bytes_never_panic(payload in proptest::collection::vec(any::<u8>(), 0..600)) {
        let file = seal::<ExpressionModel>(&payload, [0; 16]);
        prop_assert!(decode::<ExpressionModel>(&file).is_err());
        prop_assert!(decode::<ExpressionModel>(&payload).is_err());
        let file = seal::<CascadeModel>(&payload, [0; 16]);
        prop_assert!(decode::<CascadeModel>(&file).is_err());
    }
}
