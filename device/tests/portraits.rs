//! The bundled pictures through the bundled models.

use mien_device::assets;
use mien_device::capture::picture::{self, Color};
use mien_device::capture::{Source, demo::DemoCamera};
use mien_device::classify::Classifier;
use mien_device::detect::cascade::{CascadeDetector, CascadeOptions};
use mien_device::detect::crop::crop_for;
use mien_device::detect::{Detection, Detector};
use mien_models::ExpressionModel;
use mien_models::cascade::CascadeModel;
use mien_models::container;
use mien_models::embedded;
use mien_models::plane::GrayView;

fn detector(options: CascadeOptions) -> CascadeDetector {
    let (_, model) = container::decode::<CascadeModel<'_>>(embedded::CASCADE).unwrap();
    CascadeDetector::new(&model, options).unwrap()
}

fn faces(jpeg: &[u8]) -> (picture::Picture, Vec<Detection>) {
    let picture = picture::decode(jpeg, Color::Drop).unwrap();
    let view = GrayView::packed(&picture.gray, picture.width, picture.height).unwrap();
    let faces = detector(CascadeOptions::default()).detect(&view).unwrap();
    (picture, faces)
}

#[test]
fn every_portrait_has_one_face_where_a_person_saw_it() {
    for portrait in assets::PORTRAITS {
        let (_, faces) = faces(portrait.jpeg);
        assert_eq!(faces.len(), 1, "{}: {faces:?}", portrait.name);
        let found = faces[0];
        let [x, y, side] = portrait.face.map(f32::from);
        let overlap = |a: f32, a_length: f32, b: f32, b_length: f32| {
            ((a + a_length).min(b + b_length) - a.max(b)).max(0.0)
        };
        let shared =
            overlap(found.x, found.width, x, side) * overlap(found.y, found.height, y, side);
        let union = found.width * found.height + side * side - shared;
        assert!(shared / union > 0.5, "{}: {found:?}", portrait.name);
    }
}

#[test]
fn the_coffee_has_no_face() {
    assert_eq!(faces(assets::NO_FACE).1, []);
}

#[test]
fn the_demo_shows_a_face_in_nearly_every_frame() {
    let mut camera = DemoCamera::new(1).unwrap();
    let options = CascadeOptions {
        scale_factor: 1.2,
        min_neighbors: 4,
        min_size_px: 80,
        ..CascadeOptions::default()
    };
    let mut detector = detector(options);
    let mut classifier = classifier();
    let (mut with_face, mut hits) = (0, 0);
    for _ in 0..150 {
        let frame = camera.next_frame().unwrap().unwrap();
        let view = frame.view().unwrap();
        let Some(face) = detector.detect(&view).unwrap().first().copied() else {
            continue;
        };
        with_face += 1;
        let verdict = classifier
            .classify(&view, &crop_for(&face, "haar"))
            .unwrap();
        let expected = DemoCamera::portrait(frame.sequence).expected;
        hits += u32::from(classifier.labels().name(verdict.label_index) == Some(expected));
    }
    println!("{hits} of {with_face} faces as expected");
    assert!(with_face >= 135, "{with_face} of 150 frames");
}

fn classifier() -> Classifier {
    let (_, model) = container::decode::<ExpressionModel<'_>>(embedded::EXPRESSION).unwrap();
    Classifier::new(&model).unwrap()
}

/// The labels are one person's judgement of three pictures: reported, not demanded.
#[test]
fn portraits_hits_of_the_bundled_model() {
    let mut classifier = classifier();
    let mut hits = 0;
    for portrait in assets::PORTRAITS {
        let (picture, faces) = faces(portrait.jpeg);
        let view = GrayView::packed(&picture.gray, picture.width, picture.height).unwrap();
        let verdict = classifier
            .classify(&view, &crop_for(&faces[0], "haar"))
            .unwrap();
        let label = classifier.labels().name(verdict.label_index).unwrap();
        let sum: f32 = verdict.probabilities.iter().sum();
        assert!((sum - 1.0).abs() <= 1e-4, "{sum}");
        hits += u32::from(label == portrait.expected);
        println!(
            "{}: {label} {:?}, expected {}",
            portrait.name, verdict.probabilities, portrait.expected
        );
    }
    println!(
        "{hits} of {} portraits as expected",
        assets::PORTRAITS.len()
    );
}
