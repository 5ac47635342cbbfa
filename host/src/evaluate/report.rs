//! The figures of one evaluation.

use mien_models::label::Labels;
use serde::Serialize;

use super::labels::four_group;
use super::metrics::{self, Outcome};
use crate::by_name::ByName;

/// What `mien evaluate --json` prints; fractions in `0..=1`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
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
    /// Counts `[truth][verdict]` in the order of the model's labels.
    pub confusion: Vec<Vec<u64>>,
    /// Expected calibration error, 15 equal-width bins.
    pub ece: f64,
    /// Accuracy when only angry, disgust|fear|surprise, happy and sad|neutral are told apart.
    pub four_group_accuracy: f64,
    /// Whether each picture was averaged with its mirror image.
    pub flip_averaged: bool,
    /// SHA-256 of the model file, lower-case hex.
    pub model_sha256: String,
}

impl Report {
    /// Computes the figures of verdicts over a model's labels.
    pub(super) fn new(
        outcomes: &[Outcome],
        labels: &Labels,
        flip_averaged: bool,
        model_sha256: String,
    ) -> Self {
        let confusion = metrics::confusion(outcomes, labels.len());
        let right = outcomes.iter().filter(|o| o.truth == o.predicted).count();
        let recall = metrics::recall(&confusion);
        let groups: Vec<Option<usize>> = labels.iter().map(four_group).collect();
        let same_group = |o: &&Outcome| {
            o.truth == o.predicted
                || groups[o.truth].is_some() && groups[o.truth] == groups[o.predicted]
        };
        let in_group = outcomes.iter().filter(same_group).count();
        Self {
            n: outcomes.len(),
            accuracy: metrics::accuracy(&confusion),
            accuracy_ci95: metrics::wilson_95(right as u64, outcomes.len() as u64),
            macro_f1: metrics::macro_f1(&confusion),
            recall: labels.iter().zip(recall).collect(),
            ece: metrics::expected_calibration_error(outcomes),
            four_group_accuracy: in_group as f64 / outcomes.len().max(1) as f64,
            confusion,
            flip_averaged,
            model_sha256,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::labels::FOUR_GROUPS;

    fn outcomes(pairs: &[(usize, usize)]) -> Vec<Outcome> {
        let outcome = |&(truth, predicted)| Outcome {
            truth,
            predicted,
            confidence: 0.5,
        };
        pairs.iter().map(outcome).collect()
    }

    #[test]
    fn verdicts_inside_a_group_count_for_the_four() {
        // fear as surprise and sad as neutral stay inside, happy as angry does not.
        let pairs = [(2, 5), (4, 6), (3, 0), (0, 0)];
        let report = Report::new(&outcomes(&pairs), &Labels::fer2013(), false, String::new());
        assert_eq!((report.n, report.accuracy), (4, 0.25));
        assert_eq!(report.four_group_accuracy, 0.75);
        assert_eq!(report.recall.get("angry"), Some(&Some(1.0)));
        assert_eq!(report.recall.get("disgust"), Some(&None));
    }

    #[test]
    fn for_merged_labels_both_accuracies_agree() {
        let labels = Labels::new(FOUR_GROUPS).unwrap();
        let report = Report::new(
            &outcomes(&[(0, 0), (1, 2), (3, 3)]),
            &labels,
            false,
            String::new(),
        );
        assert_eq!(report.accuracy, report.four_group_accuracy);
    }

    #[test]
    fn json_has_the_documented_keys_in_order() {
        let labels = Labels::new(["happy", "sad"]).unwrap();
        let outcomes = outcomes(&[(0, 0), (0, 0), (1, 0), (1, 1)]);
        let report = Report::new(&outcomes, &labels, true, "00ff".into());
        insta::assert_json_snapshot!(report);
    }
}
