//! The packed network, run by the device's code, computes what the trained one does.

use std::path::Path;

use burn::backend::Flex;
use burn::tensor::{Tensor, TensorData};
use mien_device::classify::Classifier;
use mien_models::ExpressionModel;
use mien_models::container::decode;
use mien_models::expression_model::ModelCard;
use mien_models::label::Labels;
use mien_models::preprocess::normalize_contrast;
use mien_models::procedural::{Scene, plane};
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;

use super::fold::{Folded, fold_net};
use super::int8::quantize;
use super::pack::{PackedNetwork, Precision, pack};
use crate::train::augment;
use crate::train::net::{Mode, Net};
use crate::train::plan::Plan;
use crate::train::recipe::Recipe;

const HEAD: &str = r#"
name = "test"
description = "Every kind of layer."
epochs = 1
batch = 2
seed = 3
select = "validation_loss"
optimizer = { kind = "sgd", momentum = 0.0, nesterov = false, weight_decay = 0.0 }
schedule = { kind = "constant", learning_rate = 0.1 }
"#;

const RESIDUAL: &str = r#"
input = { kind = "standardized", target_std = 48, min_std = 12 }
layers = [
  { kind = "conv", out = 5, stride = 2 },
  { kind = "residual", out = 5 },
  { kind = "residual", out = 7, stride = 2 },
  { kind = "dropout", rate = 0.5 },
  { kind = "max_pool" },
  { kind = "global_avg_pool" },
]
"#;

const PLAIN: &str = r#"
input = { kind = "raw" }
layers = [
  { kind = "conv", out = 4, kernel = 5, padding = "valid", bias = true, init = "glorot_uniform" },
  { kind = "max_pool" },
  { kind = "conv", out = 3, kernel = 4, padding = "valid" },
  { kind = "max_pool" },
  { kind = "dropout", rate = 0.3 },
  { kind = "flatten" },
  { kind = "dense", out = 6 },
]
"#;

const SQUEEZED: &str = r#"
drop_path = 0.3
input = { kind = "raw" }
layers = [
  { kind = "conv", out = 6, stride = 2, se = 2, repeat = 2 },
  { kind = "residual", out = 8, stride = 2, se = 4, repeat = 2, shortcut = "avg_pool" },
  { kind = "residual", out = 8, stride = 2, shortcut = "avg_pool" },
  { kind = "avg_pool" },
  { kind = "global_avg_pool" },
]
"#;

const ALL: [&str; 3] = [RESIDUAL, PLAIN, SQUEEZED];

/// A network with BatchNorm statistics that are not the initial ones.
fn network(recipe: &Recipe, plan: &Plan) -> Net<Flex> {
    let device = Default::default();
    let net = Net::<Flex>::new(plan, recipe.seed, &device);
    let width = |i: usize| plan.convs[i].outputs;
    let hidden = plan.denses.iter().filter(|d| d.hidden).map(|d| d.outputs);
    let widths: Vec<usize> = (0..plan.convs.len()).map(width).chain(hidden).collect();
    // Of their own generator: Burn's is shared by all tests, and a draw that leaves next to nothing
    // of the logits would fail here and there.
    let mut rng = ChaCha8Rng::seed_from_u64(recipe.seed);
    let mut random = |n: usize, low: f32, high: f32| {
        let values: Vec<f32> = (0..n).map(|_| rng.random_range(low..high)).collect();
        Tensor::<Flex, 1>::from_data(TensorData::new(values, [n]), &device)
    };
    let stats = widths
        .iter()
        .map(|n| [random(*n, -0.5, 0.5), random(*n, 0.3, 2.0)])
        .collect();
    net.update_statistics(plan, stats, 0.2)
}

fn trained_logits(net: &Net<Flex>, plan: &Plan, recipe: &Recipe, pixels: &[u8]) -> Vec<f32> {
    let mut input = vec![0f32; augment::PIXELS];
    augment::plain(pixels, &recipe.input.preprocessing(), 48, &mut input);
    let x = Tensor::from_data(TensorData::new(input, [1, 1, 48, 48]), &Default::default());
    net.forward(plan, recipe.batch_norm, x, Mode::Evaluate)
        .into_data()
        .iter::<f32>()
        .collect()
}

