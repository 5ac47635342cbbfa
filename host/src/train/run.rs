//! The training loop.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::time::Instant;

use burn::module::AutodiffModule;
use burn::tensor::backend::AutodiffBackend;

use super::checkpoint::{self, CheckpointError, Progress, State};
use super::epoch::train_epoch;
use super::loader::Pictures;
use super::net::Net;
use super::ops::TrainOps;
use super::optimizer::Rule;
use super::peers::{PeerError, Place};
use super::plan::Plan;
use super::recipe::{Recipe, Select};
use super::results::{self, EpochRow};
use super::validate::{Validation, validate};

/// Why training stopped before its end.
#[derive(Debug, thiserror::Error)]
pub enum TrainError {
    /// The loss is not a number any more.
    #[error(
        "training diverged in epoch {epoch}, step {step}: the loss is {loss}. The weights of epoch \
         {kept} are kept; a lower learning rate usually helps"
    )]
    Diverged {
        /// Counted from 1.
        epoch: usize,
        /// Within the epoch, counted from 1.
        step: usize,
        /// The loss.
        loss: f64,
        /// The last epoch with a checkpoint.
        kept: usize,
    },
    /// The caller asked to stop.
    #[error("training was stopped in epoch {epoch}, step {step} of {steps}; epoch {kept} is kept")]
    Stopped {
        /// Counted from 1.
        epoch: usize,
        /// The last step that was done, counted from 1.
        step: usize,
        /// Steps per epoch.
        steps: usize,
        /// The last epoch with a checkpoint, from which a resumed run goes on; 0 for none.
        kept: usize,
    },
    /// Fewer training pictures than one batch.
    #[error("{pictures} training pictures are less than one batch of {batch}")]
    TooFew {
        /// Training pictures.
        pictures: usize,
        /// The recipe's batch.
        batch: usize,
    },
    /// A checkpoint could not be written or read.
    #[error(transparent)]
    Checkpoint(#[from] CheckpointError),
    /// Peers start from the same weights, and there are none.
    #[error("there is no checkpoint in {0} that the peers could start from")]
    NoStart(PathBuf),
    /// The other peers are gone or do something else.
    #[error(transparent)]
    Peers(#[from] PeerError),
    /// results.csv could not be written or read.
    #[error("cannot write or read results.csv: {0}")]
    Results(#[from] csv::Error),
}

/// What the caller is told while training goes on.
pub enum Event<'a> {
    /// The run goes on from an older checkpoint.
    Older {
        /// What is wrong with the newest one.
        damaged: &'a CheckpointError,
        /// Finished epochs of the older one.
        epochs: usize,
    },
    /// A step is done.
    Step {
        /// Counted from 1.
        epoch: usize,
        /// Within the epoch, counted from 1.
        step: usize,
        /// Steps per epoch.
        steps: usize,
        /// Running mean over the epoch.
        loss: f64,
        /// Of this step.
        learning_rate: f64,
        /// Pictures per second over the epoch so far.
        pictures_per_second: f64,
    },
    /// An epoch is done and its checkpoint written.
    Epoch {
        /// Its figures.
        row: &'a EpochRow,
        /// What they were computed from.
        validation: &'a Validation,
        /// Whether it is the best so far.
        best: bool,
    },
}

/// The data of a run.
pub struct Data {
    /// To fit.
    pub training: Pictures,
    /// To choose the epoch.
    pub validation: Pictures,
}

/// How a run ended.
pub struct Outcome<B: AutodiffBackend> {
    /// Weights of the best epoch.
    pub best: Net<B::InnerBackend>,
    /// Weights at the end.
    pub last: Net<B>,
    /// Counters at the end.
    pub progress: Progress,
    /// All epochs.
    pub rows: Vec<EpochRow>,
    /// Validation of the best weights.
    pub validation: Validation,
    /// Whether it ended because no epoch was better for a while.
    pub stopped_early: bool,
}

/// Whether the recipe's patience with epochs that are not the best is over.
fn is_stale(recipe: &Recipe, progress: &Progress) -> bool {
    let waited = progress.epochs.saturating_sub(progress.best_epoch);
    recipe.early_stop_epochs > 0 && waited >= recipe.early_stop_epochs
}

/// A state before the first step.
pub fn fresh<B: AutodiffBackend>(recipe: &Recipe, plan: &Plan, device: &B::Device) -> State<B> {
    let net = Net::<B>::new(plan, recipe.seed, device);
    let worst = match recipe.select {
        Select::ValidationLoss => f64::MAX,
        Select::ValidationAccuracy => -1.0,
    };
    State {
        average: net.valid(),
        net,
        rule: Rule::new(recipe.optimizer),
        progress: Progress {
            epochs: 0,
            steps: 0,
            best_epoch: 0,
            best_value: worst,
            plateau: Default::default(),
        },
    }
}

/// Trains `recipe` in `folder` from its newest checkpoint, or from the start where there is none.
/// `on_event` may end the run after an epoch, or within one, which then counts as not begun; both
/// can be resumed.
///
/// # Errors
/// When it is ended within an epoch, the loss diverges or a file cannot be written; earlier
/// checkpoints stay as they are.
pub fn train<B>(
    recipe: &Recipe,
    plan: &Plan,
    data: &Data,
    folder: &Path,
    device: &B::Device,
    on_event: impl FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Outcome<B>, TrainError>
where
    B: AutodiffBackend + TrainOps,
    B::InnerBackend: TrainOps,
{
    lead(Place::ALONE, recipe, plan, data, folder, device, on_event)
}

fn check_size(recipe: &Recipe, training: &Pictures, place: Place) -> Result<(), TrainError> {
    let batch = recipe.batch * place.count();
    if training.len() < batch {
        return Err(TrainError::TooFew {
            pictures: training.len(),
            batch,
        });
    }
    Ok(())
}

/// Counts an epoch with this validation; whether it is the best.
fn count_epoch(progress: &mut Progress, recipe: &Recipe, loss: f64, accuracy: f64) -> bool {
    progress.epochs += 1;
    let (value, best) = match recipe.select {
        Select::ValidationLoss => (loss, loss < progress.best_value),
        Select::ValidationAccuracy => (accuracy, accuracy > progress.best_value),
    };
    if best {
        progress.best_epoch = progress.epochs;
        progress.best_value = value;
    }
    progress.plateau = progress.plateau.after(loss, recipe.schedule);
    best
}

/// The first peer's part of a run: it validates and writes. Peers start from a checkpoint in
/// `folder`, their own copy of it or the same.
///
/// # Errors
/// As [`train`], and when the peers do not work together.
pub fn lead<B>(
    place: Place,
    recipe: &Recipe,
    plan: &Plan,
    data: &Data,
    folder: &Path,
    device: &B::Device,
    mut on_event: impl FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Outcome<B>, TrainError>
where
    B: AutodiffBackend + TrainOps,
    B::InnerBackend: TrainOps,
{
    check_size(recipe, &data.training, place)?;
    let (last, best_folder) = (folder.join("last"), folder.join("best"));
    let mut state = fresh::<B>(recipe, plan, device);
    if let Some(loaded) = checkpoint::load(&state, &last, device)? {
        state = loaded.state;
        if let Some(damaged) = &loaded.damaged {
            let epochs = state.progress.epochs;
            let _ = on_event(Event::Older { damaged, epochs });
        }
        if state.progress.best_epoch > 0 {
            // Better said now than after the last epoch.
            checkpoint::load_best(&state.average, &best_folder, device)?;
        }
    }
    let csv = folder.join("results.csv");
    let mut rows = results::read(&csv, state.progress.epochs)?;
    while state.progress.epochs < recipe.epochs && !is_stale(recipe, &state.progress) {
        let started = Instant::now();
        let sums;
        (state, sums) = train_epoch(
            state,
            place,
            recipe,
            plan,
            &data.training,
            device,
            &mut on_event,
        )?;
        let validation = validate(&state.average, plan, recipe, &data.validation, device);
        let (mut val_loss, mut val_accuracy) = (validation.loss, validation.accuracy());
        if place != Place::ALONE {
            // All must decide by the same numbers.
            let own = [val_loss as f32, val_accuracy as f32];
            [val_loss, val_accuracy] = place
                .hear::<B::InnerBackend, 2>(own, device)?
                .map(f64::from);
        }
        let best = count_epoch(&mut state.progress, recipe, val_loss, val_accuracy);
        let row = EpochRow {
            epoch: state.progress.epochs,
            learning_rate: sums.learning_rate,
            train_loss: sums.loss / sums.steps as f64,
            train_accuracy: sums.hits as f64 / sums.labelled.max(1) as f64,
            val_loss,
            val_accuracy,
            seconds: started.elapsed().as_secs_f64(),
        };
        rows.push(row);
        let written = write(&state, best, &rows, folder);
        let event = Event::Epoch {
            row: &row,
            validation: &validation,
            best,
        };
        let go_on = written.is_ok() && on_event(event).is_continue();
        let [stop] = place.hear::<B::InnerBackend, 1>([f32::from(!go_on)], device)?;
        written?;
        if stop > 0.0 {
            break;
        }
    }
    let best = checkpoint::load_best(&state.average, &best_folder, device)?;
    let validation = validate(&best, plan, recipe, &data.validation, device);
    Ok(Outcome {
        best,
        last: state.net,
        progress: state.progress,
        rows,
        validation,
        stopped_early: is_stale(recipe, &state.progress),
    })
}

/// Another peer's part of a run that [`lead`] leads; its weights at the end.
///
/// # Errors
/// When the loss diverges, there is no checkpoint to start from, or the peers do not work together.
pub fn follow<B>(
    place: Place,
    recipe: &Recipe,
    plan: &Plan,
    training: &Pictures,
    folder: &Path,
    device: &B::Device,
) -> Result<Net<B>, TrainError>
where
    B: AutodiffBackend + TrainOps,
    B::InnerBackend: TrainOps,
{
    check_size(recipe, training, place)?;
    let fresh = fresh::<B>(recipe, plan, device);
    let Some(loaded) = checkpoint::load(&fresh, &folder.join("last"), device)? else {
        return Err(TrainError::NoStart(folder.to_owned()));
    };
    let mut state = loaded.state;
    let mut quiet = |_: Event<'_>| ControlFlow::Continue(());
    while state.progress.epochs < recipe.epochs && !is_stale(recipe, &state.progress) {
        (state, _) = train_epoch(state, place, recipe, plan, training, device, &mut quiet)?;
        let [loss, accuracy] = place
            .hear::<B::InnerBackend, 2>([0.0; 2], device)?
            .map(f64::from);
        count_epoch(&mut state.progress, recipe, loss, accuracy);
        let [stop] = place.hear::<B::InnerBackend, 1>([0.0], device)?;
        if stop > 0.0 {
            break;
        }
    }
    Ok(state.net)
}

/// Writes what an epoch leaves.
fn write<B: AutodiffBackend>(
    state: &State<B>,
    best: bool,
    rows: &[EpochRow],
    folder: &Path,
) -> Result<(), TrainError> {
    if best {
        checkpoint::save_best(&state.average, &folder.join("best"))?;
    }
    // Before the checkpoint: rows that are ahead of it are dropped on resume, and a missing one
    // would stay missing.
    results::write(&folder.join("results.csv"), rows)?;
    checkpoint::save(state, &folder.join("last"))?;
    Ok(())
}
