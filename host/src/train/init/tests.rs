//! A network that starts from a packed file or a run computes what that does, and trains on from there.

use std::path::Path;

use burn::backend::{Autodiff, Flex};
use burn::tensor::{Tensor, TensorData};
use mien_models::expression_model::ModelCard;
use mien_models::procedural::{Scene, plane};

use super::*;
use crate::quantize::fold::fold_net;
use crate::quantize::pack::{PackedNetwork, Precision, pack};
use crate::train::augment;
use crate::train::net::Mode;
use crate::train::plan::SIDE;
use crate::train::run::{Data, Outcome, train};
use crate::train::validate::validate;

type B = Autodiff<Flex>;

const RECIPE: &str = r#"
name = "test"
description = "Small enough for a test."
epochs = 3
batch = 16
seed = 5
select = "validation_loss"
ema_decay = 0.5
drop_path = 0.1
input = { kind = "standardized", target_std = 48, min_std = 12 }
optimizer = { kind = "sgd", momentum = 0.9, nesterov = true, weight_decay = 1e-4 }
schedule = { kind = "constant", learning_rate = 0.03 }
batch_norm = { momentum = 0.8, epsilon = 1e-3 }
layers = [
  { kind = "conv", out = 4, stride = 2 },
  { kind = "residual", out = 6, stride = 2, se = 2 },
  { kind = "max_pool" },
  { kind = "global_avg_pool" },
  { kind = "dense", out = 8 },
  { kind = "dropout", rate = 0.1 },
]
"#;

fn recipe() -> Recipe {
    Recipe::parse(RECIPE, Path::new("test.toml")).unwrap()
}

fn labels(names: [&str; 3]) -> Labels {
    Labels::new(names).unwrap()
}

const NAMES: [&str; 3] = ["gradient", "noise", "checker"];

/// Three kinds of drawings as three classes.
fn pictures(first_seed: u64, n: usize) -> Pictures {
    let scenes = [Scene::Gradient, Scene::Noise, Scene::Checker];
    let (mut pixels, mut labels) = (vec![], vec![]);
    for i in 0..n {
        let drawn = plane(
            scenes[i % 3],
            first_seed + i as u64,
            SIDE as u32,
            SIDE as u32,
        );
        pixels.extend(drawn.pixels);
        labels.push((i % 3) as u8);
    }
    Pictures::labelled(pixels, labels, scenes.len())
}

fn data() -> Data {
    Data {
        training: pictures(0, 96),
        validation: pictures(1000, 60),
    }
}

fn trained(folder: &Path) -> Outcome<B> {
    let recipe = recipe();
    let plan = Plan::new(&recipe, 3).unwrap();
    let on_event = |_: run::Event<'_>| std::ops::ControlFlow::Continue(());
    train::<B>(
        &recipe,
        &plan,
        &data(),
        folder,
        &Default::default(),
        on_event,
    )
    .unwrap()
}

/// A run folder and its packed model.
fn made(folder: &Path) -> PathBuf {
    let outcome = trained(folder);
    let recipe = recipe();
    RunConfig {
        data: "drawings".into(),
        ferplus: None,
        evaluation: vec![],
        teacher: None,
        init: None,
        labels: NAMES.map(str::to_owned).to_vec(),
        validation: "drawings".into(),
        peers: 1,
        recipe: recipe.clone(),
    }
    .write(folder)
    .unwrap();
    let plan = Plan::new(&recipe, 3).unwrap();
    let (convs, denses) = fold_net(&outcome.best, recipe.batch_norm);
    let network = PackedNetwork::new(&plan, &convs, &denses, Precision::Int8);
    let card = ModelCard {
        name: "test",
        data: "drawings",
        recipe: RECIPE,
        date: "2026-01-01",
        licence: "",
        notes: "",
        figures: vec![],
    };
    let input = recipe.input.preprocessing();
    let bytes = pack(&network, input, &labels(NAMES), 1.0, card, 1).unwrap();
    let path = folder.join("packed.postcard");
    std::fs::write(&path, bytes).unwrap();
    path
}

fn net(init: &Init, names: [&str; 3]) -> Net<Flex> {
    let recipe = recipe();
    let plan = Plan::new(&recipe, 3).unwrap();
    let device = Default::default();
    let fresh = Net::<Flex>::new(&plan, 77, &device);
    init.net(
        fresh,
        &recipe,
        &plan,
        &labels(names),
        &data().training,
        &device,
    )
    .unwrap()
}

fn loss(net: &Net<Flex>, pictures: &Pictures) -> f64 {
    let recipe = recipe();
    let plan = Plan::new(&recipe, 3).unwrap();
    validate(net, &plan, &recipe, pictures, &Default::default()).loss
}

