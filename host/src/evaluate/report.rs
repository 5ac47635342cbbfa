//! What one evaluation tells: figures, passes, mistakes, model.

use serde::Serialize;

use super::ferplus::Ferplus;
use super::figures::{Figures, Summary};
use super::model_facts::ModelFacts;
use super::predictions::Predictions;

/// Mistakes that are listed.
const WORST: usize = 20;

/// What `mien evaluate --json` prints; fractions in `0..=1`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Of the pass that was asked for.
    #[serde(flatten)]
    pub figures: Figures,
    /// Whether each picture was averaged with its mirror image.
    pub flip_averaged: bool,
    /// Figures without and, where they were computed, with averaging.
    pub passes: Passes,
    /// Judged by FERPlus's majority; null without FERPlus's votes.
    pub ferplus: Option<Ferplus>,
    /// The wrong verdicts with the highest confidence, at most 20.
    pub worst: Vec<Mistake>,
    /// The model file.
    pub model: ModelFacts,
    /// SHA-256 of the model file, lower-case hex.
    pub model_sha256: String,
}

/// Both ways to look at a picture.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Passes {
    /// Each picture as it is.
    pub single: Summary,
    /// Each picture averaged with its mirror image; null when that was not computed.
    pub flip_averaged: Option<Summary>,
}

/// A wrong verdict.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Mistake {
    /// The picture's number in the data set, from 0.
    pub picture: u32,
    /// Its label.
    pub truth: String,
    /// The model's verdict.
    pub verdict: String,
    /// Probability of the verdict.
    pub confidence: f64,
}

/// The worst verdicts of `predictions` on the pictures `indices`; `labels` are the classes' names.
pub(super) fn worst(predictions: &Predictions, indices: &[u32], labels: &[&str]) -> Vec<Mistake> {
    let mistake = |i: usize| {
        let outcome = predictions.outcome(i);
        Mistake {
            picture: indices[i],
            truth: labels[outcome.truth].to_owned(),
            verdict: labels[outcome.predicted].to_owned(),
            confidence: outcome.confidence,
        }
    };
    predictions.worst(WORST).into_iter().map(mistake).collect()
}

#[cfg(test)]
mod tests {
    use mien_models::label::Labels;

    use super::*;

    #[test]
    fn json_has_the_documented_keys_in_order() {
        let labels = Labels::new(["happy", "sad"]).unwrap();
        let mut predictions = Predictions::new(2);
        for (truth, happy) in [(0, 0.75), (0, 0.75), (1, 0.75), (1, 0.25)] {
            predictions.push(truth, [happy, 1.0 - happy]);
        }
        let figures = Figures::new(&predictions, &labels);
        let report = Report {
            flip_averaged: true,
            passes: Passes {
                single: figures.summary(),
                flip_averaged: Some(figures.summary()),
            },
            ferplus: Some(Ferplus {
                n: 3,
                accuracy: 0.5,
                accuracy_ci95: [0.25, 0.75],
                label_agreement: 0.75,
            }),
            worst: worst(&predictions, &[7, 8, 9, 10], &["happy", "sad"]),
            model: ModelFacts {
                name: "test".into(),
                version: 3,
                bytes: 1234,
                precision: "int8",
                parameters: 5,
                macs: 6,
                temperature: 1.5,
                data: "made".into(),
                recipe: String::new(),
                date: "2026-01-02".into(),
                licence: "CC0".into(),
                notes: String::new(),
            },
            model_sha256: "00ff".into(),
            figures,
        };
        insta::assert_json_snapshot!(report);
    }
}
