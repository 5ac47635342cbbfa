//! Before and after, on the same pictures.

use serde::Serialize;

use super::head::Head;
use crate::evaluate::metrics::wilson_95;

/// A drop of more than this share of the pictures is worse.
const MOST_DROP: f64 = 0.01;

/// Right verdicts.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Share {
    /// How many.
    pub right: u64,
    /// Their share, `0..=1`.
    pub accuracy: f64,
    /// Wilson's 95% interval of it.
    pub ci95: [f64; 2],
}

impl Share {
    /// `right` of `n`.
    pub fn new(right: u64, n: u64) -> Self {
        Self {
            right,
            accuracy: right as f64 / n.max(1) as f64,
            ci95: wilson_95(right, n),
        }
    }
}

/// What was measured.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Measure {
    /// On what.
    pub name: String,
    /// Pictures.
    pub n: u64,
    /// Of the model that was adapted, choosing among the labels that both have; `null` where it lacks
    /// the pictures' labels.
    pub before: Option<Share>,
    /// Of the new one.
    pub after: Share,
}

impl Measure {
    /// `None` of no pictures.
    pub fn new(name: impl Into<String>, n: u64, before: Option<u64>, after: u64) -> Option<Self> {
        (n > 0).then(|| Self {
            name: name.into(),
            n,
            before: before.map(|right| Share::new(right, n)),
            after: Share::new(after, n),
        })
    }

    /// Whether it fell by more than a point.
    pub fn is_worse(&self) -> bool {
        let drop = |before: Share| before.accuracy - self.after.accuracy;
        // A point exactly is none too many, whatever rounding says.
        self.before.is_some_and(|b| drop(b) > MOST_DROP + 1e-9)
    }
}

/// The first of the largest logits among the labels that `may` names.
pub fn verdict(logits: &[f32], may: impl Fn(usize) -> bool) -> Option<usize> {
    let mut best: Option<(usize, f32)> = None;
    for (label, &logit) in logits.iter().enumerate().filter(|(label, _)| may(*label)) {
        if best.is_none_or(|(_, most)| logit > most) {
            best = Some((label, logit));
        }
    }
    best.map(|(label, _)| label)
}

/// Where the new labels stand among the old ones.
#[derive(Clone, Debug)]
pub struct Shared(Vec<Option<usize>>);

impl Shared {
    /// By name.
    pub fn new(old: &mien_models::label::Labels, new: &mien_models::label::Labels) -> Self {
        Self(new.iter().map(|name| old.index_of(name)).collect())
    }

    /// The old label's number.
    pub fn old(&self, new: usize) -> Option<usize> {
        self.0.get(new).copied().flatten()
    }

    /// The new label's number.
    pub fn new_of(&self, old: usize) -> Option<usize> {
        self.0.iter().position(|o| *o == Some(old))
    }

    /// Whether `head`, the old one, says `truth` (new) among the labels that both have.
    pub fn was_right(&self, head: &Head, features: &[f32], truth: usize) -> bool {
        let logits = head.logits(features);
        let may = |label| self.new_of(label).is_some();
        self.old(truth).is_some() && verdict(&logits, may) == self.old(truth)
    }
}

#[cfg(test)]
mod tests {
    use mien_models::label::Labels;

    use super::*;

    #[test]
    fn a_point_is_allowed_and_more_is_not() {
        let measure = |before, after| Measure::new("x", 200, before, after).unwrap();
        assert!(!measure(Some(150), 148).is_worse());
        assert!(measure(Some(150), 147).is_worse());
        assert!(!measure(Some(150), 200).is_worse());
        assert!(!measure(None, 0).is_worse());
        assert_eq!(Measure::new("x", 0, None, 0), None);
    }

    #[test]
    fn the_old_head_chooses_among_the_labels_both_have() {
        let old = Labels::new(["angry", "happy", "sad"]).unwrap();
        let new = Labels::new(["sad", "happy", "winking"]).unwrap();
        let shared = Shared::new(&old, &new);
        assert_eq!((shared.old(0), shared.old(2)), (Some(2), None));
        assert_eq!((shared.new_of(0), shared.new_of(1)), (None, Some(1)));
        // Angry is the most likely of all, happy of those that both have.
        let head = Head {
            features: 1,
            weights: vec![0.0; 3],
            bias: vec![9.0, 5.0, 1.0],
        };
        assert!(shared.was_right(&head, &[0.0], 1));
        assert!(!shared.was_right(&head, &[0.0], 0));
        assert!(!shared.was_right(&head, &[0.0], 2));
    }
}
