//! Gradients of whole small networks against finite differences, and what is drawn at random.

use std::path::Path;

use burn::backend::{Autodiff, Flex};
use burn::module::{Module, ModuleVisitor, Param};
use burn::optim::GradientsParams;
use burn::tensor::{ElementConversion, Tensor, TensorData, activation};
use rand::Rng;

use super::{Mode, Net, noise};
use crate::train::gradients;
use crate::train::plan::Plan;
use crate::train::recipe::Recipe;

type B = Autodiff<Flex>;

const RECIPE: &str = r#"
name = "test"
description = "Every kind of layer with a gradient."
epochs = 1
batch = 2
seed = 3
select = "validation_loss"
drop_path = 0.4
input = { kind = "raw" }
optimizer = { kind = "sgd", momentum = 0.0, nesterov = false, weight_decay = 0.0 }
schedule = { kind = "constant", learning_rate = 0.1 }
layers = [
  { kind = "conv", out = 4, stride = 4, se = 1, repeat = 2 },
  { kind = "residual", out = 6, stride = 2, se = 1, shortcut = "avg_pool", repeat = 2 },
  { kind = "avg_pool" },
  { kind = "global_avg_pool" },
  { kind = "dropout", rate = 0.2 },
]
"#;

/// A network, its plan and a loss of it that always drops the same values.
struct Fixture {
    net: Net<B>,
    plan: Plan,
    recipe: Recipe,
    pictures: Tensor<B, 4>,
    weights: Tensor<B, 2>,
}

impl Fixture {
    fn new() -> Self {
        let recipe = Recipe::parse(RECIPE, Path::new("test.toml")).unwrap();
        let plan = Plan::new(&recipe, 3).unwrap();
        let device = Default::default();
        let mut rng = noise(9, 9, 9);
        let mut uniform = |count: usize| -> Vec<f32> {
            (0..count)
                .map(|_| 4.0 * rng.random::<f32>() - 2.0)
                .collect()
        };
        let pictures = TensorData::new(uniform(6 * 48 * 48), [6, 1, 48, 48]);
        let weights = TensorData::new(uniform(6 * 3), [6, 3]);
        Self {
            net: Net::new(&plan, recipe.seed, &device),
            plan,
            recipe,
            pictures: Tensor::from_data(pictures, &device),
            weights: Tensor::from_data(weights, &device),
        }
    }

    fn loss(&self, net: &Net<B>) -> Tensor<B, 1> {
        let mode = Mode::Train {
            stats: &mut vec![],
            noise: &mut noise(1, 2, 3),
        };
        let pictures = self.pictures.clone();
        let logits = net.forward(&self.plan, self.recipe.batch_norm, pictures, mode);
        (activation::log_softmax(logits, 1) * self.weights.clone()).sum()
    }

    fn gradients(&self) -> GradientsParams {
        GradientsParams::from_grads(self.loss(&self.net).backward(), &self.net)
    }

    /// Change of the loss per distance along `grads`, which must be the slope of the loss there.
    fn slope(&self, grads: impl Fn() -> GradientsParams, step: f64) -> f64 {
        let loss = |by| {
            let moved = gradients::ascend(self.net.clone(), grads(), by);
            self.loss(&moved).into_scalar().elem::<f64>()
        };
        (loss(step) - loss(-step)) / (2.0 * step)
    }
}

/// Compares one parameter's gradient after the other.
struct EachParameter<'a> {
    fixture: &'a Fixture,
    grads: GradientsParams,
    compared: usize,
}

impl ModuleVisitor<B> for EachParameter<'_> {
    fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
        let Some(grad) = self.grads.get::<Flex, D>(param.id) else {
            return; // Running statistics.
        };
        let only = || {
            let mut only = GradientsParams::new();
            only.register::<Flex, D>(param.id, grad.clone());
            only
        };
        let analytic = gradients::norm(&self.fixture.net, &only());
        let measured = self.fixture.slope(only, 2e-3);
        assert!(
            (measured - analytic).abs() <= 0.03 * analytic + 5e-3,
            "parameter {} of shape {:?}: slope {measured}, gradient {analytic}",
            self.compared,
            param.val().dims()
        );
        assert!(analytic > 0.0, "parameter {} matters", self.compared);
        self.compared += 1;
    }
}

