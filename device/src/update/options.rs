//! The configuration's `[updates]` section.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// Whose models are run, and how new ones are tried. What the section leaves out keeps its default;
/// unknown keys are errors.
#[derive(Clone, Debug, PartialEq, Deserialize, Serialize)]
#[serde(default, deny_unknown_fields)]
pub struct UpdateOptions {
    /// Public keys whose signatures count: files that `mien keygen` wrote, or their middle line.
    pub trusted_keys: Vec<String>,
    /// Whether models that nobody trusted has signed are run and installed, too.
    pub allow_unsigned: bool,
    /// How long a new model must run without a fault until it is confirmed, seconds.
    pub trial_s: u32,
    /// Starts within the trial that are allowed; one more is a crash loop.
    pub max_starts: u32,
    /// Folders in which a start looks for models, in `mien/` and in `*/mien/`: where cards and
    /// sticks are mounted.
    pub pickup_folders: Vec<PathBuf>,
}

impl Default for UpdateOptions {
    fn default() -> Self {
        Self {
            trusted_keys: Vec::new(),
            allow_unsigned: false,
            trial_s: 120,
            max_starts: 3,
            pickup_folders: vec!["/boot/firmware".into(), "/media".into()],
        }
    }
}

/// Most keys at a time: one in use, one to come, and some for a fleet with several owners.
const MAX_KEYS: usize = 8;

impl UpdateOptions {
    /// Checks the ranges.
    ///
    /// # Errors
    /// One line that names the key, what it is and what it may be.
    pub fn validate(&self) -> Result<(), String> {
        for (key, value, most) in [
            ("trial_s", self.trial_s, 86_400),
            ("max_starts", self.max_starts, 100),
        ] {
            if !(1..=most).contains(&value) {
                return Err(format!(
                    "[updates] {key} is {value}; it must be 1 to {most}"
                ));
            }
        }
        let keys = self.trusted_keys.len();
        if keys > MAX_KEYS {
            return Err(format!(
                "[updates] trusted_keys has {keys} keys; it may have {MAX_KEYS}"
            ));
        }
        Ok(())
    }
}
