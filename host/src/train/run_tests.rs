//! A small network on drawn pictures: it learns, it keeps what it has, it survives NaN.

use std::ops::ControlFlow;
use std::path::Path;

use burn::backend::{Autodiff, Flex};
use mien_models::procedural::{Scene, plane};

use super::loader::Pictures;
use super::plan::{Plan, SIDE};
use super::recipe::Recipe;
use super::results::EpochRow;
use super::run::{Data, Event, TrainError, train};

const RECIPE: &str = r#"
name = "test"
description = "Small enough for a test."
epochs = 4
batch = 16
seed = 5
select = "validation_loss"
label_smoothing = 0.05
mixup_alpha = 0.1
ema_decay = 0.5
input = { kind = "standardized", target_std = 48, min_std = 12 }
augment = { flip = true, rotation_deg = 5.0, erase = 0.1 }
optimizer = { kind = "sgd", momentum = 0.9, nesterov = true, weight_decay = 1e-4 }
schedule = { kind = "cosine", learning_rate = 0.05, warmup_epochs = 0.5 }
layers = [
  { kind = "conv", out = 4, stride = 2 },
  { kind = "residual", out = 6, stride = 2 },
  { kind = "max_pool" },
  { kind = "global_avg_pool" },
  { kind = "dropout", rate = 0.1 },
]
"#;

fn recipe() -> Recipe {
    Recipe::parse(RECIPE, Path::new("test.toml")).unwrap()
}

/// Three kinds of drawings as three classes.
fn pictures(first_seed: u64, n: usize) -> Pictures {
    let scenes = [Scene::Gradient, Scene::Noise, Scene::Checker];
    let mut pictures = Pictures {
        pixels: vec![],
        labels: vec![],
        label_count: scenes.len(),
    };
    for i in 0..n {
        let seed = first_seed + i as u64;
        let drawn = plane(scenes[i % 3], seed, SIDE as u32, SIDE as u32);
        pictures.pixels.extend(drawn.pixels);
        pictures.labels.push((i % 3) as u8);
    }
    pictures
}

fn data() -> Data {
    Data {
        training: pictures(0, 96),
        validation: pictures(1000, 30),
    }
}

/// Trains in `folder`, stopping after `epochs`; the rows without their times.
fn run(recipe: &Recipe, folder: &Path, epochs: usize) -> Result<Vec<EpochRow>, TrainError> {
    let plan = Plan::new(recipe, 3).unwrap();
    let outcome = train::<Autodiff<Flex>>(
        recipe,
        &plan,
        &data(),
        folder,
        &Default::default(),
        |event| match event {
            Event::Epoch { row, .. } if row.epoch == epochs => ControlFlow::Break(()),
            _ => ControlFlow::Continue(()),
        },
    )?;
    Ok(outcome
        .rows
        .into_iter()
        .map(|row| EpochRow {
            seconds: 0.0,
            ..row
        })
        .collect())
}

#[test]
fn it_learns() {
    let folder = tempfile::tempdir().unwrap();
    let rows = run(&recipe(), folder.path(), 4).unwrap();
    assert_eq!(rows.len(), 4);
    assert!(rows[3].val_accuracy > 0.6, "three easy classes: {rows:?}");
    assert!(rows[3].train_loss < rows[0].train_loss);
}

#[test]
fn a_kill_between_the_renames_of_a_checkpoint_loses_nothing() {
    let folder = tempfile::tempdir().unwrap();
    run(&recipe(), folder.path(), 2).unwrap();
    // As if killed after the old checkpoint was moved away and before the new one came.
    std::fs::rename(folder.path().join("last"), folder.path().join("last.old")).unwrap();
    std::fs::create_dir(folder.path().join("last.new")).unwrap();
    let rows = run(&recipe(), folder.path(), 3).unwrap();
    assert_eq!(
        rows.len(),
        3,
        "epochs 1 and 2 are still there, 3 was trained"
    );
}

#[test]
fn a_damaged_checkpoint_is_an_error_and_stays_untouched() {
    let folder = tempfile::tempdir().unwrap();
    run(&recipe(), folder.path(), 1).unwrap();
    let net = folder.path().join("last/net.bin");
    let whole = std::fs::read(&net).unwrap();
    std::fs::write(&net, &whole[..whole.len() / 2]).unwrap();
    let error = run(&recipe(), folder.path(), 2).unwrap_err().to_string();
    assert!(
        error.contains("missing or damaged") && error.contains("net"),
        "{error}"
    );
    assert_eq!(std::fs::read(&net).unwrap().len(), whole.len() / 2);
    assert!(folder.path().join("best/net.bin").exists());
}

#[test]
fn divergence_stops_with_a_message_and_keeps_earlier_weights() {
    let folder = tempfile::tempdir().unwrap();
    run(&recipe(), folder.path(), 1).unwrap();
    let mut hot = recipe();
    // Resuming with an absurd rate: f32 overflows within the epoch.
    hot.schedule = super::recipe::Schedule::Constant {
        learning_rate: 1e30,
    };
    let error = run(&hot, folder.path(), 4).unwrap_err();
    assert!(
        matches!(error, TrainError::Diverged { kept: 1.., .. }),
        "{error}"
    );
    assert!(folder.path().join("best/net.bin").exists());
    assert!(
        run(&recipe(), folder.path(), 2).is_ok(),
        "the checkpoint before it still works"
    );
}

#[test]
fn too_few_pictures_are_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let mut wide = recipe();
    wide.batch = 97;
    let error = run(&wide, folder.path(), 1).unwrap_err();
    assert!(matches!(
        error,
        TrainError::TooFew {
            pictures: 96,
            batch: 97
        }
    ));
}
