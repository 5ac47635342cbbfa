//! The configuration's `[counter]` section.

use serde::{Deserialize, Serialize};

/// What counts as a visit, and how it is kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct CounterOptions {
    /// Whether anything is counted at all.
    pub enabled: bool,
    /// A face that was followed for less is no visit, milliseconds.
    pub min_dwell_ms: u32,
    /// Time between two writes while somebody is here, seconds: what a power cut costs at most.
    pub commit_interval_s: u32,
    /// Age at which visits become sums by the hour, days.
    pub retention_days: u32,
}

impl Default for CounterOptions {
    fn default() -> Self {
        Self {
            enabled: false,
            min_dwell_ms: 1000,
            commit_interval_s: 5,
            retention_days: 90,
        }
    }
}

impl CounterOptions {
    /// Checks the ranges.
    ///
    /// # Errors
    /// One line that names the key, what it is and what it may be.
    pub fn validate(&self) -> Result<(), String> {
        for (key, value, [least, most]) in [
            ("min_dwell_ms", self.min_dwell_ms, [100, 3_600_000]),
            ("commit_interval_s", self.commit_interval_s, [1, 3600]),
            ("retention_days", self.retention_days, [1, 36_500]),
        ] {
            if !(least..=most).contains(&value) {
                return Err(format!(
                    "[counter] {key} is {value}; it must be {least} to {most}"
                ));
            }
        }
        Ok(())
    }
}
