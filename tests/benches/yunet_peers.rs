//! How long a frame of 320x240 takes in Mien's YuNet and in OpenCV's FaceDetectorYN, one thread
//! each, in the same run: `cargo bench -p mien-tests --bench yunet_peers`. Only the ratio means
//! something.

#[path = "../tests/yunet_parity/faces.rs"]
#[allow(
    dead_code,
    reason = "shared with the parity tests, which use more of it"
)]
mod faces;
#[path = "../tests/cascade_parity/pictures.rs"]
#[allow(
    dead_code,
    reason = "shared with the parity tests, which use more of it"
)]
mod pictures;

use mien_device::detect::yunet::YunetOptions;
use mien_tests::{peers, shared};

use faces::{Answer, ONNX, ask_opencv, detect_all, detector};
use pictures::{Picture, photographs};

/// Photographs timed.
const PHOTOGRAPHS: usize = 20;
/// Repetitions, of which the fastest counts.
const REPEATS: usize = 20;

fn median_ms(answers: &[Answer]) -> f64 {
    let mut times: Vec<f64> = answers.iter().map(|answer| answer.milliseconds).collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn main() {
    let (Some(onnx), Some(folder), Some(python)) = (
        shared::path(ONNX),
        shared::path("data/detection/img"),
        peers::python(),
    ) else {
        return;
    };
    let photographs = photographs(&folder, PHOTOGRAPHS);
    for (width, height) in [(160, 120), (320, 240), (640, 480)] {
        let pictures: Vec<Picture> = photographs
            .iter()
            .map(|picture| picture.resized(width, height))
            .collect();
        let options = YunetOptions {
            input_px: [width, height],
            ..YunetOptions::default()
        };
        let (version, opencv) = ask_opencv(&python, &onnx, &pictures, &options, REPEATS);
        let mien = detect_all(&mut detector(&onnx, options), &pictures, REPEATS);
        let (ours, theirs) = (median_ms(&mien), median_ms(&opencv));
        println!(
            "YuNet at {width}x{height}: {ours:.2} ms, OpenCV {version} {theirs:.2} ms, ratio {:.2} \
             (medians of {PHOTOGRAPHS} frames, one thread)",
            ours / theirs,
        );
    }
}
