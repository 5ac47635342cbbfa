//! One epoch of training.

use std::ops::ControlFlow;
use std::time::Instant;

use burn::module::AutodiffModule;
use burn::optim::GradientsParams;
use burn::tensor::backend::{AutodiffBackend, Backend};
use burn::tensor::{ElementConversion, Tensor, TensorData};

use super::average;
use super::checkpoint::State;
use super::gradients;
use super::loader::{Batch, Mixing, Pictures, for_each_batch};
use super::net::{BatchStats, Mode, Net, noise};
use super::objective::Objective;
use super::ops::TrainOps;
use super::peers::Place;
use super::plan::Plan;
use super::recipe::Recipe;
use super::run::{Event, TrainError};

/// What was added up over an epoch.
pub(super) struct Sums {
    pub loss: f64,
    pub steps: usize,
    pub hits: usize,
    pub labelled: usize,
    pictures: usize,
    /// At the last step.
    pub learning_rate: f64,
}

/// Trains for one epoch, with all peers.
pub(super) fn train_epoch<B: AutodiffBackend + TrainOps>(
    state: State<B>,
    place: Place,
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
    let steps = training.len() / recipe.batch / place.count();
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
    let mixing = Mixing {
        place,
        ..Mixing::new(recipe, epoch)
    };
    for_each_batch(training, mixing, epoch, |batch| {
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
            let number = sums.steps * place.count() + place.rank();
            let noise = &mut noise(recipe.seed, epoch, number);
            let mode = Mode::Train { stats, noise };
            let logits = net.forward(plan, recipe.batch_norm, input.clone(), mode);
            let loss = objective.loss(logits.clone(), &batch, device);
            (logits, loss)
        };
        let mut stats = vec![];
        let (logits, loss) = pass(&current, &mut stats);
        // All peers stop if one must.
        let value = loss.clone().into_scalar().elem();
        let value = place.mean_value::<B::InnerBackend>(value, device)?;
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
        grads = place.mean_gradients::<B::InnerBackend>(grads)?;
        let stats = place.mean_statistics(stats)?;
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

fn inputs<B: Backend>(batch: &Batch, device: &B::Device) -> Tensor<B, 4> {
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
