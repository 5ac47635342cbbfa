//! The networks that are timed, and one step of each.

use std::path::Path;

use burn::backend::{Autodiff, Flex};
use burn::module::AutodiffModule;
use burn::optim::GradientsParams;
use burn::tensor::{ElementConversion, Tensor, TensorData};
use mien_host::train::loader::Batch;
use mien_host::train::net::{Mode, Net, noise};
use mien_host::train::objective::Objective;
use mien_host::train::ops::flex::{Precision, set_precision};
use mien_host::train::optimizer::Rule;
use mien_host::train::plan::{Plan, SIDE};
use mien_host::train::recipe::{BUILTIN, Recipe};

type B = Autodiff<Flex>;

pub const LABELS: usize = 7;

/// 3x3 convolutions of 32, 32, 64, 64, 128, 128 and 256 channels: the yardstick of the spikes.
const W32: &str = r#"
name = "w32"
description = "Plain 3x3 network, 96 MMAC."
epochs = 1
batch = 64
seed = 1
select = "validation_accuracy"
input = { kind = "raw" }
optimizer = { kind = "sgd", momentum = 0.9, nesterov = true, weight_decay = 5e-4 }
schedule = { kind = "constant", learning_rate = 0.01 }
layers = [
  { kind = "conv", out = 32 },
  { kind = "conv", out = 32 },
  { kind = "max_pool" },
  { kind = "conv", out = 64 },
  { kind = "conv", out = 64 },
  { kind = "max_pool" },
  { kind = "conv", out = 128 },
  { kind = "conv", out = 128 },
  { kind = "max_pool" },
  { kind = "conv", out = 256 },
  { kind = "global_avg_pool" },
]
"#;

/// Name and recipe.
pub const NETWORKS: [(&str, &str); 2] = [("compact", BUILTIN[1].1), ("W32", W32)];

/// A network in training on one batch of noise.
pub struct Trainer {
    pub recipe: Recipe,
    pub plan: Plan,
    net: Option<Net<B>>,
    rule: Rule<B>,
    objective: Objective,
    batch: Batch,
    steps: usize,
}

impl Trainer {
    pub fn new(recipe: &str, batch: usize) -> Self {
        let mut recipe = Recipe::parse(recipe, Path::new("bench.toml")).expect("a sound recipe");
        // Full size and one head, as the peer has it.
        (recipe.ferplus, recipe.resolution) = (None, vec![]);
        let plan = Plan::new(&recipe, LABELS).expect("a sound plan");
        let net = Net::<B>::new(&plan, recipe.seed, &Default::default());
        let inputs = (0..batch * SIDE * SIDE).map(|i| (i * 7919 % 1009) as f32 / 504.0 - 1.0);
        let targets = (0..batch * LABELS).map(|i| f32::from(i % LABELS == i / LABELS % LABELS));
        Self {
            net: Some(net),
            rule: Rule::new(recipe.optimizer),
            objective: Objective::new(&recipe, LABELS),
            batch: Batch {
                inputs: inputs.collect(),
                side: SIDE,
                targets: targets.collect(),
                teacher: None,
                len: batch,
            },
            recipe,
            plan,
            steps: 0,
        }
    }

    /// Forward, backward and update, as `mien train` does them; the loss.
    pub fn step(&mut self, precision: Precision) -> f64 {
        set_precision(precision);
        let device = Default::default();
        let net = self.net.take().expect("put back below");
        let shape = [self.batch.len, 1, SIDE, SIDE];
        let input = TensorData::new(self.batch.inputs.clone(), shape);
        let mut stats = vec![];
        let mode = Mode::Train {
            stats: &mut stats,
            noise: &mut noise(self.recipe.seed, 0, self.steps),
        };
        let input = Tensor::<B, 4>::from_data(input, &device);
        let logits = net.forward(&self.plan, self.recipe.batch_norm, input, mode);
        let loss = self.objective.loss(logits, &self.batch, &device);
        let value = loss.clone().into_scalar().elem();
        let grads = GradientsParams::from_grads(loss.backward(), &net);
        let net = self.rule.step(0.01, net, grads);
        let net = net.update_statistics(&self.plan, stats, self.recipe.batch_norm.momentum);
        self.steps += 1;
        std::hint::black_box(net.valid());
        self.net = Some(net);
        value
    }
}
