//! The trainable parameters of a [`Plan`] and its forward pass, generic over Burn's backends.

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Distribution, Tensor, TensorData, activation};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::ops::{NormForm, TrainOps, primitive, tensor};
use super::plan::{Plan, StepOp};
use super::recipe::{BatchNorm, Init};

/// All parameters of a network.
#[derive(Module, Debug)]
pub struct Net<B: Backend> {
    /// One per [`Plan::convs`].
    pub convs: Vec<ConvParams<B>>,
    /// One per [`Plan::denses`].
    pub denses: Vec<DenseParams<B>>,
}

/// Parameters of a convolution with BatchNorm.
#[derive(Module, Debug)]
pub struct ConvParams<B: Backend> {
    /// `[out, in, K, K]`.
    pub weight: Param<Tensor<B, 4>>,
    /// `[out]`. Its gradient is exactly 0, because BatchNorm subtracts the mean, so training
    /// leaves it at its initial 0; it exists to keep the parameter count of networks that have it.
    pub bias: Option<Param<Tensor<B, 1>>>,
    /// BatchNorm after it.
    pub norm: NormParams<B>,
}

/// Parameters of a dense layer.
#[derive(Module, Debug)]
pub struct DenseParams<B: Backend> {
    /// `[out, in]`.
    pub weight: Param<Tensor<B, 2>>,
    /// `[out]`.
    pub bias: Param<Tensor<B, 1>>,
    /// BatchNorm after it, where it is hidden.
    pub norm: Option<NormParams<B>>,
}

/// Parameters `[C]` of a BatchNorm; mean and variance are running statistics without gradient.
#[derive(Module, Debug)]
pub struct NormParams<B: Backend> {
    /// Scale.
    pub gamma: Param<Tensor<B, 1>>,
    /// Shift.
    pub beta: Param<Tensor<B, 1>>,
    /// Running mean.
    pub mean: Param<Tensor<B, 1>>,
    /// Running biased variance.
    pub var: Param<Tensor<B, 1>>,
}

/// Batch mean and variance of every BatchNorm, in the order of the forward pass.
pub type BatchStats<B> = Vec<[Tensor<B, 1>; 2]>;

/// Whether BatchNorm uses the batch's statistics and dropout is on.
pub enum Mode<'a, B: Backend> {
    /// Running statistics, no dropout.
    Evaluate,
    /// Batch statistics, which are pushed here, and dropout.
    Train(&'a mut BatchStats<B>),
}

fn constant<B: Backend>(
    len: usize,
    value: f32,
    grad: bool,
    device: &B::Device,
) -> Param<Tensor<B, 1>> {
    Param::from_tensor(Tensor::full([len], value, device)).set_require_grad(grad)
}

fn weights<B: Backend, const D: usize>(
    shape: [usize; D],
    init: Init,
    rng: &mut ChaCha8Rng,
    device: &B::Device,
) -> Param<Tensor<B, D>> {
    let receptive: usize = shape[2..].iter().product();
    let (fan_out, fan_in) = ((shape[0] * receptive) as f32, (shape[1] * receptive) as f32);
    let values: Vec<f32> = (0..shape.iter().product::<usize>())
        .map(|_| match init {
            Init::HeNormal => {
                // Box-Muller, so that the numbers depend on the generator alone.
                let (u, v): (f32, f32) = (1.0 - rng.random::<f32>(), rng.random());
                (2.0 / fan_in).sqrt() * (-2.0 * u.ln()).sqrt() * (std::f32::consts::TAU * v).cos()
            }
            Init::GlorotUniform => {
                (6.0 / (fan_in + fan_out)).sqrt() * (2.0 * rng.random::<f32>() - 1.0)
            }
        })
        .collect();
    Param::from_tensor(Tensor::from_data(TensorData::new(values, shape), device))
}

impl<B: Backend> NormParams<B> {
    fn new(len: usize, device: &B::Device) -> Self {
        Self {
            gamma: constant(len, 1.0, true, device),
            beta: constant(len, 0.0, true, device),
            mean: constant(len, 0.0, false, device),
            var: constant(len, 1.0, false, device),
        }
    }

