//! A recipe's layers expanded to primitive steps, one to one with the model file's nodes.

use super::ops::ConvGeometry;
use super::recipe::{Init, LayerSpec, Padding, Recipe};

/// Side of the square input in pixels.
pub const SIDE: usize = 48;
/// Most channels or features of one value, so that a slip in a recipe is an error, not an
/// allocation.
const MAX_WIDTH: usize = 65_535;

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
    /// Dense layer number `index`, with BatchNorm and ReLU if it is hidden.
    Dense {
        /// Into [`Plan::denses`].
        index: usize,
    },
    /// 2x2 maximum, stride 2.
    MaxPool,
    /// Zeroes a share of the values while training.
    Dropout {
        /// The share.
        rate: f64,
    },
    /// Mean over height and width.
    GlobalAvgPool,
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
    /// Whether BatchNorm and ReLU follow.
    pub hidden: bool,
    /// How the weights start.
    pub init: Init,
}

/// Shape of a value: channels, height, width; vectors have height and width 1.
type Shape = [usize; 3];

struct Builder {
    plan: Plan,
    shape: Shape,
    layer: usize,
    kind: &'static str,
}

impl Builder {
    fn last(&self) -> usize {
        self.plan.steps.len()
    }

    fn push(&mut self, op: StepOp, inputs: Vec<usize>) {
        self.plan.steps.push(Step { op, inputs });
    }

    fn fail<T>(&self, why: impl Into<String>) -> Result<T, PlanError> {
        Err(PlanError {
            layer: self.layer,
            kind: self.kind,
            why: why.into(),
        })
    }

    fn width(&self, out: usize) -> Result<(), PlanError> {
        if (1..=MAX_WIDTH).contains(&out) {
            return Ok(());
        }
        self.fail(format!("{out} outputs, expected 1..={MAX_WIDTH}"))
    }

    /// Adds a convolution on value `input` of shape `from`; returns the result's shape.
    fn conv(
        &mut self,
        input: usize,
        from: Shape,
        spec: ConvSpec,
        relu: bool,
    ) -> Result<Shape, PlanError> {
        self.width(spec.outputs)?;
        let [_, height, width] = from;
        let ConvGeometry { stride, padding } = spec.geometry;
        if !(1..=11).contains(&spec.kernel) || !(1..=8).contains(&stride) {
            return self.fail(format!(
                "kernel {} and stride {stride}, expected 1..=11 and 1..=8",
                spec.kernel
            ));
        }
        if height.min(width) + 2 * padding < spec.kernel {
            return self.fail(format!(
                "a {0}x{0} kernel on a {height}x{width} map",
                spec.kernel
            ));
        }
        let index = self.plan.convs.len();
        self.plan.convs.push(spec);
        self.push(StepOp::Conv { index, relu }, vec![input]);
        let out = |length| spec.geometry.output(length, spec.kernel);
        Ok([spec.outputs, out(height), out(width)])
    }

    fn residual(&mut self, out: usize, stride: usize) -> Result<(), PlanError> {
        let (input, from) = (self.last(), self.shape);
        let spec = |inputs, kernel, stride, init| ConvSpec {
            inputs,
            outputs: out,
            kernel,
            geometry: ConvGeometry {
                stride,
                padding: (kernel - 1) / 2,
            },
            bias: false,
            init,
        };
        let init = Init::HeNormal;
        let shape = self.conv(input, from, spec(from[0], 3, stride, init), true)?;
        self.conv(self.last(), shape, spec(out, 3, 1, init), false)?;
        let main = self.last();
        let shortcut = if stride == 1 && from[0] == out {
            input
        } else {
            self.conv(input, from, spec(from[0], 1, stride, init), false)?;
            self.last()
        };
        self.push(StepOp::AddRelu, vec![main, shortcut]);
        self.shape = shape;
        Ok(())
    }

    fn dense(&mut self, out: usize, hidden: bool, init: Init) -> Result<(), PlanError> {
        self.width(out)?;
        let [inputs, height, width] = self.shape;
        if (height, width) != (1, 1) {
            return self.fail("needs a vector: put flatten or global_avg_pool before it");
        }
        let index = self.plan.denses.len();
        self.plan.denses.push(DenseSpec {
            inputs,
            outputs: out,
            hidden,
            init,
        });
        self.push(StepOp::Dense { index }, vec![self.last()]);
        self.shape = [out, 1, 1];
        Ok(())
    }

    fn layer(&mut self, layer: &LayerSpec) -> Result<(), PlanError> {
        let input = vec![self.last()];
        let [channels, height, width] = self.shape;
        match *layer {
            LayerSpec::Conv {
                out,
                kernel,
                stride,
                padding,
                bias,
                init,
            } => {
                self.kind = "conv";
                let padding = match padding {
                    Padding::Same => kernel.saturating_sub(1) / 2,
                    Padding::Valid => 0,
                };
                let geometry = ConvGeometry { stride, padding };
                let spec = ConvSpec {
                    inputs: channels,
                    outputs: out,
                    kernel,
                    geometry,
                    bias,
                    init,
                };
                self.shape = self.conv(self.last(), self.shape, spec, true)?;
            }
            LayerSpec::Residual { out, stride } => {
                self.kind = "residual";
                self.residual(out, stride)?;
            }
            LayerSpec::MaxPool => {
                self.kind = "max_pool";
                if height < 2 || width < 2 {
                    return self.fail(format!("a {height}x{width} map is too small"));
                }
                self.push(StepOp::MaxPool, input);
                self.shape = [channels, height / 2, width / 2];
            }
            LayerSpec::Dropout { rate } => {
                self.kind = "dropout";
                self.push(StepOp::Dropout { rate }, input);
            }
            LayerSpec::GlobalAvgPool => {
                self.kind = "global_avg_pool";
                self.push(StepOp::GlobalAvgPool, input);
                self.shape = [channels, 1, 1];
            }
            LayerSpec::Flatten => {
                self.kind = "flatten";
                self.width(channels * height * width)?;
                self.push(StepOp::Flatten, input);
                self.shape = [channels * height * width, 1, 1];
            }
            LayerSpec::Dense { out, init } => {
                self.kind = "dense";
                self.dense(out, true, init)?;
            }
        }
        Ok(())
    }
}

impl Plan {
    /// Expands the recipe's layers and adds the final dense layer.
    ///
    /// # Errors
    /// When a layer does not fit the value before it.
    pub fn new(recipe: &Recipe, label_count: usize) -> Result<Self, PlanError> {
        let plan = Self {
            steps: vec![],
            convs: vec![],
            denses: vec![],
        };
        let mut builder = Builder {
            plan,
            shape: [1, SIDE, SIDE],
            layer: 0,
            kind: "",
        };
        for layer in &recipe.layers {
            builder.layer += 1;
            builder.layer(layer)?;
        }
        builder.layer += 1;
        builder.kind = "final dense";
        builder.dense(label_count, false, Init::GlorotUniform)?;
        Ok(builder.plan)
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
