//! Update rule and learning rate.

use serde::{Deserialize, Serialize};

use super::error::{RecipeError, range};

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
    /// Adam with decoupled weight decay (Loshchilov & Hutter 2019).
    Adamw {
        /// Decay of the first moment.
        #[serde(default = "beta_1")]
        beta_1: f64,
        /// Decay of the second moment.
        #[serde(default = "beta_2")]
        beta_2: f64,
        /// Added to the denominator.
        #[serde(default = "epsilon")]
        epsilon: f64,
        /// Every step takes this share times the learning rate off convolution and dense weights,
        /// not off biases and BatchNorm.
        weight_decay: f64,
    },
}

fn beta_1() -> f64 {
    0.9
}

fn beta_2() -> f64 {
    0.999
}

fn epsilon() -> f64 {
    1e-8
}

impl Optimizer {
    pub(super) fn check(self) -> Result<(), RecipeError> {
        let unit = |key, value| range(key, value, (0.0..1.0).contains(&value), "0..1");
        match self {
            Self::Sgd {
                momentum,
                weight_decay,
                ..
            } => {
                unit("optimizer.momentum", momentum)?;
                unit("optimizer.weight_decay", weight_decay)
            }
            Self::Adam {
                beta_1,
                beta_2,
                epsilon,
                weight_decay,
            }
            | Self::Adamw {
                beta_1,
                beta_2,
                epsilon,
                weight_decay,
            } => {
                unit("optimizer.beta_1", beta_1)?;
                unit("optimizer.beta_2", beta_2)?;
                let ok = epsilon > 0.0 && epsilon < 1.0;
                range("optimizer.epsilon", epsilon, ok, "above 0, below 1")?;
                unit("optimizer.weight_decay", weight_decay)
            }
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
    /// Lower after every few epochs in which the validation loss has not fallen.
    Plateau {
        /// Learning rate at the start.
        learning_rate: f64,
        /// Epochs of linear rise.
        #[serde(default)]
        warmup_epochs: f64,
        /// What a reduction multiplies the learning rate by, 0..1.
        factor: f64,
        /// Epochs without a lower validation loss before a reduction.
        patience_epochs: usize,
        /// Never lower than this.
        #[serde(default)]
        min_learning_rate: f64,
    },
}

impl Schedule {
    /// Learning rate at `progress` epochs (fractions count steps) of `epochs`, after so many
    /// `reductions` by a plateau.
    pub fn learning_rate(self, progress: f64, epochs: f64, reductions: u32) -> f64 {
        match self {
            Self::Constant { learning_rate } => learning_rate,
            Self::Cosine {
                learning_rate,
                warmup_epochs,
            }
            | Self::Plateau {
                learning_rate,
                warmup_epochs,
                ..
            } if progress < warmup_epochs => learning_rate * progress / warmup_epochs,
            Self::Cosine {
                learning_rate,
                warmup_epochs,
            } => {
                let t =
                    (progress - warmup_epochs) / (epochs - warmup_epochs).max(f64::MIN_POSITIVE);
                learning_rate * 0.5 * (1.0 + (std::f64::consts::PI * t.min(1.0)).cos())
            }
            Self::Plateau {
                learning_rate,
                factor,
                min_learning_rate,
                ..
            } => {
                let reduced = (0..reductions).fold(learning_rate, |rate, _| rate * factor);
                reduced.max(min_learning_rate)
            }
        }
    }

    /// The highest learning rate.
    pub fn highest(self) -> f64 {
        match self {
            Self::Constant { learning_rate }
            | Self::Cosine { learning_rate, .. }
            | Self::Plateau { learning_rate, .. } => learning_rate,
        }
    }

    /// The same schedule times what makes `highest` its highest learning rate.
    pub fn with_highest(mut self, highest: f64) -> Self {
        let factor = highest / self.highest();
        match &mut self {
            Self::Constant { learning_rate } | Self::Cosine { learning_rate, .. } => {
                *learning_rate = highest;
            }
            Self::Plateau {
                learning_rate,
                min_learning_rate,
                ..
            } => {
                *learning_rate = highest;
                *min_learning_rate *= factor;
            }
        }
        self
    }

    /// A shorter rise, for runs of fewer epochs.
    pub(super) fn shorten(&mut self, factor: f64) {
        if let Self::Cosine { warmup_epochs, .. } | Self::Plateau { warmup_epochs, .. } = self {
            *warmup_epochs *= factor;
        }
    }

    pub(super) fn check(self, epochs: usize) -> Result<(), RecipeError> {
        let (learning_rate, warmup_epochs) = match self {
            Self::Constant { learning_rate } => (learning_rate, 0.0),
            Self::Cosine {
                learning_rate,
                warmup_epochs,
            }
            | Self::Plateau {
                learning_rate,
                warmup_epochs,
                ..
            } => (learning_rate, warmup_epochs),
        };
        let ok = learning_rate > 0.0 && learning_rate <= 10.0;
        let expected = "above 0, at most 10";
        range("schedule.learning_rate", learning_rate, ok, expected)?;
        let ok = warmup_epochs >= 0.0 && warmup_epochs < epochs as f64;
        let expected = "0 or more, below epochs";
        range("schedule.warmup_epochs", warmup_epochs, ok, expected)?;
        let Self::Plateau {
            factor,
            patience_epochs,
            min_learning_rate,
            ..
        } = self
        else {
            return Ok(());
        };
        let ok = factor > 0.0 && factor < 1.0;
        range("schedule.factor", factor, ok, "above 0, below 1")?;
        let patience = patience_epochs as f64;
        range(
            "schedule.patience_epochs",
            patience,
            patience_epochs > 0,
            "1 or more",
        )?;
        let ok = (0.0..=learning_rate).contains(&min_learning_rate);
        let expected = "0 or more, at most learning_rate";
        range(
            "schedule.min_learning_rate",
            min_learning_rate,
            ok,
            expected,
        )
    }
}

/// Sharpness-aware minimization (Foret et al. 2021): the gradient is taken where the loss is
/// highest nearby.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Sam {
    /// How far away, as the Euclidean norm over all parameters; usually 0.05.
    pub rho: f64,
}

impl Sam {
    pub(super) fn check(self) -> Result<(), RecipeError> {
        let ok = self.rho > 0.0 && self.rho <= 10.0;
        range("sam.rho", self.rho, ok, "above 0, at most 10")
    }
}
