//! The figures of one pass over labelled pictures, whatever made the probabilities.

use mien_models::label::Labels;
use serde::Serialize;

use super::labels::{FOUR_GROUPS, four_group};
use super::metrics::{self, Bin};
use super::predictions::Predictions;
use crate::by_name::ByName;

/// Figures by which a classifier is judged; fractions in `0..=1`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figures {
    /// Number of pictures.
    pub n: usize,
    /// Share of right verdicts.
    pub accuracy: f64,
    /// Wilson's 95% interval `[low, high]` of the accuracy.
    pub accuracy_ci95: [f64; 2],
    /// Mean F1 over the labels that occur.
    pub macro_f1: f64,
    /// Share recognized, per label; null where the data has no picture of it.
    pub recall: ByName<Option<f64>>,
    /// Share of a label's verdicts that is right; null where it was never the verdict.
    pub precision: ByName<Option<f64>>,
    /// Harmonic mean of recall and precision; null for a label that does not occur.
    pub f1: ByName<Option<f64>>,
    /// Area under the precision-recall curve; null where the data has no picture of the label.
    pub average_precision: ByName<Option<f64>>,
    /// Counts `[truth][verdict]` in the order of the model's labels.
    pub confusion: Vec<Vec<u64>>,
    /// Expected calibration error, 15 equal-width bins.
    pub ece: f64,
    /// The bins behind it.
    pub reliability: Vec<Bin>,
    /// Accuracy when only angry, disgust|fear|surprise, happy and sad|neutral are told apart: the
    /// verdict is the group whose labels are most probable together.
    pub four_group_accuracy: f64,
}

/// The figures in short.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Summary {
    /// Share of right verdicts.
    pub accuracy: f64,
    /// Wilson's 95% interval `[low, high]` of the accuracy.
    pub accuracy_ci95: [f64; 2],
    /// Mean F1 over the labels that occur.
    pub macro_f1: f64,
    /// Accuracy over the four groups.
    pub four_group_accuracy: f64,
    /// Expected calibration error.
    pub ece: f64,
}

impl Figures {
    /// Computes them; `labels` names the classes of `predictions`.
    pub fn new(predictions: &Predictions, labels: &Labels) -> Self {
        let outcomes = predictions.outcomes();
        let confusion = metrics::confusion(&outcomes, labels.len());
        let right = outcomes.iter().filter(|o| o.truth == o.predicted).count();
        let average_precision = |class| predictions.precision_recall(class).average_precision;
        let named = |values: Vec<Option<f64>>| labels.iter().zip(values).collect();
        let reliability = metrics::reliability(&outcomes);
        Self {
            n: outcomes.len(),
            accuracy: metrics::accuracy(&confusion),
            accuracy_ci95: metrics::wilson_95(right as u64, outcomes.len() as u64),
            macro_f1: metrics::macro_f1(&confusion),
            recall: named(metrics::recall(&confusion)),
            precision: named(metrics::precision(&confusion)),
            f1: named(metrics::f1(&confusion)),
            average_precision: named((0..labels.len()).map(average_precision).collect()),
            ece: metrics::expected_calibration_error(&reliability),
            reliability,
            four_group_accuracy: four_group_accuracy(predictions, labels),
            confusion,
        }
    }

    /// The figures in short.
    pub fn summary(&self) -> Summary {
        Summary {
            accuracy: self.accuracy,
            accuracy_ci95: self.accuracy_ci95,
            macro_f1: self.macro_f1,
            four_group_accuracy: self.four_group_accuracy,
            ece: self.ece,
        }
    }

    /// Mean of the average precisions that there are; `None` without any.
    pub fn mean_average_precision(&self) -> Option<f64> {
        let values = self.average_precision.0.iter().filter_map(|(_, v)| *v);
        let (count, sum) = values.fold((0u32, 0.0), |(n, sum), value| (n + 1, sum + value));
        (count > 0).then(|| sum / f64::from(count))
    }
}

/// Share of pictures whose most probable group is the truth's; a group is as probable as its labels
/// together, and a label outside of the groups is one of its own.
fn four_group_accuracy(predictions: &Predictions, labels: &Labels) -> f64 {
    let own = |i: usize| FOUR_GROUPS.len() + i;
    let groups: Vec<usize> = labels
        .iter()
        .enumerate()
        .map(|(i, label)| four_group(label).unwrap_or(own(i)))
        .collect();
    let mut grouped = Predictions::new(own(labels.len()));
    for i in 0..predictions.len() {
        let mut sums = vec![0.0; grouped.classes()];
        for (group, probability) in groups.iter().zip(predictions.probabilities(i)) {
            sums[*group] += probability;
        }
        grouped.push(groups[predictions.truth(i)], sums);
    }
    let right = |i: &usize| {
        let outcome = grouped.outcome(*i);
        outcome.truth == outcome.predicted
    };
    (0..grouped.len()).filter(right).count() as f64 / grouped.len().max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Half sure of every verdict.
    fn figures(pairs: &[(usize, usize)], labels: &Labels) -> Figures {
        let mut predictions = Predictions::new(labels.len());
        for &(truth, verdict) in pairs {
            let rest = 0.5 / (labels.len() - 1) as f64;
            let probability = |class| if class == verdict { 0.5 } else { rest };
            predictions.push(truth, (0..labels.len()).map(probability));
        }
        Figures::new(&predictions, labels)
    }

    #[test]
    fn verdicts_inside_a_group_count_for_the_four() {
        // fear as surprise and sad as neutral stay inside, happy as angry does not.
        let pairs = [(2, 5), (4, 6), (3, 0), (0, 0)];
        let figures = figures(&pairs, &Labels::fer2013());
        assert_eq!((figures.n, figures.accuracy), (4, 0.25));
        assert_eq!(figures.four_group_accuracy, 0.75);
        assert_eq!(figures.recall.get("angry"), Some(&Some(1.0)));
        assert_eq!(figures.precision.get("angry"), Some(&Some(0.5)));
        assert_eq!(figures.recall.get("disgust"), Some(&None));
        assert_eq!(figures.average_precision.get("disgust"), Some(&None));
        assert_eq!(figures.average_precision.get("angry"), Some(&Some(0.5)));
    }

    #[test]
    fn a_group_is_as_probable_as_its_labels_together() {
        // Angry is the single most probable label, disgust, fear and surprise are more together.
        let mut predictions = Predictions::new(7);
        predictions.push(2, [0.4, 0.1, 0.2, 0.0, 0.0, 0.3, 0.0]);
        let figures = Figures::new(&predictions, &Labels::fer2013());
        assert_eq!((figures.accuracy, figures.four_group_accuracy), (0.0, 1.0));
    }

    #[test]
    fn for_merged_labels_both_accuracies_agree() {
        let labels = Labels::new(FOUR_GROUPS).unwrap();
        let figures = figures(&[(0, 0), (1, 2), (3, 3)], &labels);
        assert_eq!(figures.accuracy, figures.four_group_accuracy);
    }

    #[test]
    fn no_pictures_give_no_nan() {
        let figures = figures(&[], &Labels::fer2013());
        assert_eq!((figures.n, figures.accuracy, figures.ece), (0, 0.0, 0.0));
        assert_eq!(figures.mean_average_precision(), None);
    }
}
