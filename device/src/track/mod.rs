//! Faces followed from frame to frame, so that the detector need not look at every one.
//!
//! A face moves by a constant-velocity Kalman filter ([`kalman`]). In between detections a small
//! patch of it is found again by correlation ([`patch`]), which corrects the filter and tells
//! when the face is gone. Detections are given to the faces they fit best as a whole ([`assign`]),
//! by place, size, overlap and looks, after Bewley et al., "Simple Online and Realtime Tracking",
//! 2016, and Wojke et al., "… with a Deep Association Metric", 2017. A face out of sight is
//! remembered for a while and keeps its id if one like it comes back. Patches live in memory only
//! and go with their track.

pub mod assign;
pub mod bounds;
mod cost;
mod face;
pub mod kalman;
mod looks;
mod options;
pub mod patch;
mod schedule;

use mien_models::plane::GrayView;

use crate::detect::Detection;
use bounds::Bounds;
use face::{Face, Followed};
pub use options::TrackingOptions;
use schedule::Schedule;

/// Most faces that are followed; the one seen longest ago makes room for a new one.
pub const MAX_TRACKS: usize = 16;
/// Most detections of a frame that count; the best scored.
pub const MAX_DETECTIONS: usize = 32;

/// Longest time over which motion is foretold at once.
const MAX_STEP_MS: u64 = 1000;
/// Two faces nearer than this, in faces, are one.
const SAME_PLACE: f32 = 0.35;
/// A face in sight nearer than this, in faces, may cover a part of another, with its hair as well.
const COVERING_DISTANCE: f32 = 1.3;
/// A new face shares less than this of its box with any other in sight.
const MAX_NEW_IOU: f32 = 0.5;

/// One face over time.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Track {
    /// Unique within a tracker, ascending.
    pub id: u64,
    /// Whether it is in sight in this frame. Others are only remembered.
    pub is_visible: bool,
    /// Where it is, or is thought to be; the last detection's score and its landmarks, moved
    /// along.
    pub detection: Detection,
}

/// The tracks of a frame, by id.
pub type Tracks = heapless::Vec<Track, MAX_TRACKS>;

/// Follows faces. Bounded in memory and in work a frame.
#[derive(Clone, Debug)]
pub struct Tracker {
    options: TrackingOptions,
    faces: heapless::Vec<Face, MAX_TRACKS>,
    next_id: u64,
    schedule: Schedule,
    /// See [`Tracker::set_interval_factor`].
    interval_factor: u32,
    /// Time of the last frame.
    now_ms: Option<u64>,
}

impl Tracker {
    /// A tracker without a face. The options are taken as they are; see
    /// [`TrackingOptions::validate`].
    pub fn new(options: TrackingOptions) -> Self {
        Self {
            options,
            faces: heapless::Vec::new(),
            next_id: 1,
            schedule: Schedule::default(),
            interval_factor: 1,
            now_ms: None,
        }
    }

    /// Takes in a frame and returns its tracks. Without `detections` faces are followed by
    /// correlation; then [`Self::wants_detection`] tells whether the detector should look at this
    /// frame, and what it finds is given to a second call with the same frame and timestamp.
    /// `timestamp_ms` is the source's time; where it goes back, no time passes.
    pub fn update(
        &mut self,
        view: &GrayView<'_>,
        timestamp_ms: u64,
        detections: Option<&[Detection]>,
    ) -> Tracks {
        if detections.is_none() || self.now_ms != Some(timestamp_ms) {
            self.follow(view, timestamp_ms);
        }
        if let Some(detections) = detections {
            self.correct(view, timestamp_ms, detections);
        }
        self.part_faces();
        self.faces.iter().map(Face::track).collect()
    }

    /// Whether the detector should look at the frame that was given last.
    pub fn wants_detection(&self) -> bool {
        self.schedule
            .is_due(self.now_ms.unwrap_or(0), &self.regularly())
    }

    /// From now on `factor` times as many frames pass between two regular looks of the detector.
    pub fn set_interval_factor(&mut self, factor: u32) {
        self.interval_factor = factor;
    }

    /// Other options from now on; the faces stay.
    pub fn set_options(&mut self, options: TrackingOptions) {
        self.options = options;
    }

    /// The options that hold for the schedule.
    fn regularly(&self) -> TrackingOptions {
        let frames = self.options.detect_every_frames;
        TrackingOptions {
            detect_every_frames: frames.saturating_mul(self.interval_factor),
            ..self.options
        }
    }

    /// Forgets all faces: what comes next has nothing to do with what was. Ids go on.
    pub fn forget(&mut self) {
        self.faces.clear();
        self.schedule = Schedule::default();
        self.now_ms = None;
    }

