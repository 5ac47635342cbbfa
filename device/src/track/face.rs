//! One followed face: its motion, its looks and whether it is in sight.

use mien_models::plane::GrayView;

use super::bounds::{Bounds, nearest_between};
use super::kalman::Axis;
use super::patch::{MAX_REACH, Patch, SIDE};
use super::{Track, TrackingOptions};
use crate::detect::Detection;

/// How heads move, in faces: spectral density of their acceleration, faces²/s³. A third of a
/// second from rest to three faces a second.
const ACCELERATION: f32 = 10.0;
/// The same of their size, which only changes as they come nearer.
const GROWTH: f32 = 0.1;
/// Fastest start, faces a second (standard deviation), of place and of size.
const START_SPEED: f32 = 2.0;
const START_GROWTH: f32 = 0.2;
/// How far detections are off, faces (standard deviation): place and size.
const DETECTED_STD: f32 = 0.06;
const DETECTED_SIZE_STD: f32 = 0.1;
/// How far the correlation's place is off, faces.
const FOLLOWED_STD: f32 = 0.02;
/// A face that was out of sight must look as before, to be believed without the detector.
const RETURN_CORRELATION: f32 = 0.75;
/// How fast the lasting picture of a face takes on new looks, and how alike they must be: what
/// covers a face must not become part of it.
const MEMORY_WEIGHT: f32 = 0.2;
const MEMORY_CORRELATION: f32 = 0.7;
/// Looks are compared at these sizes, because detectors differ from frame to frame.
const COMPARED_SIZES: [f32; 3] = [1.0, 0.88, 1.14];
/// Cells that a detection may lie off for that comparison.
const COMPARED_REACH: usize = 3;

/// What following a face for one frame came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Followed {
    /// Nothing changed: in sight before and now, or out of sight before and now.
    AsBefore,
    /// It was in sight and is no more.
    Lost,
    /// It was out of sight, and something looks like it.
    PerhapsBack,
}

/// A face and what is known of it.
#[derive(Clone, Debug)]
pub struct Face {
    /// Given once, never again.
    pub id: u64,
    /// Whether it was seen in this frame, by the detector or by correlation.
    pub is_visible: bool,
    /// When it was seen last, in the source's milliseconds.
    pub seen_ms: u64,
    /// When the detector saw it last.
    pub detected_ms: u64,
    /// How well this frame's picture fits, -1..=1; of a detected face 1.
    pub correlation: f32,
    /// How often the detector saw it.
    pub detections: u32,
    /// Centre x and y, width, height.
    axes: [Axis; 4],
    /// The detector's last score.
    score: f32,
    /// The detector's last landmarks, as shares of the box.
    landmarks: Option<[[f32; 2]; 5]>,
    /// Where it was seen last.
    seen_at: [f32; 2],
    /// Looks at the last detection, and over time.
    recent: Option<Patch>,
    lasting: Option<Patch>,
}

impl Face {
    /// A face that the detector sees for the first time.
    pub fn new(
        id: u64,
        detection: &Detection,
        bounds: &Bounds,
        view: &GrayView<'_>,
        now_ms: u64,
    ) -> Self {
        let side = bounds.side();
        let place = |at| Axis::new(at, DETECTED_STD * side, START_SPEED * side);
        let size = |at| Axis::new(at, DETECTED_SIZE_STD * side, START_GROWTH * side);
        let [x, y] = bounds.center;
        let [width, height] = bounds.size;
        let patch = Patch::cut(view, bounds);
        Self {
            id,
            is_visible: true,
            seen_ms: now_ms,
            detected_ms: now_ms,
            correlation: 1.0,
            detections: 1,
            axes: [place(x), place(y), size(width), size(height)],
            score: detection.score,
            landmarks: shares(detection, bounds),
            seen_at: bounds.center,
            recent: patch.clone(),
            lasting: patch,
        }
    }

    /// Where it is thought to be.
    pub fn bounds(&self) -> Bounds {
        let [x, y, width, height] = self.axes.map(|axis| axis.position);
        Bounds {
            center: [x, y],
            size: [width, height],
        }
    }

    /// Where it may be, nearest to `point`: in sight at its place, out of sight anywhere between
    /// where it was seen last and where it was going.
    pub fn nearest_place(&self, point: [f32; 2]) -> [f32; 2] {
        let center = self.bounds().center;
        if self.is_visible {
            center
        } else {
            nearest_between(self.seen_at, center, point)
        }
    }

    /// How it is shown.
    pub fn track(&self) -> Track {
        let Bounds {
            center: [x, y],
            size: [width, height],
        } = self.bounds();
        let (left, top) = (x - width / 2.0, y - height / 2.0);
        let landmarks = self.landmarks.map(|points| {
            points.map(|[across, down]| [left + across * width, top + down * height])
        });
        Track {
            id: self.id,
            is_visible: self.is_visible,
            detection: Detection {
                x: left,
                y: top,
                width,
                height,
                score: self.score,
                landmarks,
            },
        }
    }

