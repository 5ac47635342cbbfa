//! From judged frames to visits: plain arithmetic on the source's time, in bounded memory.
//!
//! A visit is one followed face, from its first sighting to its last. The time from one sighting to
//! the next belongs to the expression shown at the first of them, at most [`MAX_GAP_MS`] of it; what
//! is beyond counts as out of sight. So the parts always add up to the whole.

use std::sync::Arc;

use mien_models::label::MAX_LABELS;

use crate::pipeline::stages::JudgedFace;
use crate::track::MAX_TRACKS;

/// Longest time between two sightings that belongs to an expression.
pub const MAX_GAP_MS: u64 = 1000;
/// Most visits that are open at a time: those in sight and as many that may come back.
pub const MAX_OPEN: usize = 2 * MAX_TRACKS;

/// Milliseconds for every label.
pub type PerLabelMs = heapless::Vec<u64, MAX_LABELS>;

/// One person's time in front of the camera; nobody is recognized, so who comes back is new.
#[derive(Clone, Debug, PartialEq)]
pub struct Visit {
    /// Microseconds from the boot to the first sighting, one more where two begin at once: a
    /// boot's visits in their order, and unique among them.
    pub sequence: u64,
    /// From the first sighting to the last.
    pub duration_ms: u64,
    /// Names of the expressions: those of the model that judged it.
    pub labels: Arc<[String]>,
    /// Time that each expression was shown, in the model's order.
    pub shown_ms: PerLabelMs,
    /// Time that the expression was uncertain.
    pub uncertain_ms: u64,
    /// Time out of sight in between.
    pub unseen_ms: u64,
    /// The expression shown longest, of equals the model's first; `None` if none was shown.
    pub expression: Option<usize>,
    /// Mean probability, 0..=1, of the expressions while they were shown.
    pub confidence: Option<f64>,
}

impl Visit {
    /// Name of the expression shown longest.
    pub fn expression_name(&self) -> Option<&str> {
        self.labels.get(self.expression?).map(String::as_str)
    }
}

/// When a visit counts and when it is over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct VisitOptions {
    /// Least duration, milliseconds.
    pub min_dwell_ms: u64,
    /// How long the tracker remembers a face out of sight, milliseconds.
    pub memory_ms: u64,
}

/// A face that is here or may come back.
#[derive(Clone, Debug)]
struct Open {
    track_id: u64,
    seen_ms: u64,
    /// What was shown at the last sighting, and its probability.
    label_index: Option<usize>,
    probability: f64,
    /// Sum of probability times milliseconds.
    certainty_ms: f64,
    visit: Visit,
}

/// All open visits.
#[derive(Clone, Debug)]
pub struct Visits {
    options: VisitOptions,
    labels: Arc<[String]>,
    open: heapless::Vec<Open, MAX_OPEN>,
    last_sequence: u64,
    now_ms: u64,
}

impl Visits {
    /// Nobody is here. `labels` are the model's; of more than [`MAX_LABELS`] the first count.
    pub fn new(options: VisitOptions, labels: Arc<[String]>) -> Self {
        Self {
            options,
            labels,
            open: heapless::Vec::new(),
            last_sequence: 0,
            now_ms: 0,
        }
    }

    /// From now on the model has these labels, which are others: whoever is here begins anew.
    /// Call [`Self::end`] before.
    pub fn set_labels(&mut self, labels: Arc<[String]>) {
        self.open.clear();
        self.labels = labels;
    }

    /// Takes in a frame's faces at the source's time and the time since the boot, and returns the
    /// visits that are over now. Where the source's time goes back, no time passes.
    pub fn update(&mut self, faces: &[JudgedFace], timestamp_ms: u64, boot_us: u64) -> Vec<Visit> {
        let passed_ms = timestamp_ms.saturating_sub(self.now_ms);
        self.now_ms = timestamp_ms;
        let mut ended = Vec::new();
        for face in faces {
            ended.extend(self.see(face, timestamp_ms, boot_us));
        }
        // As the tracker does: a single long step between two frames makes nobody leave.
        let memory_ms = self.options.memory_ms.max(passed_ms);
        let min_dwell_ms = self.options.min_dwell_ms;
        self.open.retain_mut(|open| {
            open.seen_ms = open.seen_ms.min(timestamp_ms);
            let is_over = timestamp_ms - open.seen_ms > memory_ms;
            if is_over {
                ended.extend(open.counted(min_dwell_ms));
            }
            !is_over
        });
        ended
    }

