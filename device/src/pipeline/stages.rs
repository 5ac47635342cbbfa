//! The stages as plain functions over plain data; `pipeline::run` puts each on a thread.

use std::time::{Duration, Instant};

use crate::capture::Frame;
use crate::classify::{Classifier, Verdict};
use crate::detect::crop::crop_for;
use crate::detect::{Detection, Detector};

use super::PipelineError;

/// A frame with the faces found in it.
#[derive(Clone, Debug)]
pub struct Detected {
    /// The frame.
    pub frame: Frame,
    /// Its faces.
    pub detections: Vec<Detection>,
    /// Time spent looking.
    pub detect_time: Duration,
}

/// One face with its verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedFace {
    /// Where it is.
    pub detection: Detection,
    /// What the classifier says.
    pub verdict: Verdict,
}

/// A frame with its faces judged: what outputs show.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The frame.
    pub frame: Frame,
    /// Its faces, largest first.
    pub faces: Vec<JudgedFace>,
    /// Time spent looking for faces.
    pub detect_time: Duration,
    /// Time spent judging them.
    pub classify_time: Duration,
}

/// Finds the faces of a frame.
pub fn detect(frame: Frame, detector: &mut dyn Detector) -> Result<Detected, PipelineError> {
    let start = Instant::now();
    let detections = detector.detect(&frame.view()?)?;
    Ok(Detected {
        frame,
        detections,
        detect_time: start.elapsed(),
    })
}

/// Judges the faces of a frame. `detector` names the detector, whose boxes need a crop of
/// their own.
pub fn classify(
    detected: Detected,
    detector: &str,
    classifier: &mut Classifier,
) -> Result<Judged, PipelineError> {
    let Detected {
        frame,
        detections,
        detect_time,
    } = detected;
    let start = Instant::now();
    let view = frame.view()?;
    let mut faces = detections
        .into_iter()
        .map(|detection| {
            let verdict = classifier.classify(&view, &crop_for(&detection, detector))?;
            Ok(JudgedFace { detection, verdict })
        })
        .collect::<Result<Vec<_>, PipelineError>>()?;
    let area = |face: &JudgedFace| face.detection.width * face.detection.height;
    faces.sort_by(|a, b| area(b).total_cmp(&area(a)));
    Ok(Judged {
        frame,
        faces,
        detect_time,
        classify_time: start.elapsed(),
    })
}
