//! The loss of a batch.

use burn::tensor::backend::Backend;
use burn::tensor::{Tensor, TensorData, activation};

use super::loader::Batch;
use super::recipe::Recipe;

/// Weights of the loss's parts.
#[derive(Clone, Copy, Debug)]
pub struct Objective {
    /// Labels of the model; further logits are the auxiliary head's.
    pub labels: usize,
    /// Weight of the auxiliary head.
    pub auxiliary: f64,
    /// Share and temperature of the teachers.
    pub teacher: Option<(f64, f64)>,
}

impl Objective {
    /// The recipe's, for a model of `labels` labels.
    pub fn new(recipe: &Recipe, labels: usize) -> Self {
        Self {
            labels,
            auxiliary: recipe.ferplus.map_or(0.0, |f| f.auxiliary),
            teacher: recipe.distillation.map(|d| (d.weight, d.temperature)),
        }
    }

    /// Mean over the batch of the cross-entropy with the targets, the auxiliary head's, and the
    /// teachers' at their temperature `T`, times `T^2` (Hinton et al. 2015, section 2).
    pub fn loss<B: Backend>(
        &self,
        logits: Tensor<B, 2>,
        batch: &Batch,
        device: &B::Device,
    ) -> Tensor<B, 1> {
        let width = batch.targets.len() / batch.len;
        let tensor = |values: &[f32], columns: usize| {
            let data = TensorData::new(values.to_vec(), [batch.len, columns]);
            Tensor::<B, 2>::from_data(data, device)
        };
        let targets = tensor(&batch.targets, width);
        let main = logits.clone().narrow(1, 0, self.labels);
        let mean = |t: Tensor<B, 2>| -t.sum().div_scalar(batch.len as f64);
        let own = targets.clone().narrow(1, 0, self.labels);
        let mut loss = mean(own * activation::log_softmax(main.clone(), 1));
        if let (Some((weight, temperature)), Some(teacher)) = (self.teacher, &batch.teacher) {
            let log_p = activation::log_softmax(main.div_scalar(temperature), 1);
            let taught = mean(tensor(teacher, self.labels) * log_p);
            loss = loss.mul_scalar(1.0 - weight)
                + taught.mul_scalar(weight * temperature * temperature);
        }
        let more = width - self.labels;
        if more > 0 && self.auxiliary > 0.0 {
            let votes = targets.narrow(1, self.labels, more);
            let log_p = activation::log_softmax(logits.narrow(1, self.labels, more), 1);
            loss = loss + mean(votes * log_p).mul_scalar(self.auxiliary);
        }
        loss
    }
}

#[cfg(test)]
mod tests {
    use burn::backend::Flex;
    use burn::tensor::ElementConversion;

    use super::*;

    fn loss(objective: Objective, batch: &Batch, logits: &[f32]) -> f64 {
        let device = Default::default();
        let data = TensorData::new(logits.to_vec(), [batch.len, logits.len() / batch.len]);
        let logits = Tensor::<Flex, 2>::from_data(data, &device);
        objective.loss(logits, batch, &device).into_scalar().elem()
    }

    fn batch(targets: &[f32], teacher: Option<Vec<f32>>) -> Batch {
        Batch {
            inputs: vec![],
            side: 48,
            targets: targets.to_vec(),
            teacher,
            len: 1,
        }
    }

    #[test]
    fn parts_are_what_one_computes_by_hand() {
        let plain = Objective {
            labels: 2,
            auxiliary: 0.0,
            teacher: None,
        };
        // log softmax of (0, ln 3) is (ln 1/4, ln 3/4).
        let logits = [0.0, 3f32.ln(), 0.0, 0.0];
        let quarter = 4f64.ln();
        let close = |a: f64, b: f64| assert!((a - b).abs() < 1e-6, "{a} {b}");
        close(
            loss(plain, &batch(&[1.0, 0.0], None), &logits[..2]),
            quarter,
        );
        let auxiliary = Objective {
            auxiliary: 0.5,
            ..plain
        };
        let both = batch(&[1.0, 0.0, 0.5, 0.5], None);
        close(loss(auxiliary, &both, &logits), quarter + 0.5 * 2f64.ln());
        // At T = 2 the student says (0, ln 3 / 2): softmax (1, sqrt 3) / (1 + sqrt 3).
        let taught = Objective {
            teacher: Some((0.25, 2.0)),
            ..plain
        };
        let teacher = batch(&[1.0, 0.0], Some(vec![1.0, 0.0]));
        let expected = 0.75 * quarter + 0.25 * 4.0 * (1.0 + 3f64.sqrt()).ln();
        close(loss(taught, &teacher, &logits[..2]), expected);
    }

    #[test]
    fn a_picture_without_label_counts_only_for_the_teacher() {
        let taught = Objective {
            labels: 2,
            auxiliary: 0.0,
            teacher: Some((0.5, 1.0)),
        };
        let unlabelled = batch(&[0.0, 0.0], Some(vec![0.5, 0.5]));
        let value = loss(taught, &unlabelled, &[0.0, 0.0]);
        assert!((value - 0.5 * 2f64.ln()).abs() < 1e-6, "{value}");
    }
}
