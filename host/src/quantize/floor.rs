//! A least recall for a label that a network would rarely choose.
//!
//! A rare class costs a network little when it is missed, so its recall is the lowest. Raising its
//! offset trades some of the others' pictures for it; how many is said, and decided on pictures that
//! were neither fitted to nor judge the model.

use super::calibrate::Calibration;

/// Added beyond the last margin, in logits: the packed network rounds.
const SLACK: f64 = 1e-3;

/// The labelled logits that decide.
#[derive(Clone, Copy, Debug)]
pub struct Scored<'a> {
    /// `[N, labels]`, row-major.
    pub logits: &'a [f32],
    /// `[N]`.
    pub truths: &'a [usize],
    /// Number of labels.
    pub labels: usize,
}

/// What a raised offset changed, in pictures.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Raised {
    /// Pictures of the label.
    pub pictures: usize,
    /// Of these recognized, before and after.
    pub recognized: [usize; 2],
    /// Right verdicts over all pictures, before and after.
    pub right: [usize; 2],
}

impl Scored<'_> {
    fn rows(&self) -> impl Iterator<Item = (&[f32], usize)> {
        let rows = self.logits.chunks_exact(self.labels);
        rows.zip(self.truths.iter().copied())
    }

    /// How far `label` is below the best of the others, per picture; it is the verdict below 0.
    fn margin(&self, row: &[f32], offsets: &[f64], label: usize) -> f64 {
        let score = |c: usize| f64::from(row[c]) + offsets[c];
        let others = (0..self.labels).filter(|c| *c != label).map(score);
        others.fold(f64::MIN, f64::max) - score(label)
    }

    /// The margins of `label`'s own pictures.
    fn margins(&self, offsets: &[f64], label: usize) -> Vec<f64> {
        let own = self.rows().filter(|(_, truth)| *truth == label);
        own.map(|(row, _)| self.margin(row, offsets, label))
            .collect()
    }

    /// Right verdicts over all pictures.
    fn right(&self, offsets: &[f64]) -> usize {
        self.rows()
            .filter(|(row, truth)| self.margin(row, offsets, *truth) < 0.0)
            .count()
    }
}

/// Raises `label`'s offset until at least `share` of its pictures are recognized, if they are not
/// already. The offsets' mean stays 0.
pub fn raise(fitted: &mut Calibration, scored: Scored<'_>, label: usize, share: f64) -> Raised {
    let mut margins = scored.margins(&fitted.offsets, label);
    let recognized = |margins: &[f64]| margins.iter().filter(|m| **m < 0.0).count();
    let (before, right) = (recognized(&margins), scored.right(&fitted.offsets));
    margins.sort_by(f64::total_cmp);
    let wanted = (share * margins.len() as f64).ceil() as usize;
    if let Some(last) = wanted.checked_sub(1).and_then(|i| margins.get(i))
        && *last >= 0.0
    {
        fitted.offsets[label] += last + SLACK;
        let mean = fitted.offsets.iter().sum::<f64>() / scored.labels as f64;
        fitted.offsets.iter_mut().for_each(|b| *b -= mean);
    }
    let after = recognized(&scored.margins(&fitted.offsets, label));
    Raised {
        pictures: margins.len(),
        recognized: [before, after],
        right: [right, scored.right(&fitted.offsets)],
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calibration() -> Calibration {
        Calibration {
            temperature: 1.0,
            offsets: vec![0.0; 2],
            loss: [0.0; 2],
        }
    }

    /// Four pictures of the rare class 1, of which one is recognized, and three of class 0.
    const LOGITS: [f32; 14] = [
        0.0, 1.0, 1.0, 0.5, 1.0, 0.0, 3.0, 0.0, // class 1
        2.0, 0.0, 0.7, 0.0, 0.2, 0.0, // class 0
    ];
    const TRUTHS: [usize; 7] = [1, 1, 1, 1, 0, 0, 0];
    const SCORED: Scored<'static> = Scored {
        logits: &LOGITS,
        truths: &TRUTHS,
        labels: 2,
    };

    #[test]
    fn as_many_as_wanted_are_recognized_and_no_more() {
        let mut fitted = calibration();
        let raised = raise(&mut fitted, SCORED, 1, 0.5);
        // An offset of 0.5 gains one picture of class 1 and loses the last of class 0.
        assert_eq!(raised.recognized, [1, 2]);
        assert_eq!((raised.pictures, raised.right), (4, [4, 4]));
        let apart = fitted.offsets[1] - fitted.offsets[0];
        assert!((apart - 0.5 - SLACK).abs() < 1e-9, "{apart}");
        assert!(fitted.offsets.iter().sum::<f64>().abs() < 1e-9);
        // One more costs two of class 0 in all.
        assert_eq!(raise(&mut fitted, SCORED, 1, 0.75).right, [4, 4]);
        assert_eq!(raise(&mut fitted, SCORED, 1, 1.0).recognized, [3, 4]);
    }

    #[test]
    fn what_holds_already_changes_nothing() {
        for (label, share) in [(1, 0.25), (1, 0.0), (0, 1.0)] {
            let mut fitted = calibration();
            let raised = raise(&mut fitted, SCORED, label, share);
            assert_eq!(fitted, calibration());
            assert_eq!(raised.right, [4, 4]);
        }
        let none = Scored {
            logits: &[],
            truths: &[],
            labels: 2,
        };
        let raised = raise(&mut calibration(), none, 1, 0.9);
        assert_eq!((raised.pictures, raised.recognized), (0, [0, 0]));
    }
}