/// Logits of eight pictures by the device's code, from a packed file of these layers.
fn device_logits(
    plan: &Plan,
    recipe: &Recipe,
    layers: &(Vec<Folded>, Vec<Folded>),
    precision: Precision,
) -> Vec<Vec<f32>> {
    let labels = Labels::fer2013();
    let packed = PackedNetwork::new(plan, &layers.0, &layers.1, precision);
    let card = ModelCard {
        name: "test",
        data: "none",
        recipe: "",
        date: "2026-01-01",
        licence: "",
        notes: "",
        figures: vec![],
    };
    let preprocessing = recipe.input.preprocessing();
    let bytes = pack(&packed, preprocessing, &labels, 1.0, card, 7).unwrap();
    let (header, model) = decode::<ExpressionModel<'_>>(&bytes).unwrap();
    assert_eq!(header.model_version, 7);
    let mut classifier = Classifier::new(&model).unwrap();
    let logits = pictures().map(|mut pixels| {
        normalize_contrast(&mut pixels, &preprocessing.contrast);
        classifier.logits(&pixels).unwrap().to_vec()
    });
    logits.collect()
}

fn pictures() -> impl Iterator<Item = Vec<u8>> {
    (0..8).map(|seed| plane(Scene::ALL[seed as usize % 5], seed, 48, 48).pixels)
}

#[track_caller]
fn equal(a: &[Vec<f32>], b: &[Vec<f32>]) {
    assert_eq!(a.len(), b.len());
    for (a, b) in a.iter().zip(b) {
        let largest = b.iter().fold(0f32, |m, v| m.max(v.abs()));
        let error = a.iter().zip(b).fold(0f32, |m, (a, b)| m.max((a - b).abs()));
        assert!(error <= 1e-4 * largest, "{a:?} is not {b:?}");
    }
}

fn trained(layers: &str) -> (Recipe, Plan, Net<Flex>) {
    let recipe = Recipe::parse(&format!("{HEAD}{layers}"), Path::new("test.toml")).unwrap();
    let plan = Plan::new(&recipe, 7).unwrap();
    let net = network(&recipe, &plan);
    (recipe, plan, net)
}

#[test]
fn float_files_compute_what_was_trained() {
    for layers in ALL {
        let (recipe, plan, net) = trained(layers);
        let folded = fold_net(&net, recipe.batch_norm);
        let packed = device_logits(&plan, &recipe, &folded, Precision::Float);
        let trained: Vec<_> = pictures()
            .map(|pixels| trained_logits(&net, &plan, &recipe, &pixels))
            .collect();
        equal(&packed, &trained);
    }
}

#[test]
fn the_auxiliary_head_ends_with_training() {
    for layers in [RESIDUAL, PLAIN] {
        let auxiliary = format!("ferplus = {{ blend = 0.5, auxiliary = 0.5 }}\n{layers}");
        let (recipe, plan, net) = trained(&auxiliary);
        let folded = fold_net(&net, recipe.batch_norm);
        let first: Vec<Vec<f32>> = pictures()
            .map(|pixels| trained_logits(&net, &plan, &recipe, &pixels))
            .map(|logits| {
                assert_eq!(logits.len(), 7 + 7, "labels and votes");
                logits[..7].to_vec()
            })
            .collect();
        let packed = device_logits(&plan, &recipe, &folded, Precision::Float);
        assert!(packed.iter().all(|logits| logits.len() == 7));
        equal(&packed, &first);
        let int8 = device_logits(&plan, &recipe, &folded, Precision::Int8);
        assert!(int8.iter().all(|logits| logits.len() == 7));
    }
}

#[test]
fn int8_files_compute_what_their_rounded_weights_say() {
    for layers in ALL {
        let (recipe, plan, net) = trained(layers);
        let folded = fold_net(&net, recipe.batch_norm);
        let round = |layer: &Folded| {
            let outputs = layer.bias.len();
            let q = quantize(&layer.weights, outputs);
            let per_output = q.values.len() / outputs;
            let real = |(i, v): (usize, &i8)| f32::from(*v) * q.scales[i / per_output];
            Folded {
                weights: q.values.iter().enumerate().map(real).collect(),
                bias: layer.bias.clone(),
            }
        };
        let rounded: (Vec<_>, Vec<_>) = (
            folded.0.iter().map(round).collect(),
            folded.1.iter().map(round).collect(),
        );
        assert_ne!(folded, rounded, "int8 cannot hold these weights exactly");
        let int8 = device_logits(&plan, &recipe, &folded, Precision::Int8);
        equal(
            &int8,
            &device_logits(&plan, &recipe, &rounded, Precision::Float),
        );
    }
}
