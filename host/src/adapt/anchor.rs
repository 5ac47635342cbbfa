//! Between the old head and a fitted one.
//!
//! A few pictures move more than they know of. What lies between the old weights and the fitted ones
//! often keeps the old skill and has the new one, too (Wortsman et al., "Robust fine-tuning of
//! zero-shot models", CVPR 2022), so the share of the way is chosen as the penalty is. The labels that
//! the old head lacks have nothing to stay at and keep their distance to the others.

use serde::Serialize;

use super::fit::{Fitted, Row};
use super::head::Head;

/// Shares of the way that are tried, the strongest hold on the old head last.
/// How much rarer than an even share new labels are assumed to be, in nats, that is tried: the rarer,
/// the fewer of the old labels' faces are taken for new ones.
const CAUTIONS: [f32; 7] = [0.0, 0.25, 0.5, 0.75, 1.0, 1.5, 2.0];
/// Steps of Newton's method.
const STEPS: u32 = 20;
const SHARES: [f32; 5] = [1.0, 0.75, 0.5, 0.25, 0.0];

/// The old head with the new one's labels, balanced as the fitted ones are.
#[derive(Clone, Debug)]
pub struct Anchor {
    /// By new label; `None` where the old head lacks it.
    rows: Vec<Option<(Vec<f32>, f32)>>,
}

/// How close to the old head to stay.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Hold {
    /// Weight of the L2 penalty.
    pub alpha: f64,
    /// Share of the way from the old head to the fitted one, `0..=1`, for labels that the old one has:
    /// 0 leaves them as they are.
    pub share: f32,
    /// How much rarer than an even share the labels are assumed to be that the old head lacks, in nats.
    pub caution: f32,
}

/// The heads of one [`Hold`].
#[derive(Clone, Debug)]
pub struct Candidate {
    /// How they were made.
    pub hold: Hold,
    /// The head of each fold.
    pub heads: Vec<Head>,
}

impl Anchor {
    /// `origins` are the old labels of the new ones, `log_prior` what balancing took from each new
    /// label's bias.
    pub fn new(old: &Head, origins: &[Option<usize>], log_prior: impl Fn(usize) -> f32) -> Self {
        let row = |(new, origin): (usize, &Option<usize>)| {
            origin.map(|old_label| {
                let bias = old.bias[old_label] - log_prior(new);
                (old.row(old_label).to_vec(), bias)
            })
        };
        Self {
            rows: origins.iter().enumerate().map(row).collect(),
        }
    }

