//! Judged by FERPlus: ten people voted on each of FER2013's pictures, whose own labels are known
//! to be wrong often (Barsoum et al. 2016, "Training Deep Networks for Facial Expression
//! Recognition with Crowd-Sourced Label Distribution").

use mien_models::label::Labels;
use serde::Serialize;

use super::labels::label_for;
use super::metrics::wilson_95;
use super::predictions::Predictions;
use crate::dataset::Dataset;

/// Figures against the class that most of FERPlus's voters chose.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Ferplus {
    /// Pictures that count: those with a majority for one of the model's classes.
    pub n: usize,
    /// Share of them whose verdict is the majority's class, `0..=1`.
    pub accuracy: f64,
    /// Wilson's 95% interval `[low, high]` of the accuracy.
    pub accuracy_ci95: [f64; 2],
    /// Share of them whose FER2013 label is the majority's class, `0..=1`.
    pub label_agreement: f64,
}

/// Judges the verdicts on the pictures `indices`; `None` where `data` has no votes.
pub(super) fn judge(
    predictions: &Predictions,
    data: &Dataset,
    indices: &[u32],
    model: &Labels,
) -> Option<Ferplus> {
    let votes = data.all_votes()?;
    let classes = Labels::fer2013();
    let classes: Vec<Option<usize>> = classes.iter().map(|c| label_for(c, model)).collect();
    let (mut n, mut right, mut agreed) = (0u64, 0u64, 0u64);
    for (i, &index) in indices.iter().enumerate() {
        let majority = votes.majority(index as usize);
        let Some(class) = majority.and_then(|class| classes[class]) else {
            continue;
        };
        let outcome = predictions.outcome(i);
        n += 1;
        right += u64::from(outcome.predicted == class);
        agreed += u64::from(outcome.truth == class);
    }
    let share = |count| count as f64 / n.max(1) as f64;
    Some(Ferplus {
        n: n as usize,
        accuracy: share(right),
        accuracy_ci95: wilson_95(right, n),
        label_agreement: share(agreed),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::dataset::{PIXELS, Split, Votes};

    #[test]
    fn only_majorities_count() {
        let labels = Labels::fer2013();
        let mut data = Dataset::new(labels.clone());
        let mut votes = Votes::default();
        let mut predictions = Predictions::new(7);
        // Label, FERPlus's columns (neutral, happiness, …, contempt, unknown, NF), verdict.
        let rows = [
            (3, [0, 10, 0, 0, 0, 0, 0, 0, 0, 0], 3), // all agree on happy
            (3, [0, 10, 0, 0, 0, 0, 0, 0, 0, 0], 6), // the verdict is wrong
            (2, [0, 0, 8, 0, 0, 0, 2, 0, 0, 0], 5),  // the label is wrong: surprise
            (3, [5, 5, 0, 0, 0, 0, 0, 0, 0, 0], 3),  // no majority
            (3, [1, 2, 0, 0, 0, 0, 0, 0, 0, 7], 3),  // no face
        ];
        for (label, counts, verdict) in rows {
            data.push(&[9; PIXELS], label, Split::PublicTest);
            votes.push(counts, Split::PublicTest);
            let probability = |class| if class == verdict { 0.4 } else { 0.1 };
            predictions.push(usize::from(label), (0..7).map(probability));
        }
        let indices = [0, 1, 2, 3, 4];
        assert_eq!(judge(&predictions, &data, &indices, &labels), None);
        data.attach_votes(votes).unwrap();
        let ferplus = judge(&predictions, &data, &indices, &labels).unwrap();
        assert_eq!((ferplus.n, ferplus.accuracy), (3, 2.0 / 3.0));
        assert_eq!(ferplus.label_agreement, 2.0 / 3.0);
        // The part of the pictures that is asked for.
        let happy = judge(&predictions, &data, &indices[..1], &labels).unwrap();
        assert_eq!((happy.n, happy.accuracy), (1, 1.0));
    }
}
