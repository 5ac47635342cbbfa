//! The training loop.

use std::ops::ControlFlow;
use std::path::Path;
use std::time::Instant;

use burn::module::AutodiffModule;
use burn::optim::GradientsParams;
use burn::tensor::backend::AutodiffBackend;
use burn::tensor::{Tensor, TensorData};

use super::average;
use super::checkpoint::{self, CheckpointError, Progress, State};
use super::gradients;
use super::loader::{Batch, Mixing, Pictures, for_each_batch};
use super::net::{BatchStats, Mode, Net, noise};
use super::objective::Objective;
use super::ops::TrainOps;
use super::optimizer::Rule;
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
    mut on_event: impl FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<Outcome<B>, TrainError>
where
    B: AutodiffBackend + TrainOps,
    B::InnerBackend: TrainOps,
{
    if data.training.len() < recipe.batch {
        return Err(TrainError::TooFew {
            pictures: data.training.len(),
            batch: recipe.batch,
        });
    }
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
        (state, sums) = train_epoch(state, recipe, plan, &data.training, device, &mut on_event)?;
        let validation = validate(&state.average, plan, recipe, &data.validation, device);
        state.progress.epochs += 1;
        let row = EpochRow {
            epoch: state.progress.epochs,
            learning_rate: sums.learning_rate,
            train_loss: sums.loss / sums.steps as f64,
            train_accuracy: sums.hits as f64 / sums.labelled.max(1) as f64,
            val_loss: validation.loss,
            val_accuracy: validation.accuracy(),
            seconds: started.elapsed().as_secs_f64(),
        };
        let (value, best) = match recipe.select {
            Select::ValidationLoss => (row.val_loss, row.val_loss < state.progress.best_value),
            Select::ValidationAccuracy => (
                row.val_accuracy,
                row.val_accuracy > state.progress.best_value,
            ),
        };
        if best {
            state.progress.best_epoch = row.epoch;
            state.progress.best_value = value;
            checkpoint::save_best(&state.average, &best_folder)?;
        }
        let plateau = state.progress.plateau;
        state.progress.plateau = plateau.after(row.val_loss, recipe.schedule);
        rows.push(row);
        // Before the checkpoint: rows that are ahead of it are dropped on resume, and a missing one
        // would stay missing.
        results::write(&csv, &rows)?;
        checkpoint::save(&state, &last)?;
        let event = Event::Epoch {
            row: &row,
            validation: &validation,
            best,
        };
        if on_event(event).is_break() {
            break;
        }
    }
    let best = checkpoint::load_best(&state.average, &best_folder, device)?;
    let validation = validate(&best, plan, recipe, &data.validation, device);
    Ok(Outcome {
        best,
        progress: state.progress,
        rows,
        validation,
        stopped_early: is_stale(recipe, &state.progress),
    })
}

struct Sums {
    loss: f64,
    steps: usize,
    hits: usize,
    labelled: usize,
    pictures: usize,
    learning_rate: f64,
}

