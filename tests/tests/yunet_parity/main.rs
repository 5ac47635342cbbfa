//! Mien's YuNet against OpenCV's FaceDetectorYN: the same network, gray pictures, equal sizes.

mod faces;
#[path = "../cascade_parity/pictures.rs"]
#[allow(
    dead_code,
    reason = "shared with the cascade's parity tests, which use more of it"
)]
mod pictures;

use mien_device::detect::yunet::YunetOptions;
use mien_device::detect::{Detection, Detector};
use mien_host::import::yunet;
use mien_models::container;
use mien_models::plane::GrayView;
use mien_models::procedural::Rng;
use mien_models::yunet::YunetModel;
use mien_tests::{peers, shared};

use faces::{ONNX, ask_opencv, detect_all, detector, iou};
use pictures::{Picture, photographs};

/// Photographs that both sides search.
const PHOTOGRAPHS: usize = 240;
/// Share of the faces that both sides must agree on.
const LEAST_EQUAL: f64 = 0.99;

/// Pictures keep their sizes: OpenCV does not reduce them.
fn options() -> YunetOptions {
    YunetOptions {
        input_px: [1024, 1024],
        min_score: 0.6,
        ..YunetOptions::default()
    }
}

/// The same box, score and, to a fiftieth of the face, landmarks.
fn is_same(a: &Detection, b: &Detection) -> bool {
    let points = |face: &Detection| {
        face.landmarks
            .map(|points| points.concat())
            .unwrap_or_default()
    };
    iou(a, b) >= 0.95
        && (a.score - b.score).abs() <= 0.01
        && points(a)
            .iter()
            .zip(&points(b))
            .all(|(p, q)| (p - q).abs() <= 0.02 * a.height)
}

#[test]
fn opencv_finds_the_same_in_photographs() {
    let (Some(onnx), Some(folder), Some(python)) = (
        shared::path(ONNX),
        shared::path("data/detection/img"),
        peers::python(),
    ) else {
        return;
    };
    let mut pictures = photographs(&folder, PHOTOGRAPHS);
    assert_eq!(pictures.len(), PHOTOGRAPHS);
    // Multiples of 32 and other sizes.
    let more: Vec<Picture> = pictures
        .iter()
        .step_by(6)
        .flat_map(|picture| [picture.resized(320, 256), picture.resized(97, 131)])
        .collect();
    pictures.extend(more);
    let (version, opencv) = ask_opencv(&python, &onnx, &pictures, &options(), 1);
    let mien = detect_all(&mut detector(&onnx, options()), &pictures, 1);
    let (mut same, mut all) = (0, 0);
    for (expected, found) in opencv.iter().zip(&mien) {
        let paired = expected.faces.iter().filter(|face| {
            let mut found = found.faces.iter();
            found.any(|other| is_same(face, other))
        });
        same += paired.count();
        all += expected.faces.len().max(found.faces.len());
    }
    println!(
        "OpenCV {version}: {same} of {all} faces in {} pictures are the same",
        pictures.len()
    );
    assert!(all > PHOTOGRAPHS, "the photographs have faces");
    assert!(same as f64 >= LEAST_EQUAL * all as f64, "{same} of {all}");
}

#[test]
fn the_imported_file_finds_the_faces_of_the_portraits() {
    let Some(onnx) = shared::path(ONNX) else {
        return;
    };
    let file = yunet::read(&onnx).expect("the network can be read");
    let network = yunet::parse(&file).expect("it is a YuNet");
    let model = network.model("yunet_n.onnx", "");
    // YuNet_n's 75,856 less those of its batch normalization, which the exporter has folded.
    assert_eq!(model.parameters(), 73_840);
    let file = container::encode(&model, model.model_id(), 1).expect("it is sound");
    let (_, read) = container::decode::<YunetModel>(&file).expect("just packed");
    assert_eq!(read, model);
    let mut detector = detector(&onnx, YunetOptions::default());
    let portraits = pictures::committed().into_iter().filter(|p| !p.is_drawn());
    for portrait in portraits {
        let faces = detector.detect(&portrait.view()).expect("a picture");
        let has_face = portrait.name != "coffee";
        assert_eq!(!faces.is_empty(), has_face, "{}: {faces:?}", portrait.name);
    }
}

#[test]
fn pictures_of_nothing_have_no_faces() {
    let Some(onnx) = shared::path(ONNX) else {
        return;
    };
    let mut detector = detector(&onnx, YunetOptions::default());
    for (width, height) in [(1, 1), (2, 300), (97, 131), (640, 480)] {
        let count = (width * height) as usize;
        let mut rng = Rng::new(3);
        let noise = (0..count).map(|_| rng.next_u64() as u8).collect();
        for pixels in [vec![0; count], vec![255; count], noise] {
            let view = GrayView::packed(&pixels, width, height).expect("the sizes fit");
            let faces = detector
                .detect(&view)
                .expect("every picture can be searched");
            assert_eq!(faces, [], "{width}x{height} of {}", pixels[0]);
        }
    }
}
