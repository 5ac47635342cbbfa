//! Gives BatchNorm the statistics of a network whose BatchNorm was folded away.
//!
//! A folded layer gives `w x + b`. With the mean m and the variance v of `w x` over some pictures, the
//! scale sqrt(v + e) and the shift b + m give the same, whether BatchNorm goes by these statistics or
//! by a like batch's. The statistics of a layer are right once those before it are, so it takes a pass
//! for each.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData};

use super::floats;
use super::packed::parameter;
use crate::train::augment::{self, PIXELS};
use crate::train::loader::Pictures;
use crate::train::net::{Mode, Net, NormParams, noise};
use crate::train::ops::TrainOps;
use crate::train::plan::{Plan, SIDE, StepOp};
use crate::train::recipe::{BatchNorm, Recipe};

/// Pictures that the statistics are of.
const PICTURES: usize = 256;

/// `net`, which passes through its BatchNorm, with statistics of some of the pictures.
pub fn settle<B: TrainOps>(
    mut net: Net<B>,
    plan: &Plan,
    recipe: &Recipe,
    training: &Pictures,
    device: &B::Device,
) -> Net<B> {
    let mut plan = plan.clone();
    for step in &mut plan.steps {
        if let StepOp::Dropout { rate } | StepOp::DropPath { rate } = &mut step.op {
            *rate = 0.0;
        }
    }
    let norms: Vec<Place> = plan
        .steps
        .iter()
        .filter_map(|s| place(&plan, s.op))
        .collect();
    let shifts: Vec<Vec<f32>> = norms.iter().map(|at| floats(&at.norm(&net).beta)).collect();
    let input = input::<B>(recipe, training, device);
    for _ in 0..norms.len() {
        let mut stats = vec![];
        let mode = Mode::Train {
            stats: &mut stats,
            noise: &mut noise(recipe.seed, 0, 0),
        };
        let _ = net.forward(&plan, recipe.batch_norm, input.clone(), mode);
        for ((at, shift), [mean, var]) in norms.iter().zip(&shifts).zip(stats) {
            let values = |t: Tensor<B, 1>| t.into_data().iter::<f32>().collect::<Vec<f32>>();
            let (mean, var) = (values(mean), values(var));
            *at.norm_mut(&mut net) = undoing(&mean, &var, shift, recipe.batch_norm, device);
        }
    }
    net
}

/// Where a BatchNorm is.
#[derive(Clone, Copy)]
enum Place {
    Conv(usize),
    Dense(usize),
}

fn place(plan: &Plan, op: StepOp) -> Option<Place> {
    match op {
        StepOp::Conv { index, .. } => Some(Place::Conv(index)),
        StepOp::Dense { index, .. } if plan.denses[index].hidden => Some(Place::Dense(index)),
        _ => None,
    }
}

impl Place {
    fn norm<B: Backend>(self, net: &Net<B>) -> &NormParams<B> {
        match self {
            Self::Conv(i) => &net.convs[i].norm,
            Self::Dense(i) => match &net.denses[i].norm {
                Some(norm) => norm,
                None => unreachable!("hidden dense layers have a BatchNorm"),
            },
        }
    }

    fn norm_mut<B: Backend>(self, net: &mut Net<B>) -> &mut NormParams<B> {
        match self {
            Self::Conv(i) => &mut net.convs[i].norm,
            Self::Dense(i) => match &mut net.denses[i].norm {
                Some(norm) => norm,
                None => unreachable!("hidden dense layers have a BatchNorm"),
            },
        }
    }
}

fn undoing<B: Backend>(
    mean: &[f32],
    var: &[f32],
    shift: &[f32],
    constants: BatchNorm,
    device: &B::Device,
) -> NormParams<B> {
    let n = mean.len();
    let scale: Vec<f32> = var
        .iter()
        .map(|v| (f64::from(*v) + constants.epsilon).sqrt() as f32)
        .collect();
    let beta: Vec<f32> = shift.iter().zip(mean).map(|(s, m)| s + m).collect();
    NormParams {
        gamma: parameter(&scale, [n], device),
        beta: parameter(&beta, [n], device),
        mean: parameter(mean, [n], device).set_require_grad(false),
        var: parameter(var, [n], device).set_require_grad(false),
    }
}

/// Pictures spread over the training set, unchanged.
fn input<B: Backend>(recipe: &Recipe, training: &Pictures, device: &B::Device) -> Tensor<B, 4> {
    let count = training.len().min(PICTURES);
    let preprocessing = recipe.input.preprocessing();
    let mut inputs = vec![0f32; count * PIXELS];
    for (i, out) in inputs.chunks_exact_mut(PIXELS).enumerate() {
        let picture = training.picture(i * training.len() / count);
        augment::plain(picture, &preprocessing, SIDE, out);
    }
    Tensor::from_data(TensorData::new(inputs, [count, 1, SIDE, SIDE]), device)
}
