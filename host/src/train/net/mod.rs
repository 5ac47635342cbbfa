//! The trainable parameters of a [`Plan`] and its forward pass, generic over Burn's backends.

mod forward;
#[cfg(test)]
mod tests;

pub use forward::{BatchStats, Mode, noise};

use burn::module::{Module, Param};
use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::plan::{Plan, StepOp};
use super::recipe::Init;

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
                StepOp::Dense { index, .. } if plan.denses[index].hidden => {
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
