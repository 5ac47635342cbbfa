//! The layers a recipe is made of.

use serde::{Deserialize, Serialize};

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
    },
    /// Two 3x3 convolutions with BatchNorm beside a shortcut, ReLU after the sum
    /// (He et al. 2016, basic block). The shortcut is a 1x1 convolution where shapes differ.
    Residual {
        /// Output channels.
        out: usize,
        /// Stride of the first convolution.
        #[serde(default = "one")]
        stride: usize,
    },
    /// 2x2 maximum, stride 2.
    MaxPool,
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

fn one() -> usize {
    1
}

fn three() -> usize {
    3
}
