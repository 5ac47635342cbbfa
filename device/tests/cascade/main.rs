//! The cascade detector on pictures of every size and kind, through the shipped cascade and through
//! random ones.

mod made;

use mien_device::detect::cascade::{CascadeDetector, CascadeOptions, MAX_LEVEL_PIXELS};
use mien_device::detect::{DetectError, Detection, Detector};
use mien_models::cascade::CascadeModel;
use mien_models::container;
use mien_models::embedded;
use mien_models::plane::GrayView;
use mien_models::procedural::{Scene, plane};
use proptest::prelude::*;

fn model() -> CascadeModel<'static> {
    let file = embedded::CASCADE;
    container::decode(file)
        .expect("the shipped cascade is sound")
        .1
}

fn detector(options: CascadeOptions) -> CascadeDetector {
    CascadeDetector::new(&model(), options).expect("the options are sound")
}

fn detect(pixels: &[u8], width: u32, height: u32, options: CascadeOptions) -> Vec<Detection> {
    let view = GrayView::packed(pixels, width, height).expect("the sizes fit");
    detector(options).detect(&view).expect("small enough")
}

/// The widest search there is: every size, every candidate.
fn everything() -> CascadeOptions {
    CascadeOptions {
        min_neighbors: 0,
        min_size_px: 0,
        ..CascadeOptions::default()
    }
}

#[test]
fn the_shipped_cascade_carries_its_licence() {
    let model = model();
    assert_eq!(model.source, "haarcascade_frontalface_default.xml");
    assert!(model.licence.contains("Intel License Agreement"));
    assert!(model.licence.contains("Redistribution and use"));
}

#[test]
fn flat_pictures_hold_no_face() {
    for gray in [0, 128, 255] {
        for (width, height) in [(1, 1), (24, 24), (320, 240)] {
            let pixels = vec![gray; (width * height) as usize];
            for equalize in [false, true] {
                let options = CascadeOptions {
                    equalize,
                    ..everything()
                };
                assert_eq!(detect(&pixels, width, height, options), []);
            }
        }
    }
}

#[test]
fn a_picture_smaller_than_the_window_holds_no_face() {
    for (width, height) in [(1, 1), (1, 500), (500, 1), (23, 24), (24, 23)] {
        let picture = plane(Scene::Noise, 1, width, height);
        assert_eq!(detect(&picture.pixels, width, height, everything()), []);
    }
}

#[test]
fn there_is_no_picture_without_pixels() {
    for (width, height) in [(0, 0), (0, 5), (5, 0)] {
        assert!(GrayView::packed(&[], width, height).is_err());
    }
}

#[test]
fn rows_may_be_padded() {
    let (width, height, stride) = (96_u32, 96_u32, 133_u32);
    let picture = plane(Scene::Face, 3, width, height);
    let mut padded = vec![77; (stride * height) as usize];
    for (row, padded) in picture
        .pixels
        .chunks_exact(width as usize)
        .zip(padded.chunks_exact_mut(stride as usize))
    {
        padded[..width as usize].copy_from_slice(row);
    }
    for equalize in [false, true] {
        let options = CascadeOptions {
            equalize,
            ..everything()
        };
        let view = GrayView::new(&padded, width, height, stride).unwrap();
        let found = detector(options).detect(&view).unwrap();
        assert!(!found.is_empty());
        assert_eq!(found, detect(&picture.pixels, width, height, options));
    }
}

#[test]
fn a_detector_forgets_the_last_picture() {
    let mut used = detector(everything());
    for (scene, seed, width, height) in [
        (Scene::Face, 1, 96, 96),
        (Scene::Noise, 2, 640, 48),
        (Scene::Face, 3, 100, 120),
        (Scene::Face, 1, 96, 96),
    ] {
        let picture = plane(scene, seed, width, height);
        let found = used.detect(&picture.view().unwrap()).unwrap();
        assert_eq!(found, detect(&picture.pixels, width, height, everything()));
    }
}

#[test]
fn options_out_of_range_are_refused() {
    for scale_factor in [f64::NAN, f64::INFINITY, -1.1, 0.0, 1.0, 1.001] {
        let options = CascadeOptions {
            scale_factor,
            ..CascadeOptions::default()
        };
        let error = CascadeDetector::new(&model(), options).unwrap_err();
        assert!(matches!(error, DetectError::ScaleFactor { .. }), "{error}");
    }
}

