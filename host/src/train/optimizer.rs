//! The recipe's update rule on Burn's optimizers.

use burn::optim::adaptor::OptimizerAdaptor;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{Adam, AdamConfig, GradientsParams, Optimizer as _, Sgd, SgdConfig};
use burn::tensor::backend::AutodiffBackend;

use super::checkpoint::{CheckpointError, Reader, Writer, record};
use super::gradients;
use super::net::Net;
use super::recipe::Optimizer;

/// Name of the state in a checkpoint.
const STATE: &str = "optimizer";

type Adapted<O, B> = OptimizerAdaptor<O, Net<B>, B>;

/// An optimizer with its state.
#[derive(Clone)]
pub struct Rule<B: AutodiffBackend> {
    kind: RuleKind<B>,
    /// Gradient of the L2 penalty.
    penalty: f64,
    /// Decoupled decay, relative to the learning rate. Burn's own AdamW would decay biases and
    /// BatchNorm too.
    decay: f64,
}

#[derive(Clone)]
enum RuleKind<B: AutodiffBackend> {
    Sgd(Adapted<Sgd<B::InnerBackend>, B>),
    Adam(Adapted<Adam, B>),
}

impl<B: AutodiffBackend> Rule<B> {
    /// Without state.
    pub fn new(optimizer: Optimizer) -> Self {
        let adam = |beta_1: f64, beta_2: f64, epsilon: f64| {
            RuleKind::Adam(
                AdamConfig::new()
                    .with_beta_1(beta_1 as f32)
                    .with_beta_2(beta_2 as f32)
                    .with_epsilon(epsilon as f32)
                    .init(),
            )
        };
        let (kind, penalty, decay) = match optimizer {
            Optimizer::Sgd {
                momentum,
                nesterov,
                weight_decay,
            } => {
                let momentum = MomentumConfig {
                    momentum,
                    dampening: 0.0,
                    nesterov,
                };
                let sgd = SgdConfig::new().with_momentum(Some(momentum)).init();
                (RuleKind::Sgd(sgd), weight_decay, 0.0)
            }
            Optimizer::Adam {
                beta_1,
                beta_2,
                epsilon,
                weight_decay,
            } => (adam(beta_1, beta_2, epsilon), weight_decay, 0.0),
            Optimizer::Adamw {
                beta_1,
                beta_2,
                epsilon,
                weight_decay,
            } => (adam(beta_1, beta_2, epsilon), 0.0, weight_decay),
        };
        Self {
            kind,
            penalty,
            decay,
        }
    }

    /// One update of `net` by the gradients of its loss.
    pub fn step(&mut self, learning_rate: f64, net: Net<B>, grads: GradientsParams) -> Net<B> {
        let grads = if self.penalty > 0.0 {
            gradients::penalize(&net, grads, self.penalty)
        } else {
            grads
        };
        let net = if self.decay > 0.0 {
            gradients::shrink(net, 1.0 - learning_rate * self.decay)
        } else {
            net
        };
        match &mut self.kind {
            RuleKind::Sgd(rule) => rule.step(learning_rate, net, grads),
            RuleKind::Adam(rule) => rule.step(learning_rate, net, grads),
        }
    }

    /// Stores the state in a checkpoint.
    ///
    /// # Errors
    /// When it cannot be written.
    pub(super) fn put(&self, writer: &mut Writer) -> Result<(), CheckpointError> {
        match &self.kind {
            RuleKind::Sgd(rule) => record::put::<B>(writer, STATE, rule.to_record()),
            RuleKind::Adam(rule) => record::put::<B>(writer, STATE, rule.to_record()),
        }
    }

    /// As checkpoints had it before there were manifests.
    #[cfg(test)]
    pub(super) fn save_first_form(&self, path: std::path::PathBuf) {
        use burn::record::{BinFileRecorder, FullPrecisionSettings, Recorder};
        let recorder = BinFileRecorder::<FullPrecisionSettings>::new();
        let saved = match &self.kind {
            RuleKind::Sgd(rule) => Recorder::<B>::record(&recorder, rule.to_record(), path),
            RuleKind::Adam(rule) => Recorder::<B>::record(&recorder, rule.to_record(), path),
        };
        saved.unwrap();
    }

    /// Reads the state that [`put`](Rule::put) stored.
    ///
    /// # Errors
    /// When it cannot be read or is another optimizer's.
    pub(super) fn get(self, reader: &Reader, device: &B::Device) -> Result<Self, CheckpointError> {
        let kind = match self.kind {
            RuleKind::Sgd(rule) => {
                RuleKind::Sgd(rule.load_record(record::get::<B, _>(reader, STATE, device)?))
            }
            RuleKind::Adam(rule) => {
                RuleKind::Adam(rule.load_record(record::get::<B, _>(reader, STATE, device)?))
            }
        };
        Ok(Self {
            kind,
            penalty: self.penalty,
            decay: self.decay,
        })
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::{Autodiff, Flex};
    use burn::module::Param;
    use burn::tensor::{ElementConversion, Tensor};

    use super::*;
    use crate::train::plan::Plan;
    use crate::train::recipe::Recipe;

    type B = Autodiff<Flex>;

    /// Weight, bias and gamma of a network after one step with a gradient of 1 everywhere.
    fn after_a_step(optimizer: Optimizer) -> [f64; 3] {
        let recipe = Recipe::open("seed").unwrap();
        let plan = Plan::new(&recipe, 7).unwrap();
        let mut net = Net::<B>::new(&plan, 1, &Default::default());
        let conv = &mut net.convs[1];
        conv.weight =
            Param::from_tensor(Tensor::from_inner(conv.weight.val().inner().full_like(0.5)));
        let sum = |net: &Net<B>| -> Tensor<B, 1> {
            let conv = &net.convs[1];
            let bias = conv.bias.as_ref().unwrap();
            conv.weight.val().sum() + bias.val().sum() + conv.norm.gamma.val().sum()
        };
        let grads = GradientsParams::from_grads(sum(&net).backward(), &net);
        let net = Rule::new(optimizer).step(0.1, net, grads);
        let conv = &net.convs[1];
        let first = |t: Tensor<B, 1>| t.slice(0..1).into_scalar().elem::<f64>();
        let bias = conv.bias.as_ref().unwrap();
        [
            first(conv.weight.val().flatten(0, 3)),
            first(bias.val()),
            first(conv.norm.gamma.val()),
        ]
    }

    #[track_caller]
    fn close(a: [f64; 3], b: [f64; 3]) {
        let near = a.iter().zip(&b).all(|(a, b)| (a - b).abs() < 1e-5);
        assert!(near, "{a:?} is not {b:?}");
    }

    #[test]
    fn adamw_takes_its_decay_off_weights_only_and_beside_the_moments() {
        let adamw = |weight_decay| Optimizer::Adamw {
            beta_1: 0.9,
            beta_2: 0.999,
            epsilon: 1e-8,
            weight_decay,
        };
        // Adam's first step is the learning rate; decay takes 0.1 * 0.2 of the weight of 0.5.
        close(after_a_step(adamw(0.0)), [0.4, -0.1, 0.9]);
        close(after_a_step(adamw(0.2)), [0.39, -0.1, 0.9]);
    }

    #[test]
    fn an_l2_penalty_is_a_gradient_of_weights_only() {
        let sgd = Optimizer::Sgd {
            momentum: 0.0,
            nesterov: false,
            weight_decay: 0.2,
        };
        close(after_a_step(sgd), [0.39, -0.1, 0.9]);
    }
}
