//! The configuration's `[camera]` section.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::child::Patience;

/// What to ask a camera for, and how long to wait for it. What the section leaves out keeps its
/// default; unknown keys are errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CameraOptions {
    /// Columns, 32 to 4096 pixels; the nearest that the camera has is taken. Videos that are
    /// wider are reduced to it.
    pub width_px: u32,
    /// Rows, 32 to 4096 pixels; likewise.
    pub height_px: u32,
    /// Frames per second, 1 to 240; likewise.
    pub frames_per_s: u32,
    /// How long the first frame may take, milliseconds.
    pub start_timeout_ms: u32,
    /// How long each further frame may take until the camera counts as lost, milliseconds.
    pub stall_timeout_ms: u32,
}

impl Default for CameraOptions {
    fn default() -> Self {
        Self {
            width_px: 640,
            height_px: 480,
            frames_per_s: 30,
            start_timeout_ms: 10_000,
            stall_timeout_ms: 3000,
        }
    }
}

/// Longest time an option may name, milliseconds.
const MAX_MS: u32 = 600_000;
/// Shortest; a camera at one frame a second is no lost one.
const MIN_MS: u32 = 100;

impl CameraOptions {
    /// `[width, height]` in pixels.
    pub fn size(&self) -> [u32; 2] {
        [self.width_px, self.height_px]
    }

    /// The timeouts.
    pub fn patience(&self) -> Patience {
        Patience {
            start: Duration::from_millis(self.start_timeout_ms.into()),
            stall: Duration::from_millis(self.stall_timeout_ms.into()),
        }
    }

    /// Checks the ranges.
    ///
    /// # Errors
    /// One line that names the key, what it is and what it may be.
    pub fn validate(&self) -> Result<(), String> {
        for (key, value, [least, most]) in [
            ("width_px", self.width_px, [32, 4096]),
            ("height_px", self.height_px, [32, 4096]),
            ("frames_per_s", self.frames_per_s, [1, 240]),
            ("start_timeout_ms", self.start_timeout_ms, [MIN_MS, MAX_MS]),
            ("stall_timeout_ms", self.stall_timeout_ms, [MIN_MS, MAX_MS]),
        ] {
            if !(least..=most).contains(&value) {
                return Err(format!(
                    "[camera] {key} is {value}; it must be {least} to {most}"
                ));
            }
        }
        Ok(())
    }
}
