//! A small network on drawn pictures: it learns, it keeps what it has, it survives NaN.

use std::ops::ControlFlow;
use std::path::Path;

use burn::backend::{Autodiff, Flex};
use mien_models::procedural::{Scene, plane};

use super::loader::{Mixing, Pictures, for_each_batch};
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
    let (mut pixels, mut labels) = (vec![], vec![]);
    for i in 0..n {
        let seed = first_seed + i as u64;
        let drawn = plane(scenes[i % 3], seed, SIDE as u32, SIDE as u32);
        pixels.extend(drawn.pixels);
        labels.push((i % 3) as u8);
    }
    Pictures::labelled(pixels, labels, scenes.len())
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
    std::fs::remove_dir_all(folder.path().join("last.old")).unwrap();
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
fn a_kill_while_the_first_checkpoint_is_finished_costs_that_epoch_alone() {
    let folder = tempfile::tempdir().unwrap();
    let coming = folder.path().join("last.new");
    for begun in ["", "{\n  \"files\": {"] {
        std::fs::create_dir_all(&coming).unwrap();
        std::fs::write(coming.join("manifest.json"), begun).unwrap();
        let rows = run(&recipe(), folder.path(), 1).unwrap();
        assert_eq!(rows.len(), 1, "as if there had been no checkpoint");
        std::fs::remove_dir_all(folder.path().join("last")).unwrap();
        let _ = std::fs::remove_dir_all(folder.path().join("last.old"));
        std::fs::remove_file(folder.path().join("results.csv")).unwrap();
    }
}

#[test]
fn a_damaged_checkpoint_is_an_error_and_stays_untouched() {
    let folder = tempfile::tempdir().unwrap();
    run(&recipe(), folder.path(), 1).unwrap();
    let net = folder.path().join("last/net.mpk");
    let whole = std::fs::read(&net).unwrap();
    std::fs::write(&net, &whole[..whole.len() / 2]).unwrap();
    let error = run(&recipe(), folder.path(), 2).unwrap_err().to_string();
    assert!(
        error.contains("damaged") && error.contains("last/net.mpk"),
        "{error}"
    );
    assert_eq!(std::fs::read(&net).unwrap().len(), whole.len() / 2);
    assert!(folder.path().join("best/net.mpk").exists());
}

#[test]
fn a_damaged_checkpoint_costs_an_epoch_and_not_the_curve() {
    let folder = tempfile::tempdir().unwrap();
    let rows = run(&recipe(), folder.path(), 3).unwrap();
    std::fs::remove_file(folder.path().join("last/optimizer.mpk")).unwrap();
    assert_eq!(run(&recipe(), folder.path(), 3).unwrap(), rows);
}

