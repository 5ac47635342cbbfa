//! The stages as plain functions over plain data; `pipeline::run` puts them on threads.

use std::time::{Duration, Instant};

use crate::capture::Frame;
use crate::classify::{Classifier, Verdict};
use crate::detect::crop::crop_for;
use crate::detect::{Detection, Detector};
use crate::smooth::{Shown, Smoother};
use crate::track::{MAX_TRACKS, Track, Tracker, Tracks};

use super::PipelineError;

/// A frame with the faces in sight.
#[derive(Clone, Debug)]
pub struct Tracked {
    /// The frame.
    pub frame: Frame,
    /// Its faces; all of them visible.
    pub tracks: Tracks,
    /// Time the detector took; `None` where it did not look.
    pub detect_time: Option<Duration>,
    /// Time spent following faces.
    pub track_time: Duration,
    /// How much less than everything was done, see [`LEVELS`](super::shedding::LEVELS).
    pub shed_level: usize,
}

/// One face with its verdict.
#[derive(Clone, Debug, PartialEq)]
pub struct JudgedFace {
    /// Its track's id: the same face has the same one in every frame.
    pub track_id: u64,
    /// Where it is.
    pub detection: Detection,
    /// What the classifier says of this frame alone.
    pub verdict: Verdict,
    /// What is shown, with the frames before taken into account.
    pub shown: Shown,
}

/// The faces of a frame: at most as many as are followed, without a place on the heap.
pub type Faces = heapless::Vec<JudgedFace, MAX_TRACKS>;

/// A frame with its faces judged: what outputs show.
#[derive(Clone, Debug)]
pub struct Judged {
    /// The frame.
    pub frame: Frame,
    /// Its faces, largest first.
    pub faces: Faces,
    /// Time the detector took; `None` where it did not look.
    pub detect_time: Option<Duration>,
    /// Time spent following faces.
    pub track_time: Duration,
    /// Time spent cropping and judging.
    pub classify_time: Duration,
    /// Time spent smoothing.
    pub smooth_time: Duration,
    /// How much less than everything was done, see [`LEVELS`](super::shedding::LEVELS).
    pub shed_level: usize,
}

/// Follows the faces of a frame, and looks for them where the tracker asks for it. `found` is a
/// buffer for what the detector finds.
pub fn track(
    frame: Frame,
    detector: &mut dyn Detector,
    tracker: &mut Tracker,
    found: &mut Vec<Detection>,
) -> Result<Tracked, PipelineError> {
    let start = Instant::now();
    let mut detect_time = None;
    let view = frame.view()?;
    let mut tracks = tracker.update(&view, frame.timestamp_ms, None);
    if tracker.wants_detection() {
        let start = Instant::now();
        detector.detect_into(&view, found)?;
        detect_time = Some(start.elapsed());
        tracks = tracker.update(&view, frame.timestamp_ms, Some(found));
    }
    tracks.retain(|track| track.is_visible);
    Ok(Tracked {
        tracks,
        frame,
        detect_time,
        track_time: start
            .elapsed()
            .saturating_sub(detect_time.unwrap_or_default()),
        shed_level: 0,
    })
}

/// Judges the faces of a frame and smooths the verdicts. `detector` names the detector, whose
/// boxes need a crop of their own.
pub fn classify(
    tracked: Tracked,
    detector: &str,
    classifier: &mut Classifier,
    smoother: &mut Smoother,
) -> Result<Judged, PipelineError> {
    let Tracked {
        frame,
        tracks,
        detect_time,
        track_time,
        shed_level,
    } = tracked;
    let start = Instant::now();
    let mut smooth_time = Duration::ZERO;
    let view = frame.view()?;
    let mut faces = tracks
        .into_iter()
        .map(|Track { id, detection, .. }| {
            let verdict = classifier.classify(&view, &crop_for(&detection, detector))?;
            let start = Instant::now();
            let shown = smoother.update(id, frame.timestamp_ms, &verdict.logits);
            smooth_time += start.elapsed();
            Ok(JudgedFace {
                track_id: id,
                detection,
                verdict,
                shown,
            })
        })
        .collect::<Result<Faces, PipelineError>>()?;
    let area = |face: &JudgedFace| face.detection.width * face.detection.height;
    // Stable; of so few it allocates nothing.
    faces.sort_by(|a, b| area(b).total_cmp(&area(a)));
    Ok(Judged {
        frame,
        faces,
        detect_time,
        track_time,
        classify_time: start.elapsed().saturating_sub(smooth_time),
        smooth_time,
        shed_level,
    })
}
