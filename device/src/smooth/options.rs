//! The configuration's `[smoothing]` section.

use serde::{Deserialize, Serialize};

/// How steady an expression must be to be shown. What the section leaves out keeps its default;
/// unknown keys are errors.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SmoothingOptions {
    /// Time constant of the exponential average over the network's outputs, milliseconds; 0 is
    /// no average.
    pub time_constant_ms: u32,
    /// By how much another expression's probability must exceed the shown one's, 0..=1; likewise
    /// what it takes above `uncertain_below` to be certain again.
    pub hysteresis: f32,
    /// How long an expression stays at least, milliseconds.
    pub min_dwell_ms: u32,
    /// The verdict is "uncertain" while the likeliest expression's calibrated probability is
    /// below this, 0..=1; 0 is never.
    pub uncertain_below: f32,
}

impl Default for SmoothingOptions {
    fn default() -> Self {
        Self {
            time_constant_ms: 300,
            hysteresis: 0.1,
            min_dwell_ms: 400,
            uncertain_below: 0.4,
        }
    }
}

/// Longest time an option may name, milliseconds.
const MAX_MS: u32 = 60_000;

impl SmoothingOptions {
    /// Shows every verdict as it is.
    pub const OFF: Self = Self {
        time_constant_ms: 0,
        hysteresis: 0.0,
        min_dwell_ms: 0,
        uncertain_below: 0.0,
    };

    /// Checks the ranges.
    ///
    /// # Errors
    /// One line that names the key, what it is and what it may be.
    pub fn validate(&self) -> Result<(), String> {
        for (key, value) in [
            ("hysteresis", self.hysteresis),
            ("uncertain_below", self.uncertain_below),
        ] {
            if !(0.0..=1.0).contains(&value) {
                return Err(format!("[smoothing] {key} is {value}; it must be 0 to 1"));
            }
        }
        let certain_from = self.uncertain_below + self.hysteresis;
        if certain_from > 1.0 {
            return Err(format!(
                "[smoothing] uncertain_below and hysteresis are {certain_from} together; \
                 nothing would ever be certain above 1"
            ));
        }
        for (key, value) in [
            ("time_constant_ms", self.time_constant_ms),
            ("min_dwell_ms", self.min_dwell_ms),
        ] {
            if value > MAX_MS {
                return Err(format!(
                    "[smoothing] {key} is {value}; it must be 0 to {MAX_MS}"
                ));
            }
        }
        Ok(())
    }
}
