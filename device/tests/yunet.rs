//! The YuNet detector on pictures of every size and kind, through a network whose findings are
//! known: a white cell is a face (`mien_models::procedural::test_yunet`).

use mien_device::detect::yunet::{MAX_INPUT_SIDE_PX, YunetDetector, YunetOptions};
use mien_device::detect::{DetectError, Detection, Detector};
use mien_models::plane::GrayView;
use mien_models::procedural::{Scene, plane, test_yunet};
use proptest::prelude::*;

fn detector(options: YunetOptions) -> YunetDetector {
    YunetDetector::new(&test_yunet(), options).expect("the options are sound")
}

fn detect(pixels: &[u8], width: u32, height: u32) -> Vec<Detection> {
    let view = GrayView::packed(pixels, width, height).expect("the sizes fit");
    let found = detector(YunetOptions::default()).detect(&view);
    found.expect("every picture can be searched")
}

/// Black but for white squares of two pixels with these left upper corners.
fn dots(width: u32, height: u32, places: &[(u32, u32)]) -> Vec<u8> {
    let mut pixels = vec![0; (width * height) as usize];
    for &(x, y) in places {
        for (x, y) in [(x, y), (x + 1, y), (x, y + 1), (x + 1, y + 1)] {
            pixels[(y * width + x) as usize] = 255;
        }
    }
    pixels
}

fn assert_close(found: f32, expected: f32) {
    assert!((found - expected).abs() < 1e-3, "{found}, not {expected}");
}

#[test]
fn a_white_cell_is_a_face_where_it_stands() {
    // Cell (5, 9) of 8 pixels: its centre is (44, 76), the face 24x32 pixels about it.
    let faces = detect(&dots(96, 128, &[(42, 74)]), 96, 128);
    assert_eq!(faces.len(), 1, "{faces:?}");
    let face = &faces[0];
    for (found, expected) in [
        (face.x, 32.0),
        (face.y, 60.0),
        (face.width, 24.0),
        (face.height, 32.0),
        (face.score, 1.0),
    ] {
        assert_close(found, expected);
    }
    let expected = [[40., 72.], [48., 72.], [44., 76.], [41., 80.], [47., 80.]];
    let landmarks = face.landmarks.expect("YuNet has landmarks");
    for (found, expected) in landmarks.iter().flatten().zip(expected.iter().flatten()) {
        assert_close(*found, *expected);
    }
}

#[test]
fn neighbours_are_one_face_and_others_are_not() {
    let near = detect(&dots(96, 96, &[(40, 40), (48, 40)]), 96, 96);
    assert_eq!(near.len(), 1);
    let far = detect(&dots(96, 96, &[(8, 8), (64, 64)]), 96, 96);
    assert_eq!(far.len(), 2);
}

#[test]
fn larger_pictures_are_reduced_and_the_answer_is_in_their_pixels() {
    let mut pixels = vec![0; 640 * 480];
    for y in 144..160 {
        pixels[y * 640 + 320..y * 640 + 336].fill(255);
    }
    let faces = detect(&pixels, 640, 480);
    assert_eq!(faces.len(), 1, "{faces:?}");
    // Cell (20, 9) at half the size.
    assert_close(faces[0].x, 2.0 * (20.5 * 8.0 - 12.0));
    assert_close(faces[0].y, 2.0 * (9.5 * 8.0 - 16.0));
    assert_close(faces[0].width, 48.0);
}

#[test]
fn a_detector_follows_the_size_of_its_frames() {
    let mut one = detector(YunetOptions::default());
    for (width, height) in [(96, 128), (64, 64), (96, 128)] {
        let pixels = dots(width, height, &[(16, 24)]);
        let view = GrayView::packed(&pixels, width, height).unwrap();
        assert_eq!(one.detect(&view).unwrap(), detect(&pixels, width, height));
    }
}

#[test]
fn small_faces_and_low_scores_can_be_left_out() {
    let pixels = dots(96, 96, &[(40, 40)]);
    let view = GrayView::packed(&pixels, 96, 96).unwrap();
    let found = |options| detector(options).detect(&view).unwrap().len();
    let defaults = YunetOptions::default();
    assert_eq!(
        found(YunetOptions {
            min_size_px: 32,
            ..defaults
        }),
        1
    );
    assert_eq!(
        found(YunetOptions {
            min_size_px: 33,
            ..defaults
        }),
        0
    );
    // Of the gray scale's middle, class and object are both even odds.
    let gray = vec![127; 32 * 32];
    let view = GrayView::packed(&gray, 32, 32).unwrap();
    let found = |min_score| {
        let options = YunetOptions {
            min_score,
            ..defaults
        };
        !detector(options).detect(&view).unwrap().is_empty()
    };
    assert!(found(0.45) && !found(0.55));
}

#[test]
fn impossible_options_are_named() {
    let refused = |options| YunetDetector::new(&test_yunet(), options).err();
    let defaults = YunetOptions::default();
    for side in [0, 31, MAX_INPUT_SIDE_PX + 1] {
        let options = YunetOptions {
            input_px: [320, side],
            ..defaults
        };
        let error = refused(options).expect("refused");
        assert!(matches!(error, DetectError::InputSize { .. }), "{error}");
        assert!(
            error.to_string().contains(&format!("320x{side}")),
            "{error}"
        );
    }
    for min_score in [-0.1, 1.1, f32::NAN] {
        let error = refused(YunetOptions {
            min_score,
            ..defaults
        });
        assert!(matches!(error, Some(DetectError::MinScore { .. })));
    }
    let mut broken = test_yunet();
    broken.network.stem.outputs = 2;
    let error = YunetDetector::new(&broken, defaults).err();
    assert!(matches!(error, Some(DetectError::Yunet(_))));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Any picture, with any stride, has a defined answer that depends on its pixels alone.
    #[test]
    fn every_picture_has_an_answer(
        width in 1..200_u32,
        height in 1..200_u32,
        padding in 0..9_u32,
        seed in any::<u32>(),
    ) {
        let scene = [Scene::Noise, Scene::Blobs, Scene::Checker, Scene::Face][seed as usize % 4];
        let packed = plane(scene, seed.into(), width, height).pixels;
        let mut padded = Vec::new();
        for row in packed.chunks_exact(width as usize) {
            padded.extend_from_slice(row);
            padded.extend(std::iter::repeat_n(seed as u8, padding as usize));
        }
        let view = GrayView::new(&padded, width, height, width + padding).unwrap();
        let found = detector(YunetOptions::default()).detect(&view).unwrap();
        prop_assert!(found.iter().all(|face| face.score >= 0.7 && face.score <= 1.0));
        prop_assert_eq!(found, detect(&packed, width, height));
    }
}

#[test]
fn flat_pictures_have_an_answer() {
    for (width, height) in [(1, 1), (2, 300), (33, 31)] {
        let pixels = vec![0; (width * height) as usize];
        assert_eq!(detect(&pixels, width, height), []);
        let pixels = vec![255; (width * height) as usize];
        assert!(
            !detect(&pixels, width, height).is_empty(),
            "white is a face"
        );
    }
}
