//! Where eyes and mouth come to lie in the crops of photographs whose landmarks are known.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use mien_device::detect::Detector;
use mien_device::detect::yunet::YunetOptions;
use mien_tests::shared;

use crate::pictures::Picture;
use crate::{cascade, median, square, yunet};

/// FER2013's distance between the eyes, height of the eyes and of the mouth, in sides.
const FER2013: [f32; 3] = [0.354, 0.392, 0.746];
/// How far a median may be off.
const TOLERANCE: f32 = 0.02;
/// Least height of a face in pixels.
const LEAST_HEIGHT: f32 = 60.0;
/// Photographs looked at.
const PHOTOGRAPHS: usize = 300;

/// Right eye, left eye, nose, right and left mouth corner.
type Landmarks = [[f32; 2]; 5];

/// The landmarks of all large faces, by picture.
fn annotations(folder: &Path) -> BTreeMap<String, Vec<Landmarks>> {
    let text = fs::read_to_string(folder.join("annotations.csv")).expect("it can be read");
    let mut faces: BTreeMap<_, Vec<_>> = BTreeMap::new();
    for line in text.lines().skip(1) {
        let fields: Vec<&str> = line.split(',').collect();
        let number = |index: usize| fields[index].parse::<f32>().expect("a number");
        // Faces to be ignored, small ones, and those without landmarks.
        if fields[5] == "1" || number(9) < LEAST_HEIGHT || number(10) < 0.0 {
            continue;
        }
        let points = std::array::from_fn(|i| [number(10 + 2 * i), number(11 + 2 * i)]);
        faces.entry(fields[0].to_owned()).or_default().push(points);
    }
    faces
}

/// Medians of the three figures over the faces that the detector finds, and how many these are.
fn medians(folder: &Path, detector: &mut dyn Detector) -> ([f32; 3], usize) {
    let annotations = annotations(folder);
    let step = (annotations.len() / PHOTOGRAPHS).max(1);
    let mut figures = [const { Vec::new() }; 3];
    for (name, faces) in annotations.iter().step_by(step) {
        let file = fs::read(folder.join(name)).expect("the picture can be read");
        let picture = Picture::decode(name.clone(), &file);
        let found = detector.detect(&picture.view()).expect("a picture");
        for points in faces {
            let middle =
                |a: usize, b: usize| [0, 1].map(|axis| (points[a][axis] + points[b][axis]) / 2.0);
            let (eyes, mouth) = (middle(0, 1), middle(3, 4));
            let squares = found.iter().map(|face| square(face, detector));
            let about = |square: &crate::Square| {
                let [x, y] = square.fraction(eyes);
                (0.2..=0.8).contains(&x) && (0.1..=0.7).contains(&y)
            };
            let Some(square) = squares.into_iter().find(about) else {
                continue;
            };
            let distance = (points[1][0] - points[0][0]).hypot(points[1][1] - points[0][1]);
            figures[0].push(distance / square.side);
            figures[1].push(square.fraction(eyes)[1]);
            figures[2].push(square.fraction(mouth)[1]);
        }
    }
    let count = figures[0].len();
    (figures.map(median), count)
}

fn assert_like_fer2013(detector: &mut dyn Detector) {
    let Some(folder) = shared::path("data/detection") else {
        return;
    };
    let (medians, count) = medians(&folder, detector);
    println!(
        "{}: medians {medians:.3?} over {count} faces",
        detector.name()
    );
    assert!(count > PHOTOGRAPHS / 2, "{count} faces");
    for (found, expected) in medians.iter().zip(FER2013) {
        assert!((found - expected).abs() <= TOLERANCE, "{medians:?}");
    }
}

#[test]
fn yunet_s_crops_have_fer2013_s_geometry() {
    let options = YunetOptions {
        input_px: [1024, 1024],
        ..YunetOptions::default()
    };
    if let Some(mut detector) = yunet(options) {
        assert_like_fer2013(&mut detector);
    }
}

#[test]
fn the_cascade_s_crops_have_fer2013_s_geometry() {
    assert_like_fer2013(&mut cascade(40));
}
