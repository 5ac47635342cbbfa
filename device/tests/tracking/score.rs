//! What following made of a sequence, against the truth.
//!
//! Misses and id switches as in K. Bernardin and R. Stiefelhagen, "Evaluating Multiple Object
//! Tracking Performance: The CLEAR MOT Metrics", 2008.

use mien_device::detect::{Detection, Detector};
use mien_device::track::bounds::Bounds;
use mien_device::track::{Track, Tracker, TrackingOptions};

use crate::scene::Take;

/// Least overlap of a track with the face it follows. Cascades and annotations frame faces
/// differently.
const MIN_IOU: f32 = 0.3;

/// Counts over sequences.
#[derive(Clone, Debug, Default)]
pub struct Score {
    pub frames: usize,
    pub faces: usize,
    pub misses: usize,
    pub switches: usize,
    /// Tracks in sight that follow no face, summed over frames.
    pub false_tracks: usize,
    pub detector_runs: usize,
    /// Misses and switches of every frame.
    pub errors: Vec<usize>,
    /// Every id that each actor had.
    pub ids: Vec<Vec<u64>>,
}

/// What the detector finds in every frame.
pub fn look(takes: &[Take], detector: &mut dyn Detector) -> Vec<Vec<Detection>> {
    takes
        .iter()
        .map(|take| detector.detect(&take.view()).unwrap())
        .collect()
}

/// Follows a sequence whose detections are known beforehand, asking for as few as it needs.
pub fn follow(takes: &[Take], found: &[Vec<Detection>], options: TrackingOptions) -> Score {
    let mut tracker = Tracker::new(options);
    let mut score = Score::default();
    let mut last_ids = vec![None; takes[0].truth.len()];
    score.ids = vec![Vec::new(); last_ids.len()];
    for (take, found) in takes.iter().zip(found) {
        let mut tracks = tracker.update(&take.view(), take.timestamp_ms, None);
        if tracker.wants_detection() {
            score.detector_runs += 1;
            tracks = tracker.update(&take.view(), take.timestamp_ms, Some(found));
        }
        let visible: Vec<Track> = tracks.into_iter().filter(|t| t.is_visible).collect();
        score.count(&take.truth, &visible, &mut last_ids);
    }
    score
}

impl Score {
    fn count(&mut self, truth: &[Option<Bounds>], tracks: &[Track], last_ids: &mut [Option<u64>]) {
        let mut pairs: Vec<(f32, usize, usize)> = Vec::new();
        for (face, bounds) in truth.iter().enumerate() {
            let Some(bounds) = bounds else { continue };
            for (track, found) in tracks.iter().enumerate() {
                let found = Bounds::of(&found.detection, [4096.0, 4096.0]);
                let iou = found.map_or(0.0, |found| found.iou(bounds));
                if iou >= MIN_IOU {
                    pairs.push((iou, face, track));
                }
            }
        }
        pairs.sort_by(|a, b| b.0.total_cmp(&a.0));
        let mut track_of = vec![None; truth.len()];
        let mut is_used = vec![false; tracks.len()];
        for (_, face, track) in pairs {
            if track_of[face].is_none() && !is_used[track] {
                track_of[face] = Some(track);
                is_used[track] = true;
            }
        }
        let mut errors = 0;
        for (face, bounds) in truth.iter().enumerate() {
            if bounds.is_none() {
                continue;
            }
            self.faces += 1;
            let Some(track) = track_of[face] else {
                self.misses += 1;
                errors += 1;
                continue;
            };
            let id = tracks[track].id;
            if last_ids[face].is_some_and(|last| last != id) {
                self.switches += 1;
                errors += 1;
            }
            last_ids[face] = Some(id);
            if !self.ids[face].contains(&id) {
                self.ids[face].push(id);
            }
        }
        self.false_tracks += is_used.iter().filter(|is_used| !**is_used).count();
        self.frames += 1;
        self.errors.push(errors);
    }

    /// Adds the counts of another sequence.
    pub fn add(&mut self, other: &Self) {
        self.frames += other.frames;
        self.faces += other.faces;
        self.misses += other.misses;
        self.switches += other.switches;
        self.false_tracks += other.false_tracks;
        self.detector_runs += other.detector_runs;
        self.errors.extend(&other.errors);
    }

    /// Frames with more errors than `other`'s.
    pub fn worse_frames(&self, other: &Self) -> usize {
        let pairs = self.errors.iter().zip(&other.errors);
        pairs.filter(|(own, others)| own > others).count()
    }
}

/// The default options with another detection period.
pub fn every(detect_every_frames: u32) -> TrackingOptions {
    TrackingOptions {
        detect_every_frames,
        ..TrackingOptions::default()
    }
}