    /// Moves the running statistics towards a batch's.
    fn updated(mut self, [mean, var]: [Tensor<B, 1>; 2], momentum: f64) -> Self {
        let blend = |running: Tensor<B, 1>, batch: Tensor<B, 1>| {
            running.mul_scalar(momentum) + batch.mul_scalar(1.0 - momentum)
        };
        self.mean = self
            .mean
            .map(|running| blend(running, mean).detach().set_require_grad(false));
        self.var = self
            .var
            .map(|running| blend(running, var).detach().set_require_grad(false));
        self
    }
}

impl<B: Backend> Net<B> {
    /// Fresh parameters; the same seed gives the same numbers on every backend.
    pub fn new(plan: &Plan, seed: u64, device: &B::Device) -> Self {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        let convs = plan.convs.iter().map(|c| ConvParams {
            weight: weights(
                [c.outputs, c.inputs, c.kernel, c.kernel],
                c.init,
                &mut rng,
                device,
            ),
            bias: c.bias.then(|| constant(c.outputs, 0.0, true, device)),
            norm: NormParams::new(c.outputs, device),
        });
        let convs = convs.collect();
        let denses = plan.denses.iter().map(|d| DenseParams {
            weight: weights([d.outputs, d.inputs], d.init, &mut rng, device),
            bias: constant(d.outputs, 0.0, true, device),
            norm: d.hidden.then(|| NormParams::new(d.outputs, device)),
        });
        Self {
            convs,
            denses: denses.collect(),
        }
    }

    /// Moves all running statistics towards a batch's.
    pub fn update_statistics(mut self, plan: &Plan, stats: BatchStats<B>, momentum: f64) -> Self {
        let mut stats = stats.into_iter();
        let mut convs: Vec<_> = self.convs.into_iter().map(Some).collect();
        let mut denses: Vec<_> = self.denses.into_iter().map(Some).collect();
        for step in &plan.steps {
            match step.op {
                StepOp::Conv { index, .. } => {
                    if let (Some(mut conv), Some(s)) = (convs[index].take(), stats.next()) {
                        conv.norm = conv.norm.updated(s, momentum);
                        convs[index] = Some(conv);
                    }
                }
                StepOp::Dense { index } if plan.denses[index].hidden => {
                    if let (Some(mut dense), Some(s)) = (denses[index].take(), stats.next()) {
                        dense.norm = dense.norm.map(|norm| norm.updated(s, momentum));
                        denses[index] = Some(dense);
                    }
                }
                _ => {}
            }
        }
        self.convs = convs.into_iter().flatten().collect();
        self.denses = denses.into_iter().flatten().collect();
        self
    }
}