    /// Lets `dt_s` seconds pass and looks for the face near where it should be.
    pub fn follow(
        &mut self,
        view: &GrayView<'_>,
        dt_s: f32,
        now_ms: u64,
        options: &TrackingOptions,
    ) -> Followed {
        self.predict(view, dt_s);
        let bounds = self.bounds();
        if !self.is_visible {
            let found = self
                .lasting
                .as_ref()
                .map(|patch| patch.find(view, &bounds, MAX_REACH));
            return match found {
                Some(found) if found.correlation >= RETURN_CORRELATION => Followed::PerhapsBack,
                _ => Followed::AsBefore,
            };
        }
        let found = self
            .recent
            .as_ref()
            .map(|patch| patch.find(view, &bounds, reach_cells(dt_s)));
        self.correlation = found.map_or(0.0, |found| found.correlation);
        let unconfirmed_ms = now_ms.saturating_sub(self.detected_ms);
        match found {
            Some(found)
                if found.correlation >= options.min_correlation
                    && unconfirmed_ms <= u64::from(options.follow_ms) =>
            {
                for (axis, at) in self.axes.iter_mut().zip(found.center) {
                    axis.measure(at, FOLLOWED_STD * bounds.side());
                }
                self.seen(now_ms);
                Followed::AsBefore
            }
            _ => {
                self.hide();
                Followed::Lost
            }
        }
    }

    /// The detector sees it.
    pub fn detected(
        &mut self,
        detection: &Detection,
        bounds: &Bounds,
        view: &GrayView<'_>,
        now_ms: u64,
    ) {
        let side = bounds.side();
        if !self.is_visible {
            // Where it went meanwhile is not known: it begins anew where it is.
            let known = Self::new(self.id, detection, bounds, view, now_ms);
            self.axes = known.axes;
        }
        let stds = [
            DETECTED_STD,
            DETECTED_STD,
            DETECTED_SIZE_STD,
            DETECTED_SIZE_STD,
        ];
        let measured = [bounds.center, bounds.size];
        for ((axis, at), std) in self.axes.iter_mut().zip(measured.as_flattened()).zip(stds) {
            axis.measure(*at, std * side);
        }
        self.keep_sizes_sound(view);
        self.score = detection.score;
        self.landmarks = shares(detection, bounds);
        self.detections = self.detections.saturating_add(1);
        self.detected_ms = now_ms;
        self.correlation = 1.0;
        self.remember(Patch::cut(view, &self.bounds()));
        self.seen(now_ms);
    }

    /// How alike the face and what is inside `bounds` look, -1..=1; 0 if either is of one gray.
    pub fn likeness(&self, view: &GrayView<'_>, bounds: &Bounds) -> f32 {
        let mut best: Option<f32> = None;
        for patch in [&self.recent, &self.lasting].into_iter().flatten() {
            for factor in COMPARED_SIZES {
                let bounds = Bounds {
                    size: bounds.size.map(|side| side * factor),
                    ..*bounds
                };
                let found = patch.find(view, &bounds, COMPARED_REACH).correlation;
                best = Some(best.map_or(found, |best| best.max(found)));
            }
        }
        best.unwrap_or(0.0)
    }

    /// It is out of sight: it may still move on, but no longer grow.
    pub fn hide(&mut self) {
        self.is_visible = false;
        self.axes[2].velocity = 0.0;
        self.axes[3].velocity = 0.0;
    }

    fn seen(&mut self, now_ms: u64) {
        self.is_visible = true;
        self.seen_ms = now_ms;
        self.seen_at = self.bounds().center;
    }

    fn remember(&mut self, patch: Option<Patch>) {
        if let (Some(lasting), Some(patch)) = (&self.lasting, &patch) {
            if lasting.correlation(patch) >= MEMORY_CORRELATION {
                self.lasting = lasting.mixed(patch, MEMORY_WEIGHT);
            }
        } else if self.lasting.is_none() {
            self.lasting.clone_from(&patch);
        }
        self.recent = patch;
    }

    fn predict(&mut self, view: &GrayView<'_>, dt_s: f32) {
        let area = self.bounds().side() * self.bounds().side();
        let [x, y, sizes @ ..] = &mut self.axes;
        for (axis, pixels) in [(x, view.width()), (y, view.height())] {
            axis.predict(dt_s, ACCELERATION * area);
            // Who leaves the picture comes back where he left it.
            let inside = axis.position.clamp(0.0, pixels as f32);
            if inside != axis.position {
                (axis.position, axis.velocity) = (inside, 0.0);
            }
        }
        if self.is_visible {
            sizes
                .iter_mut()
                .for_each(|axis| axis.predict(dt_s, GROWTH * area));
        }
        self.keep_sizes_sound(view);
    }

    fn keep_sizes_sound(&mut self, view: &GrayView<'_>) {
        let largest = 2.0 * view.width().max(view.height()) as f32;
        for axis in &mut self.axes[2..] {
            axis.position = axis.position.clamp(1.0, largest);
        }
    }
}

/// How far a face may have moved against what was expected, in cells.
fn reach_cells(dt_s: f32) -> usize {
    ((0.12 + 2.0 * dt_s) * SIDE as f32).ceil() as usize
}

fn shares(detection: &Detection, bounds: &Bounds) -> Option<[[f32; 2]; 5]> {
    detection.landmarks.map(|points| {
        points.map(|[x, y]| {
            [
                (x - detection.x) / bounds.size[0],
                (y - detection.y) / bounds.size[1],
            ]
        })
    })
}
