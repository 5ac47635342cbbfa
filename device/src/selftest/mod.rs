//! What a device is checked for, apart from its outputs: each check says what is wrong and what to
//! do.

pub mod machine;

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::assets;
use crate::capture::picture::{self, Color};
use crate::capture::{BLACK, CaptureError, Frame, Source};
use crate::classify::{Classifier, PerLabel, Verdict};
use crate::detect::crop::crop_for;
use crate::detect::{Detection, Detector};
use crate::pipeline::stages::{Judged, JudgedFace};
use crate::smooth::Shown;
use mien_models::label::Labels;
use mien_models::plane::GrayView;

/// How a check ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum State {
    /// As it should be.
    Ok,
    /// Works, but not for long or not well.
    Warning,
    /// Does not work.
    Failed,
    /// Cannot be told on this machine.
    Unknown,
}

/// A check's result.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Check {
    /// What was checked.
    pub name: String,
    /// How it ended.
    pub state: State,
    /// What was seen.
    pub detail: String,
    /// What to do; empty where nothing is to be done.
    pub hint: String,
}

impl Check {
    /// A result.
    pub fn new(name: &str, state: State, detail: impl Into<String>, hint: &str) -> Self {
        Self {
            name: name.to_owned(),
            state,
            detail: detail.into(),
            hint: hint.to_owned(),
        }
    }
}

/// A face is found in a portrait and judged; loading the model has compared it with its golden
/// values before.
pub fn faces(detector: &mut dyn Detector, classifier: &mut Classifier) -> Check {
    let name = "faces";
    let start = Instant::now();
    match judge_portrait(detector, classifier) {
        Ok(Some(label)) => {
            let ms = start.elapsed().as_millis();
            let detail = format!("a bundled portrait is judged {label} in {ms} ms");
            Check::new(name, State::Ok, detail, "")
        }
        Ok(None) => Check::new(
            name,
            State::Failed,
            "no face is found in a bundled portrait",
            "another detector file, or a lower --min-neighbors or --min-score",
        ),
        Err(error) => Check::new(
            name,
            State::Failed,
            error,
            "`mien inspect` looks into model files",
        ),
    }
}

fn judge_portrait(
    detector: &mut dyn Detector,
    classifier: &mut Classifier,
) -> Result<Option<String>, String> {
    let portrait = assets::PORTRAITS[0].jpeg;
    let picture = picture::decode(portrait, Color::Drop).map_err(|e| e.to_string())?;
    let view = GrayView::packed(&picture.gray, picture.width, picture.height);
    let view = view.map_err(|e| e.to_string())?;
    let faces = detector.detect(&view).map_err(|e| e.to_string())?;
    let Some(face) = faces.first() else {
        return Ok(None);
    };
    let crop = crop_for(face, detector.name());
    let verdict = classifier
        .classify(&view, &crop)
        .map_err(|e| e.to_string())?;
    let label = classifier.labels().name(verdict.label_index);
    Ok(Some(label.unwrap_or_default().to_owned()))
}

/// A frame with one face whose expression is `labels`' number `label_index`: what outputs are shown.
pub fn example(labels: &Labels, label_index: usize) -> Judged {
    let probabilities: PerLabel = (0..labels.len())
        .map(|index| if index == label_index { 1.0 } else { 0.0 })
        .collect();
    let detection = Detection {
        x: 0.0,
        y: 0.0,
        width: 1.0,
        height: 1.0,
        score: 1.0,
        landmarks: None,
    };
    let face = JudgedFace {
        track_id: 1,
        detection,
        verdict: Verdict {
            label_index,
            probabilities: probabilities.clone(),
            logits: PerLabel::new(),
        },
        shown: Shown {
            label_index: Some(label_index),
            probabilities,
        },
    };
    Judged {
        frame: Frame {
            pixels: vec![0],
            width: 1,
            height: 1,
            sequence: label_index as u64,
            timestamp_ms: 1000 * label_index as u64,
        },
        faces: std::iter::once(face).collect(),
        detect_time: None,
        track_time: Duration::ZERO,
        classify_time: Duration::ZERO,
        smooth_time: Duration::ZERO,
        shed_level: 0,
    }
}

/// Frames in which a camera finds its exposure.
const SETTLING_FRAMES: u32 = 10;

/// The source gives frames, and they are not black. `what` names it.
pub fn source(what: &str, source: &mut dyn Source, patience: Duration) -> Check {
    let name = "source";
    let start = Instant::now();
    let mut last = None;
    let mut brightness = 0;
    for _ in 0..SETTLING_FRAMES {
        match source.next_frame() {
            Ok(Some(frame)) => {
                brightness = frame.brightness();
                last = Some([frame.width, frame.height]);
            }
            Ok(None) => break,
            Err(CaptureError::Lost(loss)) => {
                return Check::new(name, State::Failed, format!("{what}: {}", loss.why), "");
            }
            Err(error) => {
                return Check::new(name, State::Failed, format!("{what}: {error}"), "");
            }
        }
        if start.elapsed() > patience {
            break;
        }
    }
    match last {
        None => Check::new(name, State::Failed, format!("{what}: no frame"), ""),
        Some([width, height]) if brightness < BLACK => Check::new(
            name,
            State::Warning,
            format!("{what}: {width} x {height}, black"),
            "is the lens covered, or the room dark?",
        ),
        Some([width, height]) => {
            Check::new(name, State::Ok, format!("{what}: {width} x {height}"), "")
        }
    }
}
