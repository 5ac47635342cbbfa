//! What a run amounts to: the machine-readable last line of `mien-device run`.

use std::time::Duration;

use mien_models::label::Labels;
use serde::Serialize;

use crate::report::ByLabel;

use super::shedding::Work;
use super::stages::Judged;

/// Counts of a run. Serializes as the JSON object that docs/cli.md describes.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Totals {
    /// Frames that reached the outputs.
    pub frames: u64,
    /// Frames with at least one face.
    pub frames_with_face: u64,
    /// Faces judged, all frames together.
    pub faces: u64,
    /// Faces followed; each counts once, however many frames it is in.
    pub tracks: u64,
    /// Frames the detector looked at.
    pub detector_runs: u64,
    /// Faces per expression; those of all models where the model was switched.
    pub expressions: ByLabel<u64>,
    /// Where the model's labels stand in `expressions`.
    #[serde(skip)]
    positions: Vec<usize>,
    /// Faces whose expression was uncertain.
    pub uncertain: u64,
    /// Frames dropped because a stage was too slow.
    pub dropped: Dropped,
    /// What was left undone for want of time or for heat.
    pub shed: Shed,
    /// How often the camera was lost; each failed attempt to get it back counts.
    pub camera_losses: u64,
    /// Mean time per frame and stage, milliseconds.
    pub mean_ms: StageMs,
    /// Wall-clock time of the run, milliseconds.
    pub elapsed_ms: u64,
}

/// Frames dropped in front of each stage.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Dropped {
    /// In front of detection and tracking.
    pub detect: u64,
    /// In front of classification and smoothing.
    pub classify: u64,
    /// In front of the outputs.
    pub output: u64,
}

/// What load shedding left undone.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Shed {
    /// Frames treated with less than everything.
    pub reduced: u64,
    /// Frames left out against heat.
    pub skipped: u64,
}

/// Time per stage, milliseconds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize)]
pub struct StageMs {
    /// Detection, over all frames: where the detector did not look it took no time.
    pub detect: f64,
    /// Following faces.
    pub track: f64,
    /// Cropping, classification and smoothing.
    pub classify: f64,
}

impl Totals {
    /// Zero of everything.
    pub fn new(labels: &Labels) -> Self {
        Self {
            frames: 0,
            frames_with_face: 0,
            faces: 0,
            tracks: 0,
            detector_runs: 0,
            expressions: labels.iter().map(|name| (name.to_owned(), 0)).collect(),
            positions: (0..labels.len()).collect(),
            uncertain: 0,
            dropped: Dropped::default(),
            shed: Shed::default(),
            camera_losses: 0,
            mean_ms: StageMs::default(),
            elapsed_ms: 0,
        }
    }

    /// From now on label indices are those of `labels`. What was counted stays under its name.
    pub(super) fn switch(&mut self, labels: &Labels) {
        self.positions = labels
            .iter()
            .map(|name| self.expressions.position_or_insert(name))
            .collect();
    }

    /// Counts one frame. `mean_ms` holds sums until [`Self::finish`].
    pub(super) fn count(&mut self, judged: &Judged) {
        self.frames += 1;
        self.frames_with_face += u64::from(!judged.faces.is_empty());
        self.faces += judged.faces.len() as u64;
        for face in &judged.faces {
            // Ids ascend from 1.
            self.tracks = self.tracks.max(face.track_id);
            let label_index = face.shown.label_index;
            let position = label_index.and_then(|index| self.positions.get(index));
            match position.and_then(|&position| self.expressions.get_mut(position)) {
                Some(count) => *count += 1,
                None => self.uncertain += 1,
            }
        }
        self.detector_runs += u64::from(judged.detect_time.is_some());
        self.mean_ms.detect += milliseconds(judged.detect_time.unwrap_or_default());
        self.mean_ms.track += milliseconds(judged.track_time);
        self.mean_ms.classify += milliseconds(judged.classify_time + judged.smooth_time);
    }

    /// Closes the account.
    pub(super) fn finish(&mut self, dropped: Dropped, work: &Work, elapsed: Duration) {
        let frames = self.frames.max(1) as f64;
        let mean = |sum: f64| (sum / frames * 1000.0).round() / 1000.0;
        self.mean_ms = StageMs {
            detect: mean(self.mean_ms.detect),
            track: mean(self.mean_ms.track),
            classify: mean(self.mean_ms.classify),
        };
        self.dropped = dropped;
        self.shed = Shed {
            reduced: work.reduced(),
            skipped: work.skipped(),
        };
        self.elapsed_ms = elapsed.as_millis() as u64;
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::selftest::example;

    #[test]
    fn counts_stay_under_their_names_when_labels_change() {
        let first = Labels::new(["happy", "sad"]).unwrap();
        let second = Labels::new(["calm", "happy"]).unwrap();
        let mut totals = Totals::new(&first);
        totals.count(&example(&first, 0));
        totals.switch(&second);
        totals.count(&example(&second, 0));
        totals.count(&example(&second, 1));
        totals.switch(&first);
        totals.count(&example(&first, 1));
        let counts: Vec<_> = totals.expressions.iter().collect();
        assert_eq!(counts, [("happy", &2), ("sad", &1), ("calm", &1)]);
        assert_eq!(totals.faces, 4);
    }
}
