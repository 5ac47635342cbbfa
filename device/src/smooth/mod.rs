//! From a verdict a frame to one a person can read: per track an exponential average of the
//! network's outputs, then an expression that only changes for a clear reason and not too often,
//! and that is none while the network is not sure.
//!
//! Time is the source's, so that the result does not depend on the frame rate.

mod options;

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

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const OPTIONS: SmoothingOptions = SmoothingOptions {
        time_constant_ms: 300,
        hysteresis: 0.1,
        min_dwell_ms: 400,
        uncertain_below: 0.4,
    };

    /// Logits whose softmax is `probabilities`.
    fn logits(probabilities: &[f32]) -> PerLabel {
        probabilities.iter().map(|p| p.ln()).collect()
    }

    #[test]
    fn a_first_verdict_is_shown_as_it_is() {
        let mut smoother = Smoother::new(OPTIONS, 1.0);
        let shown = smoother.update(1, 0, &logits(&[0.2, 0.5, 0.3]));
        assert_eq!(shown.label_index, Some(1));
        assert!((shown.probabilities[1] - 0.5).abs() < 1e-6);
        let shown = smoother.update(2, 0, &logits(&[0.35, 0.3, 0.35]));
        assert_eq!(shown.label_index, None, "below the threshold");
    }

    #[test]
    fn a_step_is_followed_at_the_time_constant_whatever_the_frame_rate() {
        for step_ms in [10, 50, 100] {
            let mut smoother = Smoother::new(OPTIONS, 1.0);
            let mut shown = smoother.update(1, 0, &PerLabel::from_slice(&[0.0, 0.0]).unwrap());
            for at_ms in (step_ms..=300).step_by(step_ms) {
                let one = PerLabel::from_slice(&[1.0, 0.0]).unwrap();
                shown = smoother.update(1, at_ms as u64, &one);
            }
            let average = (shown.probabilities[0] / shown.probabilities[1]).ln();
            let expected = 1.0 - (-1.0_f32).exp();
            assert!((average - expected).abs() < 1e-4, "{step_ms} ms: {average}");
        }
    }

    #[test]
    fn a_change_takes_a_margin_and_a_dwell() {
        let options = SmoothingOptions {
            time_constant_ms: 0,
            ..OPTIONS
        };
        let mut smoother = Smoother::new(options, 1.0);
        let mut at = |ms, p: &[f32]| smoother.update(1, ms, &logits(p)).label_index;
        assert_eq!(at(0, &[0.6, 0.4]), Some(0));
        assert_eq!(at(100, &[0.2, 0.8]), Some(0), "too early");
        assert_eq!(at(500, &[0.46, 0.54]), Some(0), "too little");
        assert_eq!(at(600, &[0.2, 0.8]), Some(1));
        assert_eq!(at(900, &[0.9, 0.1]), Some(1), "too early again");
        assert_eq!(at(1000, &[0.9, 0.1]), Some(0));
    }

    #[test]
    fn certain_again_takes_more_than_the_threshold() {
        let options = SmoothingOptions {
            time_constant_ms: 0,
            min_dwell_ms: 0,
            ..OPTIONS
        };
        let mut smoother = Smoother::new(options, 1.0);
        let mut at = |ms, p: &[f32]| smoother.update(1, ms, &logits(p)).label_index;
        assert_eq!(at(0, &[0.45, 0.3, 0.25]), Some(0));
        assert_eq!(at(1, &[0.38, 0.32, 0.3]), None);
        assert_eq!(at(2, &[0.45, 0.3, 0.25]), None);
        assert_eq!(at(3, &[0.25, 0.52, 0.23]), Some(1));
    }

    #[test]
    fn ranges_are_checked() {
        assert_eq!(SmoothingOptions::default().validate(), Ok(()));
        assert_eq!(SmoothingOptions::OFF.validate(), Ok(()));
        for (options, named) in [
            (
                SmoothingOptions {
                    hysteresis: f32::NAN,
                    ..OPTIONS
                },
                "hysteresis is NaN",
            ),
            (
                SmoothingOptions {
                    uncertain_below: 0.95,
                    ..OPTIONS
                },
                "together",
            ),
            (
                SmoothingOptions {
                    min_dwell_ms: 60_001,
                    ..OPTIONS
                },
                "min_dwell_ms is 60001",
            ),
        ] {
            let error = options.validate().unwrap_err();
            assert!(
                error.starts_with("[smoothing] ") && error.contains(named),
                "{error}"
            );
        }
    }

    proptest! {
        #[test]
        fn whatever_comes_the_result_is_defined(
            steps in prop::collection::vec(
                (0_u64..40, 0_u64..5000, prop::collection::vec(any::<f32>(), 3)), 1..200),
            temperature in 0.1_f32..5.0,
        ) {
            let mut smoother = Smoother::new(OPTIONS, temperature);
            for (id, timestamp_ms, values) in steps {
                let logits = PerLabel::from_slice(&values).unwrap();
                let shown = smoother.update(id, timestamp_ms, &logits);
                prop_assert_eq!(shown.probabilities.len(), 3);
                let sum: f32 = shown.probabilities.iter().sum();
                prop_assert!((sum - 1.0).abs() < 1e-3, "{:?}", shown);
                prop_assert!(smoother.states.len() <= MAX_TRACKS);
            }
        }
    }
}