    /// The head between the old one and `fitted`, which was fitted to `rows`.
    pub fn between(&self, fitted: &Head, hold: Hold, rows: &[Row<'_>]) -> Head {
        let mut head = self.mixed(fitted, hold.share);
        if hold.share < 1.0 {
            self.settle(&mut head, rows);
        }
        for (bias, old) in head.bias.iter_mut().zip(&self.rows) {
            if old.is_none() {
                *bias -= hold.caution;
            }
        }
        head
    }

    /// Newton's method for the biases of the labels that the old head lacks: least cross-entropy on
    /// `rows`.
    fn settle(&self, head: &mut Head, rows: &[Row<'_>]) {
        let is_new: Vec<bool> = self.rows.iter().map(Option::is_none).collect();
        if !is_new.contains(&true) {
            return;
        }
        let logits: Vec<Vec<f32>> = rows.iter().map(|(row, _)| head.logits(row)).collect();
        let mut moved = vec![0.0f64; is_new.len()];
        for _ in 0..STEPS {
            let mut gradient = vec![0.0f64; is_new.len()];
            let mut curvature = vec![0.0f64; is_new.len()];
            for (logits, (_, truth)) in logits.iter().zip(rows) {
                let shifted = logits.iter().zip(&moved).map(|(l, m)| f64::from(*l) + m);
                let shifted: Vec<f64> = shifted.collect();
                let most = shifted.iter().copied().fold(f64::MIN, f64::max);
                let sum: f64 = shifted.iter().map(|l| (l - most).exp()).sum();
                for label in (0..is_new.len()).filter(|l| is_new[*l]) {
                    let p = (shifted[label] - most).exp() / sum;
                    gradient[label] += p - f64::from(u8::from(label == *truth));
                    curvature[label] += p * (1.0 - p);
                }
            }
            for label in (0..is_new.len()).filter(|l| is_new[*l]) {
                let step = gradient[label] / curvature[label].max(1e-9);
                moved[label] -= step.clamp(-1.0, 1.0);
            }
        }
        for (bias, moved) in head.bias.iter_mut().zip(moved) {
            *bias += moved as f32;
        }
    }

    fn mixed(&self, fitted: &Head, share: f32) -> Head {
        let mut head = fitted.clone();
        let (shift, bias_shift) = self.mean_shift(fitted);
        let rest = 1.0 - share;
        let weights = head.weights.chunks_exact_mut(fitted.features);
        for ((row, bias), old) in weights.zip(&mut head.bias).zip(&self.rows) {
            match old {
                Some((old_row, old_bias)) => {
                    let pairs = row.iter_mut().zip(old_row);
                    pairs.for_each(|(w, o)| *w = rest * o + share * *w);
                    *bias = rest * old_bias + share * *bias;
                }
                None => {
                    let pairs = row.iter_mut().zip(&shift);
                    pairs.for_each(|(w, s)| *w -= rest * s);
                    *bias -= rest * bias_shift;
                }
            }
        }
        head
    }

    /// How far the fit moved the labels that the old head has, on average: weights and bias. Only
    /// differences of logits count, so new labels keep theirs to these.
    fn mean_shift(&self, fitted: &Head) -> (Vec<f32>, f32) {
        let known = self.rows.iter().flatten().count().max(1) as f32;
        let (mut shift, mut bias_shift) = (vec![0.0; fitted.features], 0.0);
        for (label, old) in self.rows.iter().enumerate() {
            if let Some((old_row, old_bias)) = old {
                let moved = fitted.row(label).iter().zip(old_row).map(|(w, o)| w - o);
                shift
                    .iter_mut()
                    .zip(moved)
                    .for_each(|(s, m)| *s += m / known);
                bias_shift += (fitted.bias[label] - old_bias) / known;
            }
        }
        (shift, bias_shift)
    }

    /// Every penalty with every share and caution that make a difference, the strongest last.
    pub fn candidates(&self, fitted: Vec<Fitted>, parts: &[Vec<Row<'_>>]) -> Vec<Candidate> {
        let knows = |any: bool| self.rows.iter().any(|old| old.is_some() == any);
        let shares = if knows(true) {
            &SHARES[..]
        } else {
            &SHARES[..1]
        };
        let is_mixed = knows(true) && knows(false);
        let cautions = if is_mixed {
            &CAUTIONS[..]
        } else {
            &CAUTIONS[..1]
        };
        let mut candidates = vec![];
        for &share in shares {
            for (&caution, fitted) in cautions
                .iter()
                .flat_map(|c| fitted.iter().map(move |f| (c, f)))
            {
                let alpha = fitted.alpha;
                let hold = Hold {
                    alpha,
                    share,
                    caution,
                };
                let heads = fitted.heads.iter().zip(parts);
                let heads = heads.map(|(head, rows)| self.between(head, hold, rows));
                candidates.push(Candidate {
                    hold,
                    heads: heads.collect(),
                });
            }
        }
        candidates
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn head(weights: [f32; 4], bias: [f32; 2]) -> Head {
        Head {
            features: 2,
            weights: weights.to_vec(),
            bias: bias.to_vec(),
        }
    }

    #[test]
    fn known_labels_go_part_of_the_way_and_new_ones_keep_their_distance() {
        let old = head([9.0, 9.0, 1.0, 2.0], [9.0, 0.5]);
        let fitted = head([3.0, 6.0, 5.0, 5.0], [1.0, 2.0]);
        // The first new label is the second old one.
        let anchor = Anchor::new(&old, &[Some(1), None], |label| [0.25, 9.0][label]);
        let half = anchor.mixed(&fitted, 0.5);
        // The fit moved the known label by [2, 4] and .75.
        assert_eq!(half.weights, [2.0, 4.0, 4.0, 3.0]);
        assert_eq!(half.bias, [0.625, 1.625]);
        assert_eq!(anchor.mixed(&fitted, 1.0), fitted);
        // With the prior restored it is the old label's row again.
        let none = anchor.mixed(&fitted, 0.0);
        assert_eq!(none.row(0), old.row(1));
        assert_eq!(none.bias[0] + 0.25, old.bias[1]);
    }

    #[test]
    fn strange_labels_have_nothing_to_stay_at() {
        let old = head([0.0; 4], [0.0; 2]);
        let fitted = |alpha| Fitted {
            alpha,
            heads: vec![old.clone()],
        };
        let both = |origins: &[Option<usize>]| {
            let anchor = Anchor::new(&old, origins, |_| 0.0);
            anchor.candidates(vec![fitted(1.0), fitted(2.0)], &[vec![]])
        };
        assert_eq!(both(&[None, None]).len(), 2);
        let tried = both(&[None, Some(0)]);
        assert_eq!(tried.len(), 2 * SHARES.len() * CAUTIONS.len());
        let last = tried.last().unwrap();
        assert_eq!(
            last.hold,
            Hold {
                alpha: 2.0,
                share: 0.0,
                caution: 2.0
            }
        );
        assert_eq!(both(&[Some(1), Some(0)]).len(), 2 * SHARES.len());
    }
}
