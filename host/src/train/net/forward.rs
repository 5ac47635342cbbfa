//! The forward pass, for training and for evaluation.

use std::sync::Arc;

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData, activation};
use mien_models::network::Activation;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::{Net, NormParams};
use crate::train::ops::{NormForm, TrainOps, TrunkPass, primitive, tensor};
use crate::train::plan::{Plan, StepOp};
use crate::train::recipe::BatchNorm;
use crate::train::trunk::{Parameter, Trunk};

/// Batch mean and variance of every BatchNorm, in the order of the forward pass.
pub type BatchStats<B> = Vec<[Tensor<B, 1>; 2]>;

/// Whether BatchNorm uses the batch's statistics and values are dropped at random.
pub enum Mode<'a, B: Backend> {
    /// Running statistics, nothing is dropped.
    Evaluate,
    /// Batch statistics; dropout and stochastic depth are on.
    Train {
        /// The batch statistics are pushed here.
        stats: &'a mut BatchStats<B>,
        /// Decides what is dropped; [`noise`] makes it.
        noise: &'a mut ChaCha8Rng,
    },
}

/// The generator of one step's dropout and stochastic depth: the same on every backend, for every
/// number of threads, and in a run that was resumed.
pub fn noise(seed: u64, epoch: usize, step: usize) -> ChaCha8Rng {
    // Another key than the loader's, whose generators are seeded by `(seed, epoch, position)` too.
    let key = seed ^ (epoch as u64 + 1).wrapping_mul(0xd1b5_4a32_d192_ed03);
    let mut noise = ChaCha8Rng::seed_from_u64(key);
    noise.set_stream(step as u64);
    noise
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
        if B::has_trunks()
            && let Some(trunk) = Trunk::of(plan)
        {
            let steps = trunk.steps.len();
            let y = self.trunk(trunk, constants, values.remove(0), &mut mode);
            values = vec![None; steps];
            values.push(y);
        }
        let done = values.len() - 1;
        for (number, step) in plan.steps.iter().enumerate().skip(done) {
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
                StepOp::Dense { index, activation } => {
                    let params = &self.denses[index];
                    let [n, features, _, _] = x.dims();
                    let y = x
                        .reshape([n, features])
                        .matmul(params.weight.val().transpose())
                        + params.bias.val().unsqueeze();
                    let outputs = y.dims()[1];
                    let y = y.reshape([n, outputs, 1, 1]);
                    match &params.norm {
                        Some(norm) => {
                            let form = NormForm {
                                epsilon: constants.epsilon,
                                relu: activation == Activation::Relu,
                            };
                            normalize(y, norm, form, &mut mode)
                        }
                        None => activate(y, activation),
                    }
                }
                StepOp::MaxPool => tensor(B::max_pool2(primitive(x))),
                StepOp::AvgPool => tensor(B::avg_pool2(primitive(x))),
                StepOp::Dropout { rate } => match &mut mode {
                    Mode::Evaluate => x,
                    Mode::Train { noise, .. } => dropout(x, rate, noise),
                },
                StepOp::DropPath { rate } => match &mut mode {
                    Mode::Evaluate => x,
                    Mode::Train { noise, .. } => drop_path(x, rate, noise),
                },
                StepOp::ScaleChannels => tensor(B::scale_planes(primitive(x), primitive(input(1)))),
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

impl<B: TrainOps> Net<B> {
    /// The first steps in one operation.
    fn trunk(
        &self,
        trunk: Trunk,
        constants: BatchNorm,
        x: Option<Tensor<B, 4>>,
        mode: &mut Mode<'_, B>,
    ) -> Option<Tensor<B, 4>> {
        let parameters = trunk
            .parameters
            .iter()
            .flat_map(|parameter| match *parameter {
                Parameter::Conv(i) => {
                    let conv = &self.convs[i];
                    let weight = conv.weight.val().flatten(0, 3);
                    vec![weight, conv.norm.gamma.val(), conv.norm.beta.val()]
                }
                Parameter::Dense(i) => {
                    let dense = &self.denses[i];
                    vec![dense.weight.val().flatten(0, 1), dense.bias.val()]
                }
            });
        let parameters = Tensor::cat(parameters.collect(), 0);
        let (x, parameters) = (primitive(x?), primitive(parameters));
        let (epsilon, trunk) = (constants.epsilon, Arc::new(trunk));
        let (stats, noise) = match mode {
            Mode::Train { stats, noise } => (stats, noise),
            Mode::Evaluate => {
                let running = Some(self.running_statistics(&trunk));
                let pass = TrunkPass {
                    trunk,
                    epsilon,
                    running,
                    factors: &mut |_, n| vec![1.0; n],
                };
                return Some(tensor(B::trunk(x, parameters, pass).y));
            }
        };
        let pass = TrunkPass {
            trunk,
            epsilon,
            running: None,
            factors: &mut |rate, n| factors(n, rate, noise).collect(),
        };
        let output = B::trunk(x, parameters, pass);
        let statistics = output.statistics.into_iter();
        stats.extend(statistics.map(|[mean, var]| [tensor(mean), tensor(var)]));
        Some(tensor(output.y))
    }

    /// Mean and variance of a trunk's convolutions.
    fn running_statistics(&self, trunk: &Trunk) -> Vec<[Vec<f32>; 2]> {
        let of_convs = trunk
            .parameters
            .iter()
            .filter_map(|parameter| match parameter {
                Parameter::Conv(i) => Some(&self.convs[*i].norm),
                Parameter::Dense(_) => None,
            });
        let values = |t: Tensor<B, 1>| t.into_data().iter::<f32>().collect();
        of_convs
            .map(|norm| [values(norm.mean.val()), values(norm.var.val())])
            .collect()
    }
}

/// `count` factors, 0 for a share of `rate` and `1 / (1 - rate)` for the rest, so that the mean
/// stays (inverted dropout).
fn factors(count: usize, rate: f64, noise: &mut ChaCha8Rng) -> impl Iterator<Item = f32> {
    let kept = (1.0 / (1.0 - rate)) as f32;
    (0..count).map(move |_| {
        if noise.random::<f32>() < rate as f32 {
            0.0
        } else {
            kept
        }
    })
}

fn dropout<B: Backend>(x: Tensor<B, 4>, rate: f64, noise: &mut ChaCha8Rng) -> Tensor<B, 4> {
    let shape = x.dims();
    let mask: Vec<f32> = factors(shape.iter().product(), rate, noise).collect();
    let mask = Tensor::from_data(TensorData::new(mask, shape), &x.device());
    x * mask
}

/// Dropout of whole pictures.
pub(super) fn drop_path<B: TrainOps>(
    x: Tensor<B, 4>,
    rate: f64,
    noise: &mut ChaCha8Rng,
) -> Tensor<B, 4> {
    let [n, c, _, _] = x.dims();
    let mask: Vec<f32> = factors(n, rate, noise)
        .flat_map(|factor| std::iter::repeat_n(factor, c))
        .collect();
    let mask = Tensor::<B, 4>::from_data(TensorData::new(mask, [n, c, 1, 1]), &x.device());
    tensor(B::scale_planes(primitive(x), primitive(mask)))
}

fn activate<B: Backend>(x: Tensor<B, 4>, activation: Activation) -> Tensor<B, 4> {
    match activation {
        Activation::None => x,
        Activation::Relu => activation::relu(x),
        Activation::Sigmoid => activation::sigmoid(x),
        Activation::Silu => activation::silu(x),
    }
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
        Mode::Train { stats, .. } => stats,
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