#[test]
fn damaged_best_weights_are_said_before_more_is_trained() {
    let folder = tempfile::tempdir().unwrap();
    run(&recipe(), folder.path(), 1).unwrap();
    std::fs::write(folder.path().join("best/net.mpk"), b"cut").unwrap();
    let error = run(&recipe(), folder.path(), 2).unwrap_err().to_string();
    assert!(error.contains("best/net.mpk"), "{error}");
    let csv = std::fs::read_to_string(folder.path().join("results.csv")).unwrap();
    assert_eq!(csv.lines().count(), 1 + 1, "no epoch was trained");
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
    assert!(folder.path().join("best/net.mpk").exists());
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

/// Everything that has a state from step to step or epoch to epoch.
const STATEFUL: &str = r#"
name = "stateful"
description = "Small, with every state a run can have."
epochs = 6
batch = 16
seed = 7
select = "validation_loss"
ema_decay = 0.5
drop_path = 0.3
clip_norm = 1.0
input = { kind = "raw" }
optimizer = { kind = "adamw", weight_decay = 0.05 }
schedule = { kind = "plateau", learning_rate = 0.05, factor = 0.3, patience_epochs = 1 }
sam = { rho = 0.05 }
layers = [
  { kind = "conv", out = 4, stride = 4 },
  { kind = "residual", out = 6, stride = 2, se = 2, shortcut = "avg_pool", repeat = 2 },
  { kind = "global_avg_pool" },
  { kind = "dropout", rate = 0.1 },
]
"#;

#[test]
fn a_resumed_run_goes_on_exactly_whatever_state_it_has() {
    let recipe = Recipe::parse(STATEFUL, Path::new("stateful.toml")).unwrap();
    let whole = tempfile::tempdir().unwrap();
    let rows = run(&recipe, whole.path(), 6).unwrap();
    assert!(
        rows.windows(2)
            .any(|w| w[1].learning_rate < w[0].learning_rate),
        "the plateau schedule had something to remember: {rows:?}"
    );
    let parts = tempfile::tempdir().unwrap();
    for epochs in [1, 2, 3, 4, 6] {
        run(&recipe, parts.path(), epochs).unwrap();
    }
    assert_eq!(run(&recipe, parts.path(), 6).unwrap(), rows);
    assert!(rows[5].val_accuracy > 0.5, "and it learns: {rows:?}");
}

#[test]
fn smaller_pictures_come_first_and_a_resume_knows_where_it_is() {
    let stages = "seed = 5\nresolution = [{ until = 0.5, side = 24 }, { until = 0.7, side = 32 }]";
    let text = RECIPE.replace("seed = 5", stages);
    let recipe = Recipe::parse(&text, Path::new("test.toml")).unwrap();
    let training = pictures(0, 96);
    let sides: Vec<usize> = (0..4)
        .map(|epoch| {
            let mut side = 0;
            let mixing = Mixing::new(&recipe, epoch);
            let seen: Result<(), ()> = for_each_batch(&training, mixing, epoch, |batch| {
                side = batch.side;
                assert_eq!(batch.inputs.len(), batch.len * side * side);
                Ok(())
            });
            seen.unwrap();
            side
        })
        .collect();
    assert_eq!(sides, [24, 24, 32, 48]);

    let whole = tempfile::tempdir().unwrap();
    let rows = run(&recipe, whole.path(), 4).unwrap();
    let parts = tempfile::tempdir().unwrap();
    for epochs in [1, 2, 3] {
        run(&recipe, parts.path(), epochs).unwrap();
    }
    assert_eq!(run(&recipe, parts.path(), 4).unwrap(), rows);

    let flat = text.replace("global_avg_pool", "flatten");
    let flat = Recipe::parse(&flat, Path::new("test.toml")).unwrap();
    let error = Plan::new(&flat, 3).unwrap_err().to_string();
    assert!(
        error.contains("resolution.side") && error.contains("global_avg_pool"),
        "{error}"
    );
}

#[test]
fn pictures_without_label_do_not_count_as_hits_or_misses() {
    let mut data = data();
    for row in data.training.targets.chunks_exact_mut(3).step_by(2) {
        row.fill(0.0);
    }
    let mut recipe = recipe();
    (recipe.mixup_alpha, recipe.epochs) = (0.0, 4);
    let plan = Plan::new(&recipe, 3).unwrap();
    let folder = tempfile::tempdir().unwrap();
    let event = |_: Event<'_>| ControlFlow::Continue(());
    let device = Default::default();
    let train = train::<Autodiff<Flex>>(&recipe, &plan, &data, folder.path(), &device, event);
    let rows = train.unwrap().rows;
    // Half of the pictures have a label: counted over all, 0.5 would be the most.
    assert!(rows[3].train_accuracy > 0.6, "{rows:?}");
}

#[test]
fn a_run_without_progress_stops_early_and_stays_stopped() {
    let mut recipe = recipe();
    (recipe.epochs, recipe.early_stop_epochs) = (60, 3);
    recipe.select = super::recipe::Select::ValidationAccuracy;
    let folder = tempfile::tempdir().unwrap();
    let plan = Plan::new(&recipe, 3).unwrap();
    let train = || {
        let event = |_: Event<'_>| ControlFlow::Continue(());
        let device = Default::default();
        train::<Autodiff<Flex>>(&recipe, &plan, &data(), folder.path(), &device, event).unwrap()
    };
    let outcome = train();
    assert!(outcome.stopped_early && outcome.rows.len() < 60);
    assert_eq!(outcome.rows.len(), outcome.progress.best_epoch + 3);
    let best = &outcome.rows[outcome.progress.best_epoch - 1];
    assert!(
        outcome
            .rows
            .iter()
            .all(|row| row.val_accuracy <= best.val_accuracy)
    );
    let again = train();
    assert_eq!(
        again.rows.len(),
        outcome.rows.len(),
        "nothing more was trained"
    );
}

#[test]
fn progress_of_older_checkpoints_is_read() {
    let text = r#"{"epochs":3,"steps":12,"best_epoch":2,"best_value":0.5}"#;
    let progress: super::checkpoint::Progress = serde_json::from_str(text).unwrap();
    assert_eq!((progress.best_epoch, progress.best_value), (2, 0.5));
    assert_eq!(progress.plateau, Default::default());
}

#[test]
fn progress_is_read_as_exactly_what_was_written() {
    for numerator in 1..2000u32 {
        let mut progress: super::checkpoint::Progress =
            serde_json::from_str(r#"{"epochs":3,"steps":12,"best_epoch":2,"best_value":0}"#)
                .unwrap();
        progress.best_value = f64::from(numerator) / 3589.0;
        progress.plateau.lowest_loss = 1.0 / f64::from(numerator);
        let text = serde_json::to_string(&progress).unwrap();
        assert_eq!(
            serde_json::from_str::<super::checkpoint::Progress>(&text).unwrap(),
            progress
        );
    }
}
