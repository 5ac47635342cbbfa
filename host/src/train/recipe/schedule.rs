//! Update rule and learning rate.

use serde::{Deserialize, Serialize};

/// Update rule.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, tag = "kind")]
pub enum Optimizer {
    /// Stochastic gradient descent.
    Sgd {
        /// Share of the last update that goes on.
        momentum: f64,
        /// Look ahead (Nesterov).
        nesterov: bool,
        /// L2 penalty on convolution and dense weights, not on biases and BatchNorm.
        weight_decay: f64,
    },
    /// Adam (Kingma & Ba 2015).
    Adam {
        /// Decay of the first moment.
        beta_1: f64,
        /// Decay of the second moment.
        beta_2: f64,
        /// Added to the denominator.
        epsilon: f64,
        /// L2 penalty on convolution and dense weights.
        #[serde(default)]
        weight_decay: f64,
    },
}

impl Optimizer {
    /// The L2 penalty.
    pub fn weight_decay(self) -> f64 {
        match self {
            Self::Sgd { weight_decay, .. } | Self::Adam { weight_decay, .. } => weight_decay,
        }
    }
}

/// Learning rate over time.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, tag = "kind")]
pub enum Schedule {
    /// The same throughout.
    Constant {
        /// Learning rate.
        learning_rate: f64,
    },
    /// Linear rise, then half a cosine down to 0 (Loshchilov & Hutter 2017, without restarts).
    Cosine {
        /// Highest learning rate.
        learning_rate: f64,
        /// Epochs of linear rise.
        warmup_epochs: f64,
    },
}

impl Schedule {
    /// Learning rate at `progress` epochs (fractions count steps) of `epochs`.
    pub fn learning_rate(self, progress: f64, epochs: f64) -> f64 {
        match self {
            Self::Constant { learning_rate } => learning_rate,
            Self::Cosine {
                learning_rate,
                warmup_epochs,
            } if progress < warmup_epochs => learning_rate * progress / warmup_epochs,
            Self::Cosine {
                learning_rate,
                warmup_epochs,
            } => {
                let t =
                    (progress - warmup_epochs) / (epochs - warmup_epochs).max(f64::MIN_POSITIVE);
                learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * t.min(1.0)).cos())
            }
        }
    }
}
