//! From a recipe's layers to steps, with the shape of the value they end in.

use mien_models::network::{Activation, MAX_NODES, MAX_PARAMETERS, MAX_VALUE_LEN};

use super::{ConvSpec, DenseSpec, Plan, PlanError, Step, StepOp};
use crate::train::ops::ConvGeometry;
use crate::train::recipe::{Init, LayerSpec, Padding, Recipe, Shortcut};

/// Most channels or features of one value, so that a slip in a recipe is an error, not an
/// allocation.
const MAX_WIDTH: usize = 65_535;

/// Shape of a value: channels, height, width; vectors have height and width 1.
type Shape = [usize; 3];

/// A plan that grows layer by layer.
pub struct Builder {
    plan: Plan,
    shape: Shape,
    /// Counted from 1, for messages.
    layer: usize,
    /// Of the layer, for messages.
    kind: &'static str,
    drop_path: DropPath,
}

/// Stochastic depth: the rate rises linearly from block to block up to the recipe's.
struct DropPath {
    last_rate: f64,
    blocks: usize,
    block: usize,
}

impl DropPath {
    fn next_rate(&mut self) -> f64 {
        self.block += 1;
        self.last_rate * self.block as f64 / self.blocks as f64
    }
}

/// A residual block's options.
#[derive(Clone, Copy)]
struct Residual {
    out: usize,
    stride: usize,
    se: usize,
    shortcut: Shortcut,
}

impl Builder {
    /// With the picture `[side, side]` as its only value.
    pub fn new(recipe: &Recipe, side: usize) -> Self {
        let blocks = recipe.layers.iter().map(|layer| match layer {
            LayerSpec::Residual { repeat, .. } => *repeat,
            _ => 0,
        });
        Self {
            plan: Plan {
                steps: vec![],
                convs: vec![],
                denses: vec![],
                labels: 0,
            },
            shape: [1, side, side],
            layer: 0,
            kind: "",
            drop_path: DropPath {
                last_rate: recipe.drop_path,
                blocks: blocks.sum(),
                block: 0,
            },
        }
    }

    /// Adds the final dense layer with this many labels and auxiliary outputs.
    pub fn finish(mut self, label_count: usize, auxiliary: usize) -> Result<Plan, PlanError> {
        self.layer += 1;
        self.kind = "final dense";
        self.dense(label_count + auxiliary, Init::GlorotUniform, None)?;
        self.plan.labels = label_count;
        self.within_limits()?;
        Ok(self.plan)
    }

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

    /// The model file's limits: better an error now than after the training.
    fn within_limits(&self) -> Result<(), PlanError> {
        let nodes = self.plan.nodes();
        if nodes > MAX_NODES {
            return self.fail(format!("{nodes} operations so far, at most {MAX_NODES}"));
        }
        let parameters = self.plan.parameters();
        if parameters as u64 > MAX_PARAMETERS {
            return self.fail(format!(
                "{parameters} parameters so far, at most {MAX_PARAMETERS}"
            ));
        }
        Ok(())
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
        let out = |length| spec.geometry.output(length, spec.kernel);
        let shape = [spec.outputs, out(height), out(width)];
        let values = shape.iter().product::<usize>();
        if values as u64 > MAX_VALUE_LEN {
            return self.fail(format!(
                "{shape:?} are {values} values, at most {MAX_VALUE_LEN}"
            ));
        }
        let index = self.plan.convs.len();
        self.plan.convs.push(spec);
        self.push(StepOp::Conv { index, relu }, vec![input]);
        Ok(shape)
    }

