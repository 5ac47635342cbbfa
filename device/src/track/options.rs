//! The configuration's `[tracking]` section.

use serde::{Deserialize, Serialize};

/// When to look for faces and how long to believe in them. What the section leaves out keeps its
/// default; unknown keys are errors.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct TrackingOptions {
    /// The detector looks at every this many frames, 1 and up; earlier, though at most once
    /// between two regular looks, when a face gets lost, comes back or is new. 1 is every frame.
    pub detect_every_frames: u32,
    /// The detector looks at a frame at least this often, milliseconds: for slow sources.
    pub detect_every_ms: u32,
    /// A face is followed while what is seen correlates with it at least so well, 0..=1.
    pub min_correlation: f32,
    /// How long a face is followed without the detector seeing it, milliseconds.
    pub follow_ms: u32,
    /// How long a face that is out of sight is remembered, milliseconds.
    pub memory_ms: u32,
}

impl Default for TrackingOptions {
    fn default() -> Self {
        Self {
            detect_every_frames: 6,
            detect_every_ms: 1000,
            min_correlation: 0.7,
            follow_ms: 1000,
            memory_ms: 3000,
        }
    }
}

/// Longest time an option may name, milliseconds.
const MAX_MS: u32 = 60_000;

impl TrackingOptions {
    /// Checks the ranges.
    ///
    /// # Errors
    /// One line that names the key, what it is and what it may be.
    pub fn validate(&self) -> Result<(), String> {
        let frames = self.detect_every_frames;
        if !(1..=1000).contains(&frames) {
            return Err(format!(
                "[tracking] detect_every_frames is {frames}; it must be 1 to 1000"
            ));
        }
        let correlation = self.min_correlation;
        if !(0.0..=1.0).contains(&correlation) {
            return Err(format!(
                "[tracking] min_correlation is {correlation}; it must be 0 to 1"
            ));
        }
        for (key, value) in [
            ("detect_every_ms", self.detect_every_ms),
            ("follow_ms", self.follow_ms),
            ("memory_ms", self.memory_ms),
        ] {
            if value > MAX_MS {
                return Err(format!(
                    "[tracking] {key} is {value}; it must be 0 to {MAX_MS}"
                ));
            }
        }
        Ok(())
    }
}
