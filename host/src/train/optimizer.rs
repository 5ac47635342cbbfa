//! The recipe's update rule on Burn's optimizers.

use std::marker::PhantomData;
use std::path::PathBuf;

use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::adaptor::OptimizerAdaptor;
use burn::optim::momentum::MomentumConfig;
use burn::optim::{Adam, AdamConfig, GradientsParams, Optimizer as _, Sgd, SgdConfig};
use burn::record::{BinFileRecorder, FullPrecisionSettings, Recorder, RecorderError};
use burn::tensor::Tensor;
use burn::tensor::backend::AutodiffBackend;

use super::net::Net;
use super::recipe::Optimizer;

type Adapted<O, B> = OptimizerAdaptor<O, Net<B>, B>;

/// An optimizer with its state.
#[derive(Clone)]
pub struct Rule<B: AutodiffBackend> {
    kind: RuleKind<B>,
    weight_decay: f64,
}

#[derive(Clone)]
enum RuleKind<B: AutodiffBackend> {
    Sgd(Adapted<Sgd<B::InnerBackend>, B>),
    Adam(Adapted<Adam, B>),
}

impl<B: AutodiffBackend> Rule<B> {
    /// Without state.
    pub fn new(optimizer: Optimizer) -> Self {
        let kind = match optimizer {
            Optimizer::Sgd {
                momentum, nesterov, ..
            } => {
                let momentum = MomentumConfig {
                    momentum,
                    dampening: 0.0,
                    nesterov,
                };
                RuleKind::Sgd(SgdConfig::new().with_momentum(Some(momentum)).init())
            }
            Optimizer::Adam {
                beta_1,
                beta_2,
                epsilon,
                ..
            } => RuleKind::Adam(
                AdamConfig::new()
                    .with_beta_1(beta_1 as f32)
                    .with_beta_2(beta_2 as f32)
                    .with_epsilon(epsilon as f32)
                    .init(),
            ),
        };
        Self {
            kind,
            weight_decay: optimizer.weight_decay(),
        }
    }

    /// One update of `net` by the gradients of its loss.
    pub fn step(&mut self, learning_rate: f64, net: Net<B>, grads: B::Gradients) -> Net<B> {
        let grads = GradientsParams::from_grads(grads, &net);
        let grads = if self.weight_decay > 0.0 {
            self.decayed(&net, grads)
        } else {
            grads
        };
        match &mut self.kind {
            RuleKind::Sgd(rule) => rule.step(learning_rate, net, grads),
            RuleKind::Adam(rule) => rule.step(learning_rate, net, grads),
        }
    }

    /// Adds the gradient of the L2 penalty to those of convolution and dense weights.
    fn decayed(&self, net: &Net<B>, grads: GradientsParams) -> GradientsParams {
        let mut decay = Decay::<B> {
            grads,
            weight_decay: self.weight_decay,
            backend: PhantomData,
        };
        net.visit(&mut decay);
        decay.grads
    }

    /// Writes the state to `path` (with Burn's extension).
    ///
    /// # Errors
    /// When the file cannot be written.
    pub fn save(&self, path: PathBuf) -> Result<(), RecorderError> {
        let recorder = BinFileRecorder::<FullPrecisionSettings>::new();
        match &self.kind {
            RuleKind::Sgd(rule) => Recorder::<B>::record(&recorder, rule.to_record(), path),
            RuleKind::Adam(rule) => Recorder::<B>::record(&recorder, rule.to_record(), path),
        }
    }

    /// Reads the state that [`save`](Rule::save) wrote.
    ///
    /// # Errors
    /// When the file cannot be read or holds another optimizer's state.
    pub fn load(self, path: PathBuf, device: &B::Device) -> Result<Self, RecorderError> {
        let recorder = BinFileRecorder::<FullPrecisionSettings>::new();
        let kind = match self.kind {
            RuleKind::Sgd(rule) => {
                RuleKind::Sgd(rule.load_record(Recorder::<B>::load(&recorder, path, device)?))
            }
            RuleKind::Adam(rule) => {
                RuleKind::Adam(rule.load_record(Recorder::<B>::load(&recorder, path, device)?))
            }
        };
        Ok(Self {
            kind,
            weight_decay: self.weight_decay,
        })
    }
}

struct Decay<B> {
    grads: GradientsParams,
    weight_decay: f64,
    backend: PhantomData<B>,
}

impl<B: AutodiffBackend> ModuleVisitor<B> for Decay<B> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        if D < 2 {
            return; // Biases and BatchNorm.
        }
        if let Some(grad) = self.grads.remove::<B::InnerBackend, D>(param.id) {
            let penalty = param.val().inner().mul_scalar(self.weight_decay);
            self.grads.register(param.id, grad + penalty);
        }
    }
}
