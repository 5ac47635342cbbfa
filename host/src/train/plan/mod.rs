//! A recipe's layers expanded to primitive steps, one to one with the model file's nodes.

mod builder;

use mien_models::network::Activation;

use super::ops::ConvGeometry;
use super::recipe::{Init, Recipe};
use builder::Builder;

/// Side of the square input in pixels.
pub const SIDE: usize = 48;

/// Why layers cannot follow each other.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("layer {layer} of the recipe ({kind}) is impossible: {why}")]
pub struct PlanError {
    /// Counted from 1; the final dense layer is the last.
    pub layer: usize,
    /// The layer's kind.
    pub kind: &'static str,
    /// What does not fit.
    pub why: String,
}

/// A network's steps and the sizes of its parameters.
#[derive(Clone, Debug, PartialEq)]
pub struct Plan {
    /// In evaluation order. Value 0 is the input, value `i + 1` the result of step `i`.
    pub steps: Vec<Step>,
    /// Convolutions, in order of first use.
    pub convs: Vec<ConvSpec>,
    /// Dense layers, in order of first use; the last gives the logits.
    pub denses: Vec<DenseSpec>,
    /// Labels of the model: the first logits. Further ones are an auxiliary head's, which only
    /// training has.
    pub labels: usize,
}

/// One operation on earlier values.
#[derive(Clone, Debug, PartialEq)]
pub struct Step {
    /// What is done.
    pub op: StepOp,
    /// Value numbers.
    pub inputs: Vec<usize>,
}

/// Operations of a plan.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum StepOp {
    /// Convolution and BatchNorm number `index`, then ReLU if `relu`.
    Conv {
        /// Into [`Plan::convs`].
        index: usize,
        /// Whether ReLU follows.
        relu: bool,
    },
    /// Dense layer number `index`, with BatchNorm if it is hidden, then `activation`.
    Dense {
        /// Into [`Plan::denses`].
        index: usize,
        /// What follows.
        activation: Activation,
    },
    /// 2x2 maximum, stride 2.
    MaxPool,
    /// 2x2 mean, stride 2.
    AvgPool,
    /// Zeroes a share of the values while training.
    Dropout {
        /// The share.
        rate: f64,
    },
    /// Zeroes a share of the pictures' maps while training, so that only the shortcut of their
    /// residual block is left (stochastic depth, Huang et al. 2016).
    DropPath {
        /// The share.
        rate: f64,
    },
    /// Mean over height and width.
    GlobalAvgPool,
    /// A map times a vector, per channel.
    ScaleChannels,
    /// To one vector.
    Flatten,
    /// Sum of two values, then ReLU.
    AddRelu,
}

/// Size of a convolution's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ConvSpec {
    /// Input channels.
    pub inputs: usize,
    /// Output channels.
    pub outputs: usize,
    /// Kernel side.
    pub kernel: usize,
    /// Stride and padding.
    pub geometry: ConvGeometry,
    /// Whether it has a bias besides BatchNorm's shift.
    pub bias: bool,
    /// How the weights start.
    pub init: Init,
}

/// Size of a dense layer's parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DenseSpec {
    /// Input features.
    pub inputs: usize,
    /// Output features.
    pub outputs: usize,
    /// Whether BatchNorm follows.
    pub hidden: bool,
    /// How the weights start.
    pub init: Init,
}

impl Plan {
    /// Expands the recipe's layers and adds the final dense layer, with the auxiliary head's
    /// outputs where the recipe has one.
    ///
    /// # Errors
    /// When a layer does not fit the value before it.
    pub fn new(recipe: &Recipe, label_count: usize) -> Result<Self, PlanError> {
        let plan = Self::at_side(recipe, label_count, SIDE)?;
        for stage in &recipe.resolution {
            let smaller = Self::at_side(recipe, label_count, stage.side)?;
            if smaller.denses != plan.denses {
                return Err(PlanError {
                    layer: recipe.layers.len() + 1,
                    kind: "final dense",
                    why: format!(
                        "it would have another size for pictures of {0}x{0} (resolution.side): put \
                         global_avg_pool before it",
                        stage.side
                    ),
                });
            }
        }
        Ok(plan)
    }

    fn at_side(recipe: &Recipe, label_count: usize, side: usize) -> Result<Self, PlanError> {
        let mut builder = Builder::new(recipe, side);
        for layer in &recipe.layers {
            builder.layer(layer)?;
        }
        builder.finish(label_count, recipe.auxiliary_outputs())
    }

    /// Number of nodes in the model file: what only training does has none.
    pub fn nodes(&self) -> usize {
        let only_training = |op| matches!(op, StepOp::Dropout { .. } | StepOp::DropPath { .. });
        self.steps.iter().filter(|s| !only_training(s.op)).count()
    }

    /// Number of parameters as Keras counts them: weights, biases and BatchNorm's four vectors.
    pub fn parameters(&self) -> usize {
        let convs = self
            .convs
            .iter()
            .map(|c| c.outputs * (c.inputs * c.kernel * c.kernel + usize::from(c.bias) + 4));
        let denses = self
            .denses
            .iter()
            .map(|d| d.outputs * (d.inputs + 1 + if d.hidden { 4 } else { 0 }));
        convs.sum::<usize>() + denses.sum::<usize>()
    }
}
