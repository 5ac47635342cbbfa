//! Loss and confusion matrix on the validation split, in float, with the weights being trained.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData, activation};

use super::augment::{self, PIXELS};
use super::epoch::{argmax, floats};
use super::loader::Pictures;
use super::net::{Mode, Net};
use super::ops::TrainOps;
use super::plan::{Plan, SIDE};
use super::recipe::Recipe;
use crate::evaluate::Predictions;

/// Pictures evaluated at once.
const BATCH: usize = 256;

/// Result of a validation.
#[derive(Clone, Debug)]
pub struct Validation {
    /// Mean cross-entropy (natural logarithm).
    pub loss: f64,
    /// Counts `[truth][prediction]`.
    pub confusion: Vec<Vec<u64>>,
    /// What the network said of each picture.
    pub predictions: Predictions,
}

impl Validation {
    /// Share of hits, 0..1; 0 without pictures.
    pub fn accuracy(&self) -> f64 {
        let total: u64 = self.confusion.iter().flatten().sum();
        let hits: u64 = self
            .confusion
            .iter()
            .enumerate()
            .map(|(i, row)| row[i])
            .sum();
        if total == 0 {
            0.0
        } else {
            hits as f64 / total as f64
        }
    }
}

/// Evaluates `net` on unchanged pictures.
pub fn validate<B: Backend + TrainOps>(
    net: &Net<B>,
    plan: &Plan,
    recipe: &Recipe,
    pictures: &Pictures,
    device: &B::Device,
) -> Validation {
    let preprocessing = recipe.input.preprocessing();
    let labels = pictures.label_count;
    let mut confusion = vec![vec![0; labels]; labels];
    let mut predictions = Predictions::new(labels);
    let mut loss = 0.0;
    for start in (0..pictures.len()).step_by(BATCH) {
        let len = BATCH.min(pictures.len() - start);
        let mut inputs = vec![0f32; len * PIXELS];
        for (i, out) in inputs.chunks_exact_mut(PIXELS).enumerate() {
            augment::plain(pictures.picture(start + i), &preprocessing, SIDE, out);
        }
        let inputs = TensorData::new(inputs, [len, 1, SIDE, SIDE]);
        let x = Tensor::<B, 4>::from_data(inputs, device);
        let logits = net.forward(plan, recipe.batch_norm, x, Mode::Evaluate);
        let logits = logits.narrow(1, 0, labels);
        let log_p = floats(activation::log_softmax(logits, 1).into_data());
        for (i, row) in log_p.chunks_exact(labels).enumerate() {
            let truth = usize::from(pictures.labels[start + i]);
            confusion[truth][argmax(row)] += 1;
            loss -= f64::from(row[truth]);
            predictions.push(truth, row.iter().map(|log_p| f64::from(*log_p).exp()));
        }
    }
    Validation {
        loss: loss / pictures.len().max(1) as f64,
        confusion,
        predictions,
    }
}