    /// Everybody is gone: the camera was lost or the run is over.
    pub fn end(&mut self) -> Vec<Visit> {
        let ended = self.current().collect();
        self.open.clear();
        ended
    }

    /// The open visits that last long enough to count, as they are so far.
    pub fn current(&self) -> impl Iterator<Item = Visit> {
        let min_dwell_ms = self.options.min_dwell_ms;
        let counted = move |open: &Open| open.counted(min_dwell_ms);
        self.open.iter().filter_map(counted)
    }

    /// One sighting; returns a visit that had to make room.
    fn see(&mut self, face: &JudgedFace, now_ms: u64, boot_us: u64) -> Option<Visit> {
        let label_index = face
            .shown
            .label_index
            .filter(|&index| index < self.labels.len().min(MAX_LABELS));
        let probability = label_index.and_then(|index| face.shown.probabilities.get(index));
        let probability = probability.copied().map_or(0.0, f64::from);
        let mut pushed_out = None;
        let known = self.open.iter_mut().find(|o| o.track_id == face.track_id);
        let open = match known {
            Some(open) => {
                open.pass(now_ms);
                open
            }
            None => {
                if self.open.is_full() {
                    let oldest = (0..self.open.len()).min_by_key(|&i| self.open[i].seen_ms)?;
                    pushed_out = self.open.remove(oldest).counted(self.options.min_dwell_ms);
                }
                self.last_sequence = boot_us.max(self.last_sequence + 1);
                let labels = Arc::clone(&self.labels);
                let new = Open::new(face.track_id, self.last_sequence, now_ms, labels);
                // There is room: see above.
                let _ = self.open.push(new);
                self.open.last_mut()?
            }
        };
        open.label_index = label_index;
        open.probability = probability;
        pushed_out
    }
}

impl Open {
    fn new(track_id: u64, sequence: u64, now_ms: u64, labels: Arc<[String]>) -> Self {
        let count = labels.len().min(MAX_LABELS);
        Self {
            track_id,
            seen_ms: now_ms,
            label_index: None,
            probability: 0.0,
            certainty_ms: 0.0,
            visit: Visit {
                sequence,
                duration_ms: 0,
                shown_ms: std::iter::repeat_n(0, count).collect(),
                labels,
                uncertain_ms: 0,
                unseen_ms: 0,
                expression: None,
                confidence: None,
            },
        }
    }

    /// Credits the time since the last sighting.
    fn pass(&mut self, now_ms: u64) {
        let passed_ms = now_ms.saturating_sub(self.seen_ms);
        let credited_ms = passed_ms.min(MAX_GAP_MS);
        self.seen_ms = now_ms;
        self.visit.duration_ms += passed_ms;
        self.visit.unseen_ms += passed_ms - credited_ms;
        let shown_ms = self
            .label_index
            .map(|index| &mut self.visit.shown_ms[index]);
        match shown_ms {
            Some(shown_ms) => {
                *shown_ms += credited_ms;
                self.certainty_ms += self.probability * credited_ms as f64;
            }
            None => self.visit.uncertain_ms += credited_ms,
        }
    }

    /// The visit with its summary, if it lasted long enough.
    fn counted(&self, min_dwell_ms: u64) -> Option<Visit> {
        if self.visit.duration_ms < min_dwell_ms {
            return None;
        }
        let shown = self.visit.shown_ms.iter().copied().enumerate();
        let longest = shown.reduce(|best, next| if next.1 > best.1 { next } else { best });
        let total_ms: u64 = self.visit.shown_ms.iter().sum();
        Some(Visit {
            expression: longest.filter(|&(_, ms)| ms > 0).map(|(index, _)| index),
            confidence: (total_ms > 0).then(|| self.certainty_ms / total_ms as f64),
            ..self.visit.clone()
        })
    }
}