#[test]
fn every_gradient_equals_finite_differences() {
    let fixture = Fixture::new();
    let mut each = EachParameter {
        fixture: &fixture,
        grads: fixture.gradients(),
        compared: 0,
    };
    fixture.net.visit(&mut each);
    // Per convolution weight, gamma, beta; per dense layer weight and bias.
    let parameters = 3 * fixture.plan.convs.len() + 2 * fixture.plan.denses.len();
    assert_eq!(each.compared, parameters);
}

#[test]
fn an_ascent_goes_as_far_as_it_is_told() {
    let fixture = Fixture::new();
    let moved = gradients::ascend(fixture.net.clone(), fixture.gradients(), 0.05);
    // With gradients of 2 (w' - w), whose norm is twice the distance.
    struct Difference<'a>(&'a mut GradientsParams);
    impl ModuleVisitor<B> for Difference<'_> {
        fn visit_float<const D: usize>(&mut self, param: &Param<Tensor<B, D>>) {
            let value = param.val().inner();
            let value = match self.0.remove::<Flex, D>(param.id) {
                Some(first) => first - value,
                None => value,
            };
            self.0.register::<Flex, D>(param.id, value);
        }
    }
    let mut difference = GradientsParams::new();
    fixture.net.visit(&mut Difference(&mut difference));
    moved.visit(&mut Difference(&mut difference));
    let distance = gradients::norm(&fixture.net, &difference);
    assert!((distance - 0.05).abs() < 1e-4, "{distance}");
    let (before, after) = (fixture.loss(&fixture.net), fixture.loss(&moved));
    assert!(after.into_scalar() > before.into_scalar());
}

#[test]
fn long_gradients_are_shortened_and_short_ones_kept() {
    let fixture = Fixture::new();
    let norm = gradients::norm(&fixture.net, &fixture.gradients());
    let clipped = |longest| {
        let grads = gradients::clip(&fixture.net, fixture.gradients(), longest);
        gradients::norm(&fixture.net, &grads)
    };
    assert!((clipped(0.5 * norm) / norm - 0.5).abs() < 1e-4);
    assert_eq!(clipped(2.0 * norm), norm);
}

#[test]
fn whole_pictures_are_dropped_and_the_mean_stays() {
    let x = Tensor::<Flex, 4>::ones([4000, 2, 2, 1], &Default::default());
    let y = super::forward::drop_path(x, 0.25, &mut noise(1, 0, 0));
    let y: Vec<f32> = y.into_data().iter().collect();
    let kept = y.chunks_exact(4).filter(|picture| picture[0] > 0.0).count();
    assert!(y.chunks_exact(4).all(|p| p.iter().all(|v| *v == p[0])));
    assert!(y.iter().all(|v| *v == 0.0 || (v - 4.0 / 3.0).abs() < 1e-6));
    assert!((2900..3100).contains(&kept), "{kept} of 4000");
}

#[test]
fn noise_depends_on_seed_epoch_and_step_alone() {
    let first = |seed, epoch, step| noise(seed, epoch, step).random::<u64>();
    assert_eq!(first(1, 2, 3), first(1, 2, 3));
    let different = [
        first(1, 2, 3),
        first(2, 2, 3),
        first(1, 3, 3),
        first(1, 2, 4),
    ];
    for (i, a) in different.iter().enumerate() {
        assert!(different[..i].iter().all(|b| a != b), "{different:?}");
    }
}

#[test]
fn evaluation_drops_nothing() {
    let fixture = Fixture::new();
    let logits = || {
        let pictures = fixture.pictures.clone();
        let norm = fixture.recipe.batch_norm;
        let logits = fixture
            .net
            .forward(&fixture.plan, norm, pictures, Mode::Evaluate);
        logits.into_data()
    };
    assert_eq!(logits(), logits());
}
