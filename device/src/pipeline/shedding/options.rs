//! The configuration's `[shedding]` section.

use serde::{Deserialize, Serialize};

/// What must not be missed for the sake of the rest. What the section leaves out keeps its
/// default; unknown keys are errors.
#[derive(Clone, Copy, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct SheddingOptions {
    /// Frames a second that are to be judged, if the camera gives as many; 0 is as many as it may
    /// be.
    pub target_fps: f32,
    /// Temperature of the hottest sensor from which on less is done, degrees Celsius; 0 is never.
    pub max_temperature_c: f32,
}

impl Default for SheddingOptions {
    /// A Pi slows itself down from 80 degrees on.
    fn default() -> Self {
        Self {
            target_fps: 10.0,
            max_temperature_c: 78.0,
        }
    }
}

impl SheddingOptions {
    /// Nothing is ever left out.
    pub const OFF: Self = Self {
        target_fps: 0.0,
        max_temperature_c: 0.0,
    };

    /// Checks the ranges.
    ///
    /// # Errors
    /// One line that names the key, what it is and what it may be.
    pub fn validate(&self) -> Result<(), String> {
        let range = |key: &str, value: f32, most: f32| {
            if (0.0..=most).contains(&value) {
                return Ok(());
            }
            Err(format!(
                "[shedding] {key} is {value}; it must be 0 to {most}"
            ))
        };
        range("target_fps", self.target_fps, 240.0)?;
        range("max_temperature_c", self.max_temperature_c, 120.0)
    }
}
