//! Detections by both sides.

use std::collections::HashMap;
use std::fs;
use std::path::Path;
use std::time::Duration;

use mien_device::detect::cascade::{CascadeDetector, CascadeOptions};
use mien_device::detect::{DetectError, Detector};
use mien_models::cascade::CascadeModel;
use mien_models::{container, embedded};
use mien_tests::peers::Python;
use rustix::time::{ClockId, clock_gettime};
use serde_json::{Value, json};

use crate::pictures::Picture;

/// OpenCV's file behind the shipped cascade.
pub const CASCADE: &str = "haarcascade_frontalface_default.xml";

/// Left, top, width, height in pixels, neighbours.
pub type Box = [i64; 5];

/// What both sides are asked for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Options {
    pub scale_factor: f64,
    pub min_neighbors: u32,
    pub min_size_px: u32,
    pub equalize: bool,
}

impl Options {
    /// All combinations that are compared, 64.
    pub fn grid() -> Vec<Self> {
        let mut grid = Vec::new();
        for scale_factor in [1.1, 1.2, 1.25, 1.3] {
            for min_size_px in [30, 60] {
                for min_neighbors in [0, 3, 4, 5] {
                    for equalize in [false, true] {
                        grid.push(Self {
                            scale_factor,
                            min_neighbors,
                            min_size_px,
                            equalize,
                        });
                    }
                }
            }
        }
        grid
    }

    pub fn to_json(self) -> Value {
        json!({
            "scale_factor": self.scale_factor,
            "min_neighbors": self.min_neighbors,
            "min_size_px": self.min_size_px,
            "equalize": self.equalize,
        })
    }
}

/// One detection: a picture by its index, and the options.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Run {
    pub picture: usize,
    pub options: Options,
}

/// What one side found, and the least CPU time it took.
pub struct Answer {
    pub boxes: Vec<Box>,
    pub milliseconds: f64,
}

/// OpenCV's side.
pub struct OpenCv {
    pub version: String,
    pub cascade_path: String,
    pub answers: Vec<Answer>,
    /// SHA-256 of each picture's pixels once equalized, in hexadecimal.
    pub equalized: Vec<String>,
}

pub fn ask_opencv(
    python: &Python,
    cascade: &str,
    pictures: &[Picture],
    runs: &[Run],
    repeat: usize,
) -> OpenCv {
    let folder = tempfile::tempdir().expect("a temporary folder");
    let planes = pictures.iter().enumerate().map(|(index, picture)| {
        let path = folder.path().join(index.to_string());
        fs::write(&path, &picture.pixels).expect("the plane can be written");
        json!({ "path": path, "width": picture.width, "height": picture.height })
    });
    let runs = runs.iter().map(|run| {
        let mut value = run.options.to_json();
        value["picture"] = run.picture.into();
        value
    });
    let request = json!({
        "cascade": cascade,
        "pictures": planes.collect::<Vec<_>>(),
        "runs": runs.collect::<Vec<_>>(),
        "repeat": repeat,
    });
    let answer = python.ask("cascade_reference.py", &request);
    let answer = answer.expect("the script answers");
    let text = |key: &str| answer[key].as_str().expect("a text").to_owned();
    let answers = answer["runs"].as_array().expect("a list").iter();
    OpenCv {
        version: text("opencv"),
        cascade_path: text("cascade_path"),
        equalized: serde_json::from_value(answer["equalized"].clone()).expect("a list of texts"),
        answers: answers
            .map(|run| Answer {
                boxes: boxes_from(&run["boxes"]),
                milliseconds: run["milliseconds"].as_f64().expect("a number"),
            })
            .collect(),
    }
}

/// Has OpenCV write a cascade of its first format in the newer one.
pub fn convert(python: &Python, from: &Path, to: &Path) {
    let request = json!({ "cascade": from, "pictures": [], "runs": [], "convert_to": to });
    let answer = python.ask("cascade_reference.py", &request);
    answer.expect("the script answers");
}

pub fn boxes_from(value: &Value) -> Vec<Box> {
    serde_json::from_value(value.clone()).expect("boxes of five whole numbers")
}

/// The cascade that every build carries.
pub fn shipped() -> CascadeModel<'static> {
    container::decode(embedded::CASCADE)
        .expect("the cascade is sound")
        .1
}

/// [`CascadeDetector::new`] or [`CascadeDetector::scalar`].
pub type Construct = fn(&CascadeModel<'_>, CascadeOptions) -> Result<CascadeDetector, DetectError>;

/// Mien's side. As in the program, a detector lives for many pictures.
pub fn detect_all(
    construct: Construct,
    model: &CascadeModel<'_>,
    pictures: &[Picture],
    runs: &[Run],
    repeat: usize,
) -> Vec<Answer> {
    let mut detectors = HashMap::new();
    let answers = runs.iter().map(|run| {
        let detector = detectors
            .entry(run.options.to_json().to_string())
            .or_insert_with(|| detector(construct, model, run.options));
        detect(detector, &pictures[run.picture], repeat)
    });
    answers.collect()
}

fn detector(construct: Construct, model: &CascadeModel<'_>, options: Options) -> CascadeDetector {
    let options = CascadeOptions {
        scale_factor: options.scale_factor,
        min_neighbors: options.min_neighbors,
        min_size_px: options.min_size_px,
        max_size_px: None,
        equalize: options.equalize,
    };
    construct(model, options).expect("the options are sound")
}

fn detect(detector: &mut CascadeDetector, picture: &Picture, repeat: usize) -> Answer {
    let mut answer = Answer {
        boxes: Vec::new(),
        milliseconds: f64::INFINITY,
    };
    for _ in 0..repeat {
        let start = cpu_time();
        let found = detector.detect(&picture.view()).expect("small enough");
        let took = cpu_time() - start;
        answer.milliseconds = answer.milliseconds.min(took.as_secs_f64() * 1_000.0);
        let sides = |face: &mien_device::detect::Detection| {
            let sides = [face.x, face.y, face.width, face.height, face.score];
            sides.map(|side| side as i64)
        };
        answer.boxes = found.iter().map(sides).collect();
    }
    answer
}

/// Of this thread: other programs do not count. OpenCV's side measures likewise.
fn cpu_time() -> Duration {
    let time = clock_gettime(ClockId::ThreadCPUTime);
    Duration::new(time.tv_sec as u64, time.tv_nsec as u32)
}