fn train_epoch<B: AutodiffBackend + TrainOps>(
    state: State<B>,
    recipe: &Recipe,
    plan: &Plan,
    training: &Pictures,
    device: &B::Device,
    on_event: &mut impl FnMut(Event<'_>) -> ControlFlow<()>,
) -> Result<(State<B>, Sums), TrainError> {
    let State {
        net,
        mut average,
        mut rule,
        mut progress,
    } = state;
    let epoch = progress.epochs;
    let steps = training.len() / recipe.batch;
    let objective = Objective::new(recipe, training.label_count);
    let mut net = Some(net);
    let mut sums = Sums {
        loss: 0.0,
        steps: 0,
        hits: 0,
        labelled: 0,
        pictures: 0,
        learning_rate: 0.0,
    };
    let started = Instant::now();
    for_each_batch(training, Mixing::new(recipe, epoch), epoch, |batch| {
        let Some(current) = net.take() else {
            return Ok(());
        };
        let at = epoch as f64 + (sums.steps as f64 + 1.0) / steps as f64;
        sums.learning_rate =
            recipe
                .schedule
                .learning_rate(at, recipe.epochs as f64, progress.plateau.reductions);
        let input = inputs::<B>(&batch, device);
        let pass = |net: &Net<B>, stats: &mut BatchStats<B>| {
            let noise = &mut noise(recipe.seed, epoch, sums.steps);
            let mode = Mode::Train { stats, noise };
            let logits = net.forward(plan, recipe.batch_norm, input.clone(), mode);
            let loss = objective.loss(logits.clone(), &batch, device);
            (logits, loss)
        };
        let mut stats = vec![];
        let (logits, loss) = pass(&current, &mut stats);
        let value: f64 = burn::tensor::ElementConversion::elem(loss.clone().into_scalar());
        if !value.is_finite() {
            let (epoch, step, kept) = (epoch + 1, sums.steps + 1, epoch);
            return Err(TrainError::Diverged {
                epoch,
                step,
                loss: value,
                kept,
            });
        }
        let mut grads = GradientsParams::from_grads(loss.backward(), &current);
        if let Some(sam) = recipe.sam {
            // The same pictures and the same dropout; these statistics are of moved weights.
            let moved = gradients::ascend(current.clone(), grads, sam.rho);
            let (_, loss) = pass(&moved, &mut vec![]);
            grads = GradientsParams::from_grads(loss.backward(), &moved);
        }
        if recipe.clip_norm > 0.0 {
            grads = gradients::clip(&current, grads, recipe.clip_norm);
        }
        sums.steps += 1;
        sums.loss += value;
        sums.pictures += batch.len;
        let (hits, labelled) = hits(
            &floats(logits.into_data()),
            &batch.targets,
            training.label_count,
            batch.targets.len() / batch.len,
        );
        sums.hits += hits;
        sums.labelled += labelled;
        let updated = rule.step(sums.learning_rate, current, grads);
        let updated = updated.update_statistics(plan, stats, recipe.batch_norm.momentum);
        progress.steps += 1;
        let valid = updated.valid();
        average = if recipe.ema_decay > 0.0 {
            average::update(average.clone(), &valid, recipe.ema_decay, progress.steps)
        } else {
            valid
        };
        net = Some(updated);
        let event = Event::Step {
            epoch: epoch + 1,
            step: sums.steps,
            steps,
            loss: sums.loss / sums.steps as f64,
            learning_rate: sums.learning_rate,
            pictures_per_second: sums.pictures as f64 / started.elapsed().as_secs_f64(),
        };
        if on_event(event).is_break() {
            return Err(TrainError::Stopped {
                epoch: epoch + 1,
                step: sums.steps,
                steps,
                kept: epoch,
            });
        }
        Ok(())
    })?;
    let net = net.unwrap_or_else(|| unreachable!("put back at the end of every step"));
    Ok((
        State {
            net,
            average,
            rule,
            progress,
        },
        sums,
    ))
}

fn inputs<B: burn::tensor::backend::Backend>(batch: &Batch, device: &B::Device) -> Tensor<B, 4> {
    let data = TensorData::new(batch.inputs.clone(), [batch.len, 1, batch.side, batch.side]);
    Tensor::from_data(data, device)
}

/// The values of a float tensor's data as `f32`.
pub(super) fn floats(data: TensorData) -> Vec<f32> {
    data.iter::<f32>().collect()
}

/// Rows whose largest logit is where the largest target is, and rows that have a target.
fn hits(logits: &[f32], targets: &[f32], labels: usize, width: usize) -> (usize, usize) {
    let rows = logits.chunks_exact(width).zip(targets.chunks_exact(width));
    let rows = rows.map(|(logits, targets)| (&logits[..labels], &targets[..labels]));
    let labelled = rows.filter(|(_, targets)| targets.iter().any(|t| *t > 0.0));
    labelled.fold((0, 0), |(hits, labelled), (logits, targets)| {
        let hit = argmax(logits) == argmax(targets);
        (hits + usize::from(hit), labelled + 1)
    })
}

/// Index of the first largest value.
pub(super) fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (i, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = i;
        }
    }
    best
}