#[test]
fn a_picture_too_large_for_its_tables_is_refused() {
    let (width, height) = (8_000, 5_000);
    assert!(width * height > MAX_LEVEL_PIXELS as u32);
    let pixels = vec![0; (width * height) as usize];
    let view = GrayView::packed(&pixels, width, height).unwrap();
    let error = detector(everything()).detect(&view).unwrap_err();
    assert!(matches!(error, DetectError::TooLarge { .. }), "{error}");
    // With a least size the largest level is small enough.
    let options = CascadeOptions {
        min_size_px: 2_000,
        ..CascadeOptions::default()
    };
    assert_eq!(detector(options).detect(&view), Ok(Vec::new()));
}

/// A picture in rows with padding of another gray.
#[derive(Clone, Debug)]
struct Padded {
    pixels: Vec<u8>,
    width: u32,
    height: u32,
    stride: u32,
}

impl Padded {
    fn view(&self) -> GrayView<'_> {
        GrayView::new(&self.pixels, self.width, self.height, self.stride).expect("the sizes fit")
    }
}

/// Scenes, one gray, and noise of black and white alone.
fn picture() -> impl Strategy<Value = Padded> {
    let scene = prop::sample::select(&Scene::ALL[..]);
    let grays = prop_oneof![
        6 => Just(None),
        1 => Just(Some([0, 0])),
        1 => Just(Some([255, 255])),
        1 => Just(Some([0, 255])),
    ];
    let sides = (1_u32..180, 1_u32..140, 0_u32..9);
    (sides, scene, any::<u64>(), grays).prop_map(
        |((width, height, padding), scene, seed, grays)| {
            let drawn = plane(scene, seed, width, height);
            let stride = width + padding;
            let mut pixels = vec![77; (stride * height) as usize];
            for (row, padded) in drawn
                .pixels
                .chunks_exact(width as usize)
                .zip(pixels.chunks_exact_mut(stride as usize))
            {
                for (pixel, &gray) in padded.iter_mut().zip(row) {
                    *pixel = match grays {
                        Some(two) => two[usize::from(gray / 128)],
                        None => gray,
                    };
                }
            }
            Padded {
                pixels,
                width,
                height,
                stride,
            }
        },
    )
}

fn options() -> impl Strategy<Value = CascadeOptions> {
    let sizes = (0_u32..300, prop::option::of(0_u32..300));
    (1.05_f64..3.0, 0_u32..5, sizes, any::<bool>()).prop_map(
        |(scale_factor, min_neighbors, (min_size_px, max_size_px), equalize)| CascadeOptions {
            scale_factor,
            min_neighbors,
            min_size_px,
            max_size_px,
            equalize,
        },
    )
}

/// What both kernels find; it must be the same.
fn found_by_both(
    model: &CascadeModel<'_>,
    picture: &Padded,
    options: CascadeOptions,
) -> Result<Vec<Detection>, TestCaseError> {
    let mut detector = CascadeDetector::new(model, options).expect("the options are sound");
    let found = detector.detect(&picture.view()).expect("small enough");
    let mut scalar = CascadeDetector::scalar(model, options).expect("the options are sound");
    let twin = scalar.detect(&picture.view()).expect("small enough");
    prop_assert_eq!(&found, &twin);
    Ok(found)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(96))]

    #[test]
    fn every_picture_has_a_result_inside_it(picture in picture(), options in options()) {
        let found = found_by_both(&model(), &picture, options)?;
        for face in &found {
            prop_assert!(face.width >= 1.0 && face.height >= 1.0);
            prop_assert!(face.x >= 0.0 && face.x + face.width <= picture.width as f32);
            prop_assert!(face.y >= 0.0 && face.y + face.height <= picture.height as f32);
            prop_assert!(face.score > 0.0 && face.score > options.min_neighbors as f32);
        }
        prop_assert_eq!(&found, &found_by_both(&model(), &picture, options)?);
    }

    #[test]
    fn vectors_change_nothing_for_any_cascade(
        model in made::cascade(),
        picture in picture(),
        options in options(),
    ) {
        prop_assert_eq!(model.validate(), Ok(()));
        found_by_both(&model, &picture, options)?;
    }
}
