//! From a verdict a frame to one a person can read: per track an exponential average of the
//! network's outputs, then an expression that only changes for a clear reason and not too often,
//! and that is none while the network is not sure.
//!
//! Time is the source's, so that the result does not depend on the frame rate.

mod options;
#[cfg(test)]
mod tests;

pub use options::SmoothingOptions;

use crate::classify::{PerLabel, softmax};
use crate::track::MAX_TRACKS;

/// No network says more than this; a larger output is a fault.
const MAX_LOGIT: f32 = 1e6;

/// What is shown of a face.
#[derive(Clone, Debug, PartialEq)]
pub struct Shown {
    /// Index of the expression; `None` while uncertain.
    pub label_index: Option<usize>,
    /// Probability of every label, from the averaged outputs; sum 1.
    pub probabilities: PerLabel,
}

/// What is known of one track.
#[derive(Clone, Debug)]
struct State {
    id: u64,
    logits: PerLabel,
    label_index: Option<usize>,
    changed_ms: u64,
    updated_ms: u64,
}

/// Smooths verdicts track by track. Bounded: the track updated longest ago makes room.
#[derive(Clone, Debug)]
pub struct Smoother {
    options: SmoothingOptions,
    temperature: f32,
    states: heapless::Vec<State, MAX_TRACKS>,
}

impl Smoother {
    /// A smoother that has seen nothing. `temperature` (above 0) is the model's. The options are
    /// taken as they are; see [`SmoothingOptions::validate`].
    pub fn new(options: SmoothingOptions, temperature: f32) -> Self {
        Self {
            options,
            temperature,
            states: heapless::Vec::new(),
        }
    }

    /// Other options from now on; what is known of the tracks stays.
    pub fn set_options(&mut self, options: SmoothingOptions) {
        self.options = options;
    }

    /// The outputs come from another network, with this temperature (above 0): nothing is known of
    /// the tracks in its terms.
    pub fn set_temperature(&mut self, temperature: f32) {
        self.temperature = temperature;
        self.states.clear();
    }

    /// Takes in the network's outputs for a track at the source's time and returns what to show.
    /// The first ones of a track are shown as they are. Outputs that are not numbers, or not as
    /// many as before, change nothing; a track without others is uncertain.
    pub fn update(&mut self, id: u64, timestamp_ms: u64, logits: &PerLabel) -> Shown {
        // False for NaN.
        let is_sound = logits.iter().all(|logit| logit.abs() <= MAX_LOGIT);
        let known = self.states.iter_mut().find(|state| state.id == id);
        match known {
            Some(state) => {
                if is_sound && state.logits.len() == logits.len() {
                    state.average(logits, timestamp_ms, &self.options);
                    let probabilities = softmax(&state.logits, self.temperature);
                    state.decide(&probabilities, timestamp_ms, &self.options);
                }
                Shown {
                    label_index: state.label_index,
                    probabilities: softmax(&state.logits, self.temperature),
                }
            }
            None if is_sound => self.begin(id, timestamp_ms, logits),
            None => Shown {
                label_index: None,
                probabilities: softmax(
                    &logits.iter().map(|_| 0.0).collect::<PerLabel>(),
                    self.temperature,
                ),
            },
        }
    }

    fn begin(&mut self, id: u64, timestamp_ms: u64, logits: &PerLabel) -> Shown {
        let probabilities = softmax(logits, self.temperature);
        let label_index = largest(&probabilities)
            .filter(|&(_, probability)| probability >= self.options.uncertain_below)
            .map(|(index, _)| index);
        if self.states.is_full() {
            let oldest = (0..self.states.len()).min_by_key(|&i| self.states[i].updated_ms);
            oldest.map(|index| self.states.remove(index));
        }
        // There is room: see above.
        let _ = self.states.push(State {
            id,
            logits: logits.clone(),
            label_index,
            changed_ms: timestamp_ms,
            updated_ms: timestamp_ms,
        });
        Shown {
            label_index,
            probabilities,
        }
    }
}

impl State {
    fn average(&mut self, logits: &PerLabel, now_ms: u64, options: &SmoothingOptions) {
        let passed_ms = now_ms.saturating_sub(self.updated_ms) as f32;
        let weight = match options.time_constant_ms {
            0 => 1.0,
            constant_ms => 1.0 - (-passed_ms / constant_ms as f32).exp(),
        };
        for (average, logit) in self.logits.iter_mut().zip(logits) {
            *average += weight * (logit - *average);
        }
        self.updated_ms = now_ms;
    }

    fn decide(&mut self, probabilities: &PerLabel, now_ms: u64, options: &SmoothingOptions) {
        let Some((best, most)) = largest(probabilities) else {
            return;
        };
        let wanted = match self.label_index {
            None => (most >= options.uncertain_below + options.hysteresis).then_some(best),
            Some(shown) => {
                let own = probabilities[shown];
                let (next, probability) = if most >= own + options.hysteresis {
                    (best, most)
                } else {
                    (shown, own)
                };
                (probability >= options.uncertain_below).then_some(next)
            }
        };
        let is_due = now_ms.saturating_sub(self.changed_ms) >= u64::from(options.min_dwell_ms);
        if wanted != self.label_index && is_due {
            self.label_index = wanted;
            self.changed_ms = now_ms;
        }
    }
}

/// The largest value, the first of equals, and where it is.
fn largest(values: &PerLabel) -> Option<(usize, f32)> {
    let indexed = values.iter().copied().enumerate();
    indexed.reduce(|best, next| if next.1 > best.1 { next } else { best })
}