impl<B: TrainOps> Net<B> {
    /// Logits `[N, labels]` of pictures `[N, 1, 48, 48]`.
    pub fn forward(
        &self,
        plan: &Plan,
        constants: BatchNorm,
        x: Tensor<B, 4>,
        mut mode: Mode<'_, B>,
    ) -> Tensor<B, 2> {
        let mut last_use = vec![0; plan.steps.len() + 1];
        for (number, step) in plan.steps.iter().enumerate() {
            for input in &step.inputs {
                last_use[*input] = number;
            }
        }
        let mut values: Vec<Option<Tensor<B, 4>>> = vec![Some(x)];
        for (number, step) in plan.steps.iter().enumerate() {
            let mut input = |i: usize| {
                let at = step.inputs[i];
                let value = if last_use[at] == number {
                    values[at].take()
                } else {
                    values[at].clone()
                };
                value.unwrap_or_else(|| unreachable!("value {at} is used after its last use"))
            };
            let x = input(0);
            let y = match step.op {
                StepOp::Conv { index, relu } => {
                    let (spec, params) = (&plan.convs[index], &self.convs[index]);
                    let w = primitive(params.weight.val());
                    let y = tensor(B::conv(primitive(x), w, spec.geometry));
                    normalize(
                        y,
                        &params.norm,
                        NormForm {
                            epsilon: constants.epsilon,
                            relu,
                        },
                        &mut mode,
                    )
                }
                StepOp::Dense { index } => {
                    let params = &self.denses[index];
                    let [n, features, _, _] = x.dims();
                    let y = x
                        .reshape([n, features])
                        .matmul(params.weight.val().transpose())
                        + params.bias.val().unsqueeze();
                    let outputs = y.dims()[1];
                    let y = y.reshape([n, outputs, 1, 1]);
                    let form = NormForm {
                        epsilon: constants.epsilon,
                        relu: true,
                    };
                    match &params.norm {
                        Some(norm) => normalize(y, norm, form, &mut mode),
                        None => y,
                    }
                }
                StepOp::MaxPool => tensor(B::max_pool2(primitive(x))),
                StepOp::Dropout { rate } => match mode {
                    Mode::Evaluate => x,
                    Mode::Train(_) => dropout(x, rate),
                },
                StepOp::GlobalAvgPool => {
                    let [n, c, h, w] = x.dims();
                    x.reshape([n, c, h * w]).mean_dim(2).reshape([n, c, 1, 1])
                }
                StepOp::Flatten => {
                    let [n, c, h, w] = x.dims();
                    x.reshape([n, c * h * w, 1, 1])
                }
                StepOp::AddRelu => {
                    let other = input(1);
                    if B::FUSED {
                        tensor(B::add_relu(primitive(x), primitive(other)))
                    } else {
                        activation::relu(x + other)
                    }
                }
            };
            values.push(Some(y));
        }
        let logits = values.pop().flatten();
        let logits = logits.unwrap_or_else(|| unreachable!("a plan ends with its logits"));
        let [n, labels, _, _] = logits.dims();
        logits.reshape([n, labels])
    }
}

/// Inverted dropout: kept activations grow by `1 / (1 - rate)`.
fn dropout<B: Backend>(x: Tensor<B, 4>, rate: f64) -> Tensor<B, 4> {
    let keep = x
        .random_like(Distribution::Bernoulli(1.0 - rate))
        .mul_scalar(1.0 / (1.0 - rate));
    x * keep
}

fn normalize<B: TrainOps>(
    x: Tensor<B, 4>,
    norm: &NormParams<B>,
    form: NormForm,
    mode: &mut Mode<'_, B>,
) -> Tensor<B, 4> {
    let (gamma, beta) = (norm.gamma.val(), norm.beta.val());
    let stats = match mode {
        Mode::Evaluate => {
            let scale = gamma / norm.var.val().add_scalar(form.epsilon).sqrt();
            let shift = beta - norm.mean.val() * scale.clone();
            return tensor(B::scale_shift(
                primitive(x),
                primitive(scale),
                primitive(shift),
                form.relu,
            ));
        }
        Mode::Train(stats) => stats,
    };
    if B::FUSED {
        let [y, mean, var] = B::batch_norm(primitive(x), primitive(gamma), primitive(beta), form);
        stats.push([tensor(mean), tensor(var)]);
        return tensor(y);
    }
    // The same from stock operations: one row per plane, so that broadcasts are along rows.
    let [n, c, h, w] = x.dims();
    let per_row = |t: Tensor<B, 1>| t.reshape([1, c]).repeat_dim(0, n).reshape([n * c, 1]);
    let channel_mean = |t: Tensor<B, 2>| t.mean_dim(1).reshape([n, c]).mean_dim(0).reshape([c]);
    let rows = x.reshape([n * c, h * w]);
    let mean: Tensor<B, 1> = channel_mean(rows.clone());
    let centred = rows - per_row(mean.clone());
    let var: Tensor<B, 1> = channel_mean(centred.clone().square());
    let scale = gamma / var.clone().add_scalar(form.epsilon).sqrt();
    let y = (centred * per_row(scale) + per_row(beta)).reshape([n, c, h, w]);
    stats.push([mean.detach(), var.detach()]);
    if form.relu { activation::relu(y) } else { y }
}