    fn follow(&mut self, view: &GrayView<'_>, now_ms: u64) {
        let passed_ms = now_ms.saturating_sub(self.now_ms.unwrap_or(now_ms));
        let dt_s = passed_ms.min(MAX_STEP_MS) as f32 / 1000.0;
        self.now_ms = Some(now_ms);
        self.schedule.next_frame();
        let options = self.options;
        self.faces.retain(|face| {
            now_ms.saturating_sub(face.seen_ms) <= u64::from(options.memory_ms).max(passed_ms)
        });
        for face in &mut self.faces {
            // A new face is looked at again at once: false ones seldom come twice.
            let is_new = face.detections == 1;
            if face.follow(view, dt_s, now_ms, &options) != Followed::AsBefore || is_new {
                self.schedule.hurry();
            }
        }
    }

    fn correct(&mut self, view: &GrayView<'_>, now_ms: u64, detections: &[Detection]) {
        self.schedule.looked(now_ms, &self.regularly());
        let frame = [view.width() as f32, view.height() as f32];
        let found = best(detections, frame);
        let cost = |face: &Face, bounds: &Bounds| {
            let is_covered = self.faces.iter().any(|other| {
                other.is_visible
                    && other.id != face.id
                    && other.bounds().distance_faces(bounds.center) < COVERING_DISTANCE
            });
            cost::cost(face, view, bounds, is_covered, now_ms)
        };
        let costs: heapless::Vec<_, MAX_TRACKS> = self
            .faces
            .iter()
            .map(|face| found.iter().map(|(_, bounds)| cost(face, bounds)).collect())
            .collect();
        let pairs = assign::assign(&costs);
        let mut is_new = [true; MAX_DETECTIONS];
        for (face, pair) in self.faces.iter_mut().zip(&pairs) {
            match *pair {
                Some(index) => {
                    let (detection, bounds) = &found[index];
                    face.detected(detection, bounds, view, now_ms);
                    is_new[index] = false;
                }
                // Once seen and not again: it was none.
                None if face.detections == 1 => face.hide(),
                None => {}
            }
        }
        self.faces
            .retain(|face| face.is_visible || face.detections > 1);
        for ((detection, bounds), _) in found.iter().zip(is_new).filter(|(_, is_new)| *is_new) {
            self.add(detection, bounds, view, now_ms);
        }
    }

    /// Begins a track, unless the face is one already.
    fn add(&mut self, detection: &Detection, bounds: &Bounds, view: &GrayView<'_>, now_ms: u64) {
        let is_known = self
            .faces
            .iter()
            .any(|face| face.is_visible && face.bounds().iou(bounds) > MAX_NEW_IOU);
        if is_known {
            return;
        }
        if self.faces.is_full() {
            // Of equals the first, whose id is the oldest.
            let oldest = (0..self.faces.len()).min_by_key(|&i| self.faces[i].seen_ms);
            oldest.map(|index| self.faces.remove(index));
        }
        let face = Face::new(self.next_id, detection, bounds, view, now_ms);
        self.next_id += 1;
        // There is room: see above.
        let _ = self.faces.push(face);
    }

    /// Two tracks must not follow the same face: the one that fits less is out of sight.
    fn part_faces(&mut self) {
        for second in 1..self.faces.len() {
            for first in 0..second {
                let (before, after) = self.faces.split_at_mut(second);
                let (a, b) = (&mut before[first], &mut after[0]);
                let (at, other) = (a.bounds(), b.bounds());
                let is_same = a.is_visible
                    && b.is_visible
                    && at.distance_faces(other.center) < SAME_PLACE
                    && at.iou(&other) > MAX_NEW_IOU / 2.0;
                if is_same {
                    let newer = (b.detected_ms, b.correlation) > (a.detected_ms, a.correlation);
                    if newer { a } else { b }.hide();
                    self.schedule.hurry();
                }
            }
        }
    }
}

/// The sound detections with their boxes; the best scored if there are too many.
fn best(
    detections: &[Detection],
    frame: [f32; 2],
) -> heapless::Vec<(Detection, Bounds), MAX_DETECTIONS> {
    let mut best: heapless::Vec<(Detection, Bounds), MAX_DETECTIONS> = heapless::Vec::new();
    for detection in detections {
        let Some(bounds) = Bounds::of(detection, frame) else {
            continue;
        };
        // Behind its equals, so that they stay in the detector's order.
        let place = best.partition_point(|(better, _)| {
            better.score.total_cmp(&detection.score) != std::cmp::Ordering::Less
        });
        if best.is_full() && place < best.len() {
            best.pop();
        }
        // No room: the others are better.
        let _ = best.insert(place, (*detection, bounds));
    }
    best
}
