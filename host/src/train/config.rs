//! config.toml of a run folder: all that is needed to go on with the run or to pack its weights.

use std::path::{Path, PathBuf};

use mien_models::label::Labels;
use serde::{Deserialize, Serialize};

use super::recipe::Recipe;
use crate::model_file;

/// A run's configuration.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RunConfig {
    /// The data set that was read.
    pub data: PathBuf,
    /// FERPlus's votes, where the recipe uses them and they are not in the data.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ferplus: Option<PathBuf>,
    /// Further data sets that will judge the model, whose pictures must not be trained on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evaluation: Vec<PathBuf>,
    /// The teacher pack, where the recipe distils.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub teacher: Option<PathBuf>,
    /// Where the weights started from, where not at random.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub init: Option<PathBuf>,
    /// The model's labels, in the order of its logits.
    pub labels: Vec<String>,
    /// Where the validation pictures come from.
    pub validation: String,
    /// How many peers train it; a step takes a batch for each.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub peers: u8,
    /// The recipe as it was used.
    pub recipe: Recipe,
}

fn one() -> u8 {
    1
}

fn is_one(peers: &u8) -> bool {
    *peers == 1
}

/// Why a run's configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// No config.toml, so not a run folder.
    #[error("{path} is not a run folder: {source}")]
    Read {
        /// The config file looked for.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It cannot be written.
    #[error("cannot write {path}: {source}")]
    Write {
        /// The config file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// Not a run's configuration.
    #[error("{path} is not a run's configuration: {why}")]
    Parse {
        /// The config file.
        path: PathBuf,
        /// Where and why.
        why: String,
    },
}

impl RunConfig {
    fn path(run: &Path) -> PathBuf {
        run.join("config.toml")
    }

    /// Reads `run/config.toml`.
    ///
    /// # Errors
    /// When it is missing or not valid.
    pub fn read(run: &Path) -> Result<Self, ConfigError> {
        let path = Self::path(run);
        let text = std::fs::read_to_string(&path).map_err(|source| ConfigError::Read {
            path: path.clone(),
            source,
        })?;
        toml::from_str(&text).map_err(|e| ConfigError::Parse {
            path,
            why: e.to_string(),
        })
    }

    /// Writes `run/config.toml`.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn write(&self, run: &Path) -> Result<(), ConfigError> {
        let path = Self::path(run);
        let text = toml::to_string(self).map_err(|e| ConfigError::Parse {
            path: path.clone(),
            why: e.to_string(),
        })?;
        model_file::write(&path, text.as_bytes())
            .map_err(|source| ConfigError::Write { path, source })
    }

    /// The labels as the model file has them.
    ///
    /// # Errors
    /// When they are not valid labels.
    pub fn labels(&self) -> Result<Labels, mien_models::label::LabelError> {
        Labels::new(self.labels.iter().map(String::as_str))
    }
}
