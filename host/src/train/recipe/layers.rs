//! The layers a recipe is made of.

use serde::{Deserialize, Serialize};

use super::error::{RecipeError, range};

/// Constants of every BatchNorm.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BatchNorm {
    /// Share of the running statistics kept per step.
    pub momentum: f64,
    /// Added to the variance.
    pub epsilon: f64,
}

impl Default for BatchNorm {
    fn default() -> Self {
        Self {
            momentum: 0.9,
            epsilon: 1e-5,
        }
    }
}

/// How weights start (the biases start at 0).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Init {
    /// Normal with variance `2 / fan_in` (He et al. 2015).
    #[default]
    HeNormal,
    /// Uniform within `± sqrt(6 / (fan_in + fan_out))` (Glorot & Bengio 2010).
    GlorotUniform,
}

/// Zero padding of a convolution with stride 1.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Padding {
    /// `(kernel - 1) / 2` on every side.
    #[default]
    Same,
    /// None.
    Valid,
}

/// A residual block's way around its convolutions where it halves the map.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Shortcut {
    /// A 1x1 convolution with the block's stride.
    #[default]
    Conv,
    /// A 2x2 mean, then a 1x1 convolution where the width changes: every value of the map counts
    /// (ResNet-D, He et al. 2019).
    AvgPool,
}

/// One layer of a network.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields, tag = "kind")]
pub enum LayerSpec {
    /// Convolution, BatchNorm, ReLU.
    Conv {
        /// Output channels.
        out: usize,
        /// Kernel side.
        #[serde(default = "three")]
        kernel: usize,
        /// Stride.
        #[serde(default = "one")]
        stride: usize,
        /// Zero padding.
        #[serde(default)]
        padding: Padding,
        /// A bias before the BatchNorm, as Keras has it by default.
        #[serde(default)]
        bias: bool,
        /// How the weights start.
        #[serde(default)]
        init: Init,
        /// How many of them in a row; only the first has the stride.
        #[serde(default = "one")]
        repeat: usize,
        /// Squeeze-and-excitation after it with this reduction (Hu et al. 2018); 0 is without.
        #[serde(default)]
        se: usize,
    },
    /// Two 3x3 convolutions with BatchNorm beside a shortcut, ReLU after the sum
    /// (He et al. 2016, basic block). The shortcut is a 1x1 convolution where shapes differ.
    Residual {
        /// Output channels.
        out: usize,
        /// Stride of the first convolution.
        #[serde(default = "one")]
        stride: usize,
        /// How many of these blocks in a row; only the first has the stride.
        #[serde(default = "one")]
        repeat: usize,
        /// Squeeze-and-excitation before the sum with this reduction (Hu et al. 2018); 0 is
        /// without.
        #[serde(default)]
        se: usize,
        /// Around a block with stride.
        #[serde(default)]
        shortcut: Shortcut,
    },
    /// 2x2 maximum, stride 2.
    MaxPool,
    /// 2x2 mean, stride 2.
    AvgPool,
    /// Zeroes activations at random while training.
    Dropout {
        /// Share of zeroed activations, 0..1.
        rate: f64,
    },
    /// Mean over height and width.
    GlobalAvgPool,
    /// `[C, H, W]` to one vector.
    Flatten,
    /// Fully connected, BatchNorm, ReLU.
    Dense {
        /// Output features.
        out: usize,
        /// How the weights start.
        #[serde(default)]
        init: Init,
    },
}

impl LayerSpec {
    /// The name of the kind, as a recipe has it.
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Conv { .. } => "conv",
            Self::Residual { .. } => "residual",
            Self::MaxPool => "max_pool",
            Self::AvgPool => "avg_pool",
            Self::Dropout { .. } => "dropout",
            Self::GlobalAvgPool => "global_avg_pool",
            Self::Flatten => "flatten",
            Self::Dense { .. } => "dense",
        }
    }

    /// Checks the values that no shape limits.
    pub(super) fn check(&self) -> Result<(), RecipeError> {
        match *self {
            Self::Dropout { rate } => {
                range("layers.rate", rate, (0.0..1.0).contains(&rate), "0..1")
            }
            Self::Conv { repeat, .. } | Self::Residual { repeat, .. } => {
                let ok = (1..=MAX_REPEAT).contains(&repeat);
                range("layers.repeat", repeat as f64, ok, "1..=64")
            }
            _ => Ok(()),
        }
    }
}

/// Most repetitions of a layer; the plan limits their sum.
const MAX_REPEAT: usize = 64;

fn one() -> usize {
    1
}

fn three() -> usize {
    3
}
