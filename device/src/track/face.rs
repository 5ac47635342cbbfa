//! One followed face: its motion, its looks and whether it is in sight.

use mien_models::plane::GrayView;

use super::bounds::{Bounds, nearest_between};
use super::kalman::Axis;
use super::looks::Looks;
use super::patch::SIDE;
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
    looks: Looks,
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
        Self {
            id,
            is_visible: true,
            seen_ms: now_ms,
            detected_ms: now_ms,
            correlation: 1.0,
            detections: 1,
            axes: axes_at(bounds),
            score: detection.score,
            landmarks: shares(detection, bounds),
            seen_at: bounds.center,
            looks: Looks::new(view, bounds),
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
            let found = self.looks.find_again(view, &bounds);
            return match found {
                Some(found) if found.correlation >= RETURN_CORRELATION => Followed::PerhapsBack,
                _ => Followed::AsBefore,
            };
        }
        let found = self.looks.find(view, &bounds, reach_cells(dt_s));
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
        if self.is_visible {
            let stds = [
                DETECTED_STD,
                DETECTED_STD,
                DETECTED_SIZE_STD,
                DETECTED_SIZE_STD,
            ];
            let ([x, y], [width, height]) = (bounds.center, bounds.size);
            for ((axis, at), std) in self.axes.iter_mut().zip([x, y, width, height]).zip(stds) {
                axis.measure(at, std * bounds.side());
            }
            self.keep_sizes_sound(view);
        } else {
            // Which way it went meanwhile is not known: it begins anew where it is.
            self.axes = axes_at(bounds);
        }
        self.score = detection.score;
        self.landmarks = shares(detection, bounds);
        self.detections = self.detections.saturating_add(1);
        self.detected_ms = now_ms;
        self.correlation = 1.0;
        let bounds = self.bounds();
        self.looks.remember(view, &bounds);
        self.seen(now_ms);
    }

    /// How alike the face and what is inside `bounds` look, -1..=1; 0 if either is of one gray.
    pub fn likeness(&self, view: &GrayView<'_>, bounds: &Bounds) -> f32 {
        self.looks.likeness(view, bounds)
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

/// At rest where a detection is, as far as known.
fn axes_at(bounds: &Bounds) -> [Axis; 4] {
    let side = bounds.side();
    let place = |at| Axis::new(at, DETECTED_STD * side, START_SPEED * side);
    let size = |at| Axis::new(at, DETECTED_SIZE_STD * side, START_GROWTH * side);
    let ([x, y], [width, height]) = (bounds.center, bounds.size);
    [place(x), place(y), size(width), size(height)]
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
