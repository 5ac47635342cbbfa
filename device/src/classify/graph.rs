//! A [`Network`] as a tract graph, built in code: no model format but our own at run time.
//! Weights are dequantized at load and everything runs in f32, which is what tract is fastest
//! at with one picture a call.

use mien_models::network::{Activation, Conv2d, Network, Op, Weights, Window};
use tract_core::internal::*;
use tract_core::ops::cnn::{Conv, KernelFormat, MaxPool, PaddingSpec, PoolSpec, SumPool};
use tract_core::ops::einsum::EinSum;
use tract_core::ops::math;
use tract_core::ops::nn::{self, DataFormat, Reduce, Reducer};

use super::ClassifyError;

/// An optimized network, ready to run.
pub struct Runner {
    plan: Arc<TypedSimplePlan>,
    input_shape: [usize; 4],
    outputs: usize,
}

impl Runner {
    /// Translates and optimizes `network`.
    pub fn new(network: &Network<'_>) -> Result<Self, ClassifyError> {
        let [channels, height, width] = network.input.map(usize::from);
        let input_shape = [1, channels, height, width];
        let mut builder = Builder {
            model: TypedModel::default(),
            values: Vec::new(),
            node: 0,
        };
        let input = builder
            .model
            .add_source("input", f32::fact(input_shape))
            .map_err(engine)?;
        builder.values.push(input);
        for (index, node) in network.nodes.iter().enumerate() {
            builder.node = index;
            let inputs = builder.inputs(&node.inputs)?;
            let wire = builder
                .wire_op(&node.op, &inputs)
                .and_then(|wire| builder.wire_activation(node.activation, wire))
                .map_err(|error| ClassifyError::Node {
                    node: index,
                    reason: format!("{error:#}"),
                })?;
            builder.values.push(wire);
        }
        builder.finish(input_shape)
    }

    /// Length of the output.
    pub fn outputs(&self) -> usize {
        self.outputs
    }

    /// Runs one picture, given as network inputs `[channels, height, width]`. The output goes into a
    /// collection that has room for it.
    pub fn run<C: FromIterator<f32>>(
        &self,
        input: impl Iterator<Item = f32>,
    ) -> Result<C, ClassifyError> {
        let input = self.input(input).map_err(engine)?;
        let outputs = self.plan.run(tvec!(input.into_tvalue())).map_err(engine)?;
        let output = outputs[0].to_plain_array_view::<f32>().map_err(engine)?;
        Ok(output.iter().copied().collect())
    }

    /// The values in place, without a copy.
    fn input(&self, values: impl Iterator<Item = f32>) -> TractResult<Tensor> {
        let mut input = Tensor::zero::<f32>(&self.input_shape)?;
        let mut ram = input.try_as_plain_ram_mut()?;
        let places = ram.as_slice_mut::<f32>()?;
        places
            .iter_mut()
            .zip(values)
            .for_each(|(place, value)| *place = value);
        Ok(input)
    }
}

fn engine(error: TractError) -> ClassifyError {
    ClassifyError::Engine(format!("{error:#}"))
}

/// Pictures are `[1, C, H, W]` in the graph, features `[1, F]`.
struct Builder {
    model: TypedModel,
    /// Outlet of each of the network's values.
    values: Vec<OutletId>,
    /// The network's node that is being translated; names the graph's nodes.
    node: usize,
}

impl Builder {
    fn inputs(&self, numbers: &[u16]) -> Result<TVec<OutletId>, ClassifyError> {
        numbers
            .iter()
            .map(|&number| self.values.get(usize::from(number)).copied())
            .collect::<Option<_>>()
            .ok_or_else(|| ClassifyError::Node {
                node: self.node,
                reason: format!("its inputs {numbers:?} are not computed yet"),
            })
    }

    fn wire_op(&mut self, op: &Op<'_>, inputs: &[OutletId]) -> TractResult<OutletId> {
        let arity = if matches!(op, Op::Add | Op::ScaleChannels) {
            2
        } else {
            1
        };
        ensure!(
            inputs.len() == arity,
            "{} inputs; {arity} expected",
            inputs.len()
        );
        let x = inputs[0];
        let shape = self.shape(x)?;
        let is_picture = shape.len() == 4;
        let wants_picture = !matches!(op, Op::Dense(_) | Op::Add);
        ensure!(
            is_picture || !wants_picture,
            "works on [C, H, W], not on {shape:?}"
        );
        match op {
            Op::Conv2d(conv) => self.conv2d(conv, x),
            Op::Dense(weights) => self.dense(weights, x),
            Op::MaxPool2d(window) => {
                let pool_spec = pool_spec(window, shape[1]);
                self.wire(
                    "max",
                    MaxPool {
                        pool_spec,
                        with_index_outputs: None,
                    },
                    &[x],
                )
            }
            Op::AvgPool2d(window) => {
                let pool_spec = pool_spec(window, shape[1]);
                let op = SumPool {
                    pool_spec,
                    count_include_pad: false,
                    normalize: true,
                };
                self.wire("mean", op, &[x])
            }
            Op::GlobalAvgPool => self.global_mean(x, &shape),
            Op::Flatten => {
                let from = shape[1..].iter().map(TDim::from).collect();
                let to = tvec!(TDim::from(shape[1..].iter().product::<usize>()));
                self.wire("flat", AxisOp::Reshape(1, from, to), &[x])
            }
            Op::Add => {
                let other = self.shape(inputs[1])?;
                ensure!(shape == other, "adds {shape:?} and {other:?}");
                self.wire("sum", math::add(), inputs)
            }
            Op::ScaleChannels => {
                let scales = self.shape(inputs[1])?;
                ensure!(scales == [1, shape[1]], "scales {shape:?} by {scales:?}");
                let scales = self.wire("scale.h", AxisOp::Add(2), &[inputs[1]])?;
                let scales = self.wire("scale.w", AxisOp::Add(3), &[scales])?;
                self.wire("scaled", math::mul(), &[x, scales])
            }
        }
    }

