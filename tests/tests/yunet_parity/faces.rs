//! Faces found by both sides.

use std::fs;
use std::path::Path;
use std::time::Instant;

use mien_device::detect::yunet::{YunetDetector, YunetOptions};
use mien_device::detect::{Detection, Detector};
use mien_host::import::yunet;
use mien_tests::peers::Python;
use serde_json::json;

use crate::pictures::Picture;

/// The network both sides run, of the shared material.
pub const ONNX: &str = "data/detection/yunet_n.onnx";

/// What one side found in a picture, and the least time it took.
pub struct Answer {
    pub faces: Vec<Detection>,
    pub milliseconds: f64,
}

/// OpenCV's version and its answer for each picture.
pub fn ask_opencv(
    python: &Python,
    onnx: &Path,
    pictures: &[Picture],
    options: &YunetOptions,
    repeat: usize,
) -> (String, Vec<Answer>) {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let planes = pictures.iter().enumerate().map(|(index, picture)| {
        let path = folder.path().join(index.to_string());
        fs::write(&path, &picture.pixels).expect("the plane can be written");
        json!({ "path": path, "width": picture.width, "height": picture.height })
    });
    let request = json!({
        "model": onnx,
        "pictures": planes.collect::<Vec<_>>(),
        "min_score": options.min_score,
        "max_overlap": options.max_overlap,
        "repeat": repeat,
    });
    let answer = python.ask("yunet_reference.py", &request);
    let answer = answer.expect("the script answers");
    let version = answer["opencv"].as_str().expect("a text").to_owned();
    let runs = answer["runs"].as_array().expect("a list").iter();
    let answers = runs.map(|run| {
        let rows: Vec<[f32; 15]> =
            serde_json::from_value(run["faces"].clone()).expect("rows of 15 numbers");
        Answer {
            faces: rows.iter().map(face).collect(),
            milliseconds: run["milliseconds"].as_f64().expect("a number"),
        }
    });
    (version, answers.collect())
}

fn face(row: &[f32; 15]) -> Detection {
    Detection {
        x: row[0],
        y: row[1],
        width: row[2],
        height: row[3],
        score: row[14],
        landmarks: Some(std::array::from_fn(|i| [row[4 + 2 * i], row[5 + 2 * i]])),
    }
}

/// Mien's detector with the same network.
pub fn detector(onnx: &Path, options: YunetOptions) -> YunetDetector {
    let file = yunet::read(onnx).expect("the network can be read");
    let network = yunet::parse(&file).expect("it is a YuNet");
    YunetDetector::new(&network.model("", ""), options).expect("the options are sound")
}

/// Mien's answer for each picture.
pub fn detect_all(
    detector: &mut YunetDetector,
    pictures: &[Picture],
    repeat: usize,
) -> Vec<Answer> {
    let answers = pictures.iter().map(|picture| {
        let mut answer = Answer {
            faces: Vec::new(),
            milliseconds: f64::INFINITY,
        };
        for _ in 0..repeat {
            let start = Instant::now();
            answer.faces = detector.detect(&picture.view()).expect("a picture");
            let milliseconds = start.elapsed().as_secs_f64() * 1_000.0;
            answer.milliseconds = answer.milliseconds.min(milliseconds);
        }
        answer
    });
    answers.collect()
}

/// Intersection over union of two boxes.
pub fn iou(a: &Detection, b: &Detection) -> f32 {
    let common = |from_a: f32, a: f32, from_b: f32, b: f32| {
        ((from_a + a).min(from_b + b) - from_a.max(from_b)).max(0.0)
    };
    let both = common(a.x, a.width, b.x, b.width) * common(a.y, a.height, b.y, b.height);
    both / (a.width * a.height + b.width * b.height - both)
}