    fn residual(&mut self, block: Residual) -> Result<(), PlanError> {
        let Residual {
            out,
            stride,
            se,
            shortcut,
        } = block;
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
        self.squeeze_excitation(out, se)?;
        let rate = self.drop_path.next_rate();
        if rate > 0.0 {
            let main = self.last();
            self.push(StepOp::DropPath { rate }, vec![main]);
        }
        let main = self.last();
        let (input, from, stride) = match shortcut {
            Shortcut::AvgPool if stride > 1 => {
                let [channels, height, width] = from;
                if stride != 2 || height % 2 != 0 || width % 2 != 0 {
                    return self.fail(format!(
                        "an average-pooled shortcut halves even sides, not {height}x{width} by {stride}"
                    ));
                }
                self.push(StepOp::AvgPool, vec![input]);
                (self.last(), [channels, height / 2, width / 2], 1)
            }
            _ => (input, from, stride),
        };
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

    /// Squeeze-and-excitation on the last value (Hu et al. 2018), none where `reduction` is 0.
    fn squeeze_excitation(&mut self, channels: usize, reduction: usize) -> Result<(), PlanError> {
        if reduction == 0 {
            return Ok(());
        }
        let squeezed = channels / reduction;
        if squeezed == 0 {
            return self.fail(format!(
                "se = {reduction} leaves none of its {channels} channels"
            ));
        }
        let map = self.last();
        self.push(StepOp::GlobalAvgPool, vec![map]);
        for (inputs, outputs, activation, init) in [
            (channels, squeezed, Activation::Relu, Init::HeNormal),
            (squeezed, channels, Activation::Sigmoid, Init::GlorotUniform),
        ] {
            let spec = DenseSpec {
                inputs,
                outputs,
                hidden: false,
                init,
            };
            self.push_dense(spec, activation);
        }
        let scales = self.last();
        self.push(StepOp::ScaleChannels, vec![map, scales]);
        Ok(())
    }

    /// Adds a dense layer, with BatchNorm and the activation where there is one.
    fn dense(
        &mut self,
        out: usize,
        init: Init,
        hidden: Option<Activation>,
    ) -> Result<(), PlanError> {
        self.width(out)?;
        let [inputs, height, width] = self.shape;
        if (height, width) != (1, 1) {
            return self.fail("needs a vector: put flatten or global_avg_pool before it");
        }
        let spec = DenseSpec {
            inputs,
            outputs: out,
            hidden: hidden.is_some(),
            init,
        };
        self.push_dense(spec, hidden.unwrap_or(Activation::None));
        self.shape = [out, 1, 1];
        Ok(())
    }

    fn push_dense(&mut self, spec: DenseSpec, activation: Activation) {
        let (index, input) = (self.plan.denses.len(), self.last());
        self.plan.denses.push(spec);
        self.push(StepOp::Dense { index, activation }, vec![input]);
    }

    fn pool(&mut self, op: StepOp) -> Result<(), PlanError> {
        let [channels, height, width] = self.shape;
        if height < 2 || width < 2 {
            return self.fail(format!("a {height}x{width} map is too small"));
        }
        self.push(op, vec![self.last()]);
        self.shape = [channels, height / 2, width / 2];
        Ok(())
    }

    /// Adds one layer of the recipe.
    pub fn layer(&mut self, layer: &LayerSpec) -> Result<(), PlanError> {
        self.layer += 1;
        self.kind = layer.kind();
        self.expand(layer)?;
        self.within_limits()
    }

    fn expand(&mut self, layer: &LayerSpec) -> Result<(), PlanError> {
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
                repeat,
                se,
            } => {
                let padding = match padding {
                    Padding::Same => kernel.saturating_sub(1) / 2,
                    Padding::Valid => 0,
                };
                for stride in strides(stride, repeat) {
                    let spec = ConvSpec {
                        inputs: self.shape[0],
                        outputs: out,
                        kernel,
                        geometry: ConvGeometry { stride, padding },
                        bias,
                        init,
                    };
                    self.shape = self.conv(self.last(), self.shape, spec, true)?;
                    self.squeeze_excitation(out, se)?;
                }
            }
            LayerSpec::Residual {
                out,
                stride,
                repeat,
                se,
                shortcut,
            } => {
                for stride in strides(stride, repeat) {
                    self.residual(Residual {
                        out,
                        stride,
                        se,
                        shortcut,
                    })?;
                }
            }
            LayerSpec::MaxPool => self.pool(StepOp::MaxPool)?,
            LayerSpec::AvgPool => self.pool(StepOp::AvgPool)?,
            LayerSpec::Dropout { rate } => self.push(StepOp::Dropout { rate }, input),
            LayerSpec::GlobalAvgPool => {
                self.push(StepOp::GlobalAvgPool, input);
                self.shape = [channels, 1, 1];
            }
            LayerSpec::Flatten => {
                self.width(channels * height * width)?;
                self.push(StepOp::Flatten, input);
                self.shape = [channels * height * width, 1, 1];
            }
            LayerSpec::Dense { out, init } => self.dense(out, init, Some(Activation::Relu))?,
        }
        Ok(())
    }
}

/// Strides of a layer's repetitions: only the first one's is not 1.
fn strides(first: usize, repeat: usize) -> impl Iterator<Item = usize> {
    std::iter::once(first)
        .chain(std::iter::repeat(1))
        .take(repeat)
}
