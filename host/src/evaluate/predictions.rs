//! What a model said about pictures, in full.

use super::metrics::{Outcome, PrecisionRecall, precision_recall};

/// The probabilities that a model gave every picture, beside the true classes.
#[derive(Clone, Debug, PartialEq)]
pub struct Predictions {
    classes: usize,
    truths: Vec<usize>,
    /// `[N, classes]`, row-major.
    probabilities: Vec<f64>,
}

impl Predictions {
    /// No pictures yet.
    pub fn new(classes: usize) -> Self {
        Self {
            classes,
            truths: vec![],
            probabilities: vec![],
        }
    }

    /// Appends a picture with its true class and the probability per class, `0..=1`.
    ///
    /// # Panics
    /// When `probabilities` has not one value per class.
    pub fn push(&mut self, truth: usize, probabilities: impl IntoIterator<Item = f64>) {
        self.truths.push(truth);
        self.probabilities.extend(probabilities);
        assert_eq!(self.probabilities.len(), self.len() * self.classes);
    }

    /// Number of classes.
    pub fn classes(&self) -> usize {
        self.classes
    }

    /// Number of pictures.
    pub fn len(&self) -> usize {
        self.truths.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.truths.is_empty()
    }

    /// True class of picture `i`.
    pub fn truth(&self, i: usize) -> usize {
        self.truths[i]
    }

    /// Probability per class of picture `i`.
    pub fn probabilities(&self, i: usize) -> &[f64] {
        &self.probabilities[i * self.classes..][..self.classes]
    }

    /// Verdict on picture `i`: the first of the most probable classes.
    pub fn outcome(&self, i: usize) -> Outcome {
        let mut best = (0, 0.0);
        for (class, &probability) in self.probabilities(i).iter().enumerate() {
            if probability > best.1 {
                best = (class, probability);
            }
        }
        let (predicted, confidence) = best;
        Outcome {
            truth: self.truths[i],
            predicted,
            confidence,
        }
    }

    /// All verdicts.
    pub fn outcomes(&self) -> Vec<Outcome> {
        (0..self.len()).map(|i| self.outcome(i)).collect()
    }

    /// The mean of both models' probabilities; the pictures are the same, in the same order.
    pub fn mean(&self, other: &Self) -> Self {
        debug_assert_eq!(self.truths, other.truths);
        let pairs = self.probabilities.iter().zip(&other.probabilities);
        Self {
            probabilities: pairs.map(|(a, b)| (a + b) / 2.0).collect(),
            ..self.clone()
        }
    }

    /// How well the probability of `class` finds its pictures.
    pub fn precision_recall(&self, class: usize) -> PrecisionRecall {
        let scored = |i: usize| (self.probabilities(i)[class], self.truths[i] == class);
        precision_recall((0..self.len()).map(scored).collect())
    }

    /// Pictures with a wrong verdict, the most confident first, at most `count`.
    pub fn worst(&self, count: usize) -> Vec<usize> {
        let wrong = |i: &usize| {
            let outcome = self.outcome(*i);
            outcome.truth != outcome.predicted
        };
        let mut worst: Vec<usize> = (0..self.len()).filter(wrong).collect();
        let confidence = |i: usize| self.outcome(i).confidence;
        worst.sort_by(|&a, &b| confidence(b).total_cmp(&confidence(a)));
        worst.truncate(count);
        worst
    }
}

impl Extend<Self> for Predictions {
    fn extend<T: IntoIterator<Item = Self>>(&mut self, parts: T) {
        for part in parts {
            self.truths.extend(part.truths);
            self.probabilities.extend(part.probabilities);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made() -> Predictions {
        let mut made = Predictions::new(2);
        made.push(0, [0.9, 0.1]);
        made.push(0, [0.3, 0.7]);
        made.push(1, [0.5, 0.5]);
        made.push(0, [0.05, 0.95]);
        made
    }

    #[test]
    fn the_first_of_equal_classes_wins() {
        let outcome = made().outcome(2);
        assert_eq!((outcome.truth, outcome.predicted), (1, 0));
        assert_eq!(outcome.confidence, 0.5);
    }

    #[test]
    fn worst_are_wrong_and_sure() {
        assert_eq!(made().worst(9), [3, 1, 2]);
        assert_eq!(made().worst(1), [3]);
    }

    #[test]
    fn ranking_is_by_the_class() {
        // Of class 1 by falling score: 0.95 no, 0.7 no, 0.5 yes, 0.1 no.
        let ranked = made().precision_recall(1);
        assert_eq!(ranked.average_precision, Some(1.0 / 3.0));
    }

    #[test]
    fn the_mean_is_per_class() {
        let mut mirrored = Predictions::new(2);
        for (truth, right) in [(0, 0.1), (0, 0.3), (1, 0.5), (0, 0.05)] {
            mirrored.push(truth, [right, 1.0 - right]);
        }
        let mean = made().mean(&mirrored);
        assert_eq!(mean.probabilities(0), [0.5, 0.5]);
        assert_eq!(mean.probabilities(2), made().probabilities(2));
    }
}