    fn conv2d(&mut self, conv: &Conv2d<'_>, x: OutletId) -> TractResult<OutletId> {
        let (inputs, outputs) = sizes(&conv.weights);
        let group = usize::from(conv.groups);
        let [height, width] = conv.kernel.map(usize::from);
        let [top, left, bottom, right] = conv.padding.map(usize::from);
        let kernel = Tensor::from_shape(&[outputs, inputs, height, width], &conv.weights.to_f32())?;
        let kernel = self.constant("kernel", kernel)?;
        let bias = self.constant("bias", tensor1(&conv.weights.bias_f32()))?;
        let pool_spec = PoolSpec {
            data_format: DataFormat::NCHW,
            kernel_shape: tvec!(height, width),
            padding: PaddingSpec::Explicit(tvec!(top, left), tvec!(bottom, right)),
            dilations: None,
            strides: Some(
                conv.stride
                    .iter()
                    .map(|&stride| usize::from(stride))
                    .collect(),
            ),
            input_channels: inputs * group,
            output_channels: outputs,
        };
        let op = Conv {
            pool_spec,
            kernel_fmt: KernelFormat::OIHW,
            group,
            q_params: None,
        };
        self.wire("conv", op, &[x, kernel, bias])
    }

    fn dense(&mut self, weights: &Weights<'_>, x: OutletId) -> TractResult<OutletId> {
        let (inputs, outputs) = sizes(weights);
        let shape = self.shape(x)?;
        ensure!(
            shape == [1, inputs],
            "takes {inputs} features, not {shape:?}"
        );
        let matrix = Tensor::from_shape(&[outputs, inputs], &weights.to_f32())?;
        let matrix = self.constant("matrix", matrix)?;
        let bias = Tensor::from_shape(&[1, outputs], &weights.bias_f32())?;
        let bias = self.constant("bias", bias)?;
        let axes = "ni,oi->no".parse()?;
        let product = self.wire(
            "product",
            EinSum::new(axes, f32::datum_type()),
            &[x, matrix],
        )?;
        self.wire("dense", math::add(), &[product, bias])
    }

    fn global_mean(&mut self, x: OutletId, shape: &[usize]) -> TractResult<OutletId> {
        let sum = self.wire(
            "sum",
            Reduce {
                axes: tvec!(2, 3),
                reducer: Reducer::Sum,
            },
            &[x],
        )?;
        let sum = self.wire("sum.w", AxisOp::Rm(3), &[sum])?;
        let sum = self.wire("sum.h", AxisOp::Rm(2), &[sum])?;
        let share = 1.0 / (shape[2] * shape[3]) as f32;
        let share = self.constant("share", Tensor::from_shape(&[1, 1], &[share])?)?;
        self.wire("mean", math::mul(), &[sum, share])
    }

    fn wire_activation(&mut self, activation: Activation, x: OutletId) -> TractResult<OutletId> {
        match activation {
            Activation::None => Ok(x),
            Activation::Relu => {
                let ones = vec![1; self.shape(x)?.len()];
                let zero = self.constant("zero", Tensor::from_shape(&ones, &[0f32])?)?;
                self.wire("relu", math::max(), &[x, zero])
            }
            Activation::Sigmoid => self.wire("sigmoid", nn::sigmoid(), &[x]),
            Activation::Silu => self.wire("silu", nn::silu::silu(), &[x]),
        }
    }

    fn finish(mut self, input_shape: [usize; 4]) -> Result<Runner, ClassifyError> {
        let last = self.values[self.values.len() - 1];
        let shape = self.shape(last).map_err(engine)?;
        let outputs = shape.iter().product();
        self.model.select_output_outlets(&[last]).map_err(engine)?;
        let plan = self
            .model
            .into_optimized()
            .and_then(TypedModel::into_runnable)
            .map_err(engine)?;
        Ok(Runner {
            plan,
            input_shape,
            outputs,
        })
    }

    fn shape(&self, outlet: OutletId) -> TractResult<Vec<usize>> {
        let shape = &self.model.outlet_fact(outlet)?.shape;
        Ok(shape.as_concrete().context("shapes are concrete")?.into())
    }

    fn constant(&mut self, name: &str, tensor: Tensor) -> TractResult<OutletId> {
        self.model
            .add_const(format!("{}.{name}", self.node), tensor)
    }

    fn wire(
        &mut self,
        name: &str,
        op: impl Into<Box<dyn TypedOp>>,
        inputs: &[OutletId],
    ) -> TractResult<OutletId> {
        Ok(self
            .model
            .wire_node(format!("{}.{name}", self.node), op, inputs)?[0])
    }
}

fn sizes(weights: &Weights<'_>) -> (usize, usize) {
    (usize::from(weights.inputs), usize::from(weights.outputs))
}

fn pool_spec(window: &Window, channels: usize) -> PoolSpec {
    PoolSpec {
        data_format: DataFormat::NCHW,
        kernel_shape: window.size.iter().map(|&size| usize::from(size)).collect(),
        padding: PaddingSpec::Valid,
        dilations: None,
        strides: Some(
            window
                .stride
                .iter()
                .map(|&stride| usize::from(stride))
                .collect(),
        ),
        input_channels: channels,
        output_channels: channels,
    }
}