#[test]
fn both_start_where_the_training_ended() {
    let folder = tempfile::tempdir().unwrap();
    let packed = made(folder.path());
    let validation = pictures(1000, 60);
    let device = Default::default();
    let plan = Plan::new(&recipe(), 3).unwrap();
    let scratch = loss(&Net::<Flex>::new(&plan, 77, &device), &validation);
    let run = Init::open(folder.path()).unwrap();
    let of_run = loss(&net(&run, NAMES), &validation);
    let init = Init::open(&packed).unwrap();
    let of_packed = loss(&net(&init, NAMES), &validation);
    println!("loss from scratch {scratch}, from the run {of_run}, from the file {of_packed}");
    assert!(of_run < 0.8 * scratch, "{of_run} {scratch}");
    // Rounded to int8.
    assert!((of_packed - of_run).abs() < 0.02, "{of_packed} {of_run}");
}

#[test]
fn a_settled_network_computes_the_same_by_a_batch_s_statistics() {
    let folder = tempfile::tempdir().unwrap();
    let init = Init::open(&made(folder.path())).unwrap();
    let net = net(&init, NAMES);
    let recipe = recipe();
    let mut plan = Plan::new(&recipe, 3).unwrap();
    plan.steps.iter_mut().for_each(|step| {
        use crate::train::plan::StepOp::{DropPath, Dropout};
        if let Dropout { rate } | DropPath { rate } = &mut step.op {
            *rate = 0.0;
        }
    });
    let training = data().training;
    let mut inputs = vec![0f32; training.len() * SIDE * SIDE];
    for (i, out) in inputs.chunks_exact_mut(SIDE * SIDE).enumerate() {
        augment::plain(
            training.picture(i),
            &recipe.input.preprocessing(),
            SIDE,
            out,
        );
    }
    let inputs = TensorData::new(inputs, [training.len(), 1, SIDE, SIDE]);
    let x = Tensor::<Flex, 4>::from_data(inputs, &Default::default());
    let logits = |mode: Mode<'_, Flex>| {
        let y = net.forward(&plan, recipe.batch_norm, x.clone(), mode);
        y.into_data().iter::<f32>().collect::<Vec<f32>>()
    };
    let evaluated = logits(Mode::Evaluate);
    let mut stats = vec![];
    let noise = &mut crate::train::net::noise(1, 0, 0);
    let trained = logits(Mode::Train {
        stats: &mut stats,
        noise,
    });
    for (a, b) in evaluated.iter().zip(&trained) {
        assert!((a - b).abs() < 1e-2 * a.abs().max(1.0), "{a} {b}");
    }
}

#[test]
fn training_goes_on_below_the_loss_of_a_start_from_scratch() {
    let folder = tempfile::tempdir().unwrap();
    let packed = made(folder.path());
    let first_loss = |start: Option<&Path>| {
        let run = tempfile::tempdir().unwrap();
        if let Some(path) = start {
            let init = Init::open(path).unwrap();
            let device = Default::default();
            init.start::<B>(
                &recipe(),
                &labels(NAMES),
                &data().training,
                run.path(),
                &device,
            )
            .unwrap();
        }
        let outcome = trained(run.path());
        outcome.rows[0].train_loss
    };
    let scratch = first_loss(None);
    for start in [folder.path(), &packed] {
        let loss = first_loss(Some(start));
        println!("first epoch's loss {loss}, from scratch {scratch}");
        assert!(loss < 0.8 * scratch, "{loss} {scratch}");
    }
}

#[test]
fn outputs_go_by_label() {
    let folder = tempfile::tempdir().unwrap();
    let run = Init::open({
        made(folder.path());
        folder.path()
    })
    .unwrap();
    let (same, other) = (
        net(&run, NAMES),
        net(&run, ["checker", "spots", "gradient"]),
    );
    let bias = |net: &Net<Flex>| floats(&net.denses.last().unwrap().bias);
    let weight = |net: &Net<Flex>| floats(&net.denses.last().unwrap().weight);
    let (old, new) = (weight(&same), weight(&other));
    assert_eq!(new[0..8], old[16..24]);
    assert_eq!(new[16..24], old[0..8]);
    assert_ne!(new[8..16], old[8..16]);
    assert_eq!((bias(&other)[0], bias(&other)[1]), (bias(&same)[2], 0.0));
}

#[test]
fn another_network_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let packed = made(folder.path());
    let wider = RECIPE.replace("out = 6", "out = 7");
    let deeper = RECIPE.replace(
        "{ kind = \"max_pool\" },",
        "{ kind = \"residual\", out = 6 },",
    );
    let raw = RECIPE.replace(
        "{ kind = \"standardized\", target_std = 48, min_std = 12 }",
        "{ kind = \"raw\" }",
    );
    for (text, part) in [
        (wider, "another shape"),
        (deeper, "instead of"),
        (raw, "Raw"),
    ] {
        let recipe = Recipe::parse(&text, Path::new("other.toml")).unwrap();
        for path in [folder.path(), &packed] {
            let init = Init::open(path).unwrap();
            let run = tempfile::tempdir().unwrap();
            let error = init
                .start::<B>(
                    &recipe,
                    &labels(NAMES),
                    &data().training,
                    run.path(),
                    &Default::default(),
                )
                .unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
    }
    let error = Init::open(&folder.path().join("results.csv"))
        .err()
        .unwrap();
    assert!(matches!(error, InitError::Format(_)), "{error}");
    let error = Init::open(&folder.path().join("best")).err().unwrap();
    assert!(matches!(error, InitError::Config(_)), "{error}");
}
