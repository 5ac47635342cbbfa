//! Temperature and class offsets that make confidences true.
//!
//! Bias-corrected temperature scaling (Alexandari, Kundaje & Shrikumar, ICML 2020): the
//! probabilities are `softmax(logits / T + b)` with `T` and `b` of least cross-entropy on pictures
//! that were not fitted to. The offsets go into the last layer's bias, the temperature into the
//! file.

use linfa_linalg::cholesky::SolveCInplace;
use ndarray::Array2;

/// Weight of the offsets' squares, so that classes with few pictures stay near their logits.
const RIDGE: f64 = 1e-3;
/// Newton steps at most; some six are needed.
const STEPS: usize = 50;

/// A fitted calibration.
#[derive(Clone, Debug, PartialEq)]
pub struct Calibration {
    /// Divides the logits, above 0.
    pub temperature: f64,
    /// Added to the logits before the division, `[labels]`; their mean is 0.
    pub offsets: Vec<f64>,
    /// Mean cross-entropy of the pictures without calibration and with it.
    pub loss: [f64; 2],
}

/// `a = 1 / T`, then the offsets.
type Parameters = Vec<f64>;

/// Fits to `logits` `[N, labels]` of pictures of the classes `truths` `[N]`. With `offsets` off only
/// the temperature is fitted. Without pictures nothing is changed.
pub fn fit(logits: &[f32], truths: &[usize], labels: usize, offsets: bool) -> Calibration {
    let start: Parameters = std::iter::once(1.0).chain(vec![0.0; labels]).collect();
    let free = if offsets { labels + 1 } else { 1 };
    let problem = Problem {
        logits,
        truths,
        labels,
        free,
    };
    let before = problem.loss(&start);
    let mut at = start.clone();
    if !truths.is_empty() {
        for _ in 0..STEPS {
            let Some(next) = problem.step(&at) else { break };
            at = next;
        }
    }
    let temperature = 1.0 / at[0];
    let mean = at[1..].iter().sum::<f64>() / labels as f64;
    Calibration {
        temperature,
        offsets: at[1..].iter().map(|b| (b - mean) * temperature).collect(),
        loss: [before, problem.loss(&at)],
    }
}

struct Problem<'a> {
    logits: &'a [f32],
    truths: &'a [usize],
    labels: usize,
    /// How many of the parameters are fitted.
    free: usize,
}

impl Problem<'_> {
    fn probabilities(&self, row: &[f32], at: &Parameters) -> Vec<f64> {
        let scaled = |(z, b): (&f32, &f64)| at[0] * f64::from(*z) + b;
        let scaled: Vec<f64> = row.iter().zip(&at[1..]).map(scaled).collect();
        let most = scaled.iter().copied().fold(f64::MIN, f64::max);
        let raw: Vec<f64> = scaled.iter().map(|v| (v - most).exp()).collect();
        let sum: f64 = raw.iter().sum();
        raw.iter().map(|p| p / sum).collect()
    }

    fn rows(&self) -> impl Iterator<Item = (&[f32], usize)> {
        let rows = self.logits.chunks_exact(self.labels);
        rows.zip(self.truths.iter().copied())
    }

    fn loss(&self, at: &Parameters) -> f64 {
        let losses = self
            .rows()
            .map(|(row, truth)| -self.probabilities(row, at)[truth].ln());
        losses.sum::<f64>() / self.truths.len().max(1) as f64
    }

    /// What is minimized: convex in the parameters.
    fn objective(&self, at: &Parameters) -> f64 {
        self.loss(at) + RIDGE * at[1..].iter().map(|b| b * b).sum::<f64>()
    }

    /// A damped Newton step; `None` when nothing is gained any more.
    fn step(&self, at: &Parameters) -> Option<Parameters> {
        let (gradient, mut hessian) = self.derivatives(at);
        // Positive definite also where all logits are equal.
        hessian.diag_mut().mapv_inplace(|h| h + 1e-9);
        let direction = hessian.solvec_into(gradient).ok()?;
        let now = self.objective(at);
        let mut length = 1.0;
        while length > 1e-6 {
            let mut next = at.clone();
            for (p, d) in next.iter_mut().zip(&direction) {
                *p -= length * d;
            }
            // A temperature must stay positive.
            if next[0] > 1e-3 && self.objective(&next) < now - 1e-12 {
                return Some(next);
            }
            length /= 2.0;
        }
        None
    }

    /// Gradient and Hessian of the objective in the parameters that are fitted.
    fn derivatives(&self, at: &Parameters) -> (Array2<f64>, Array2<f64>) {
        let (free, n) = (self.free, self.truths.len() as f64);
        let mut gradient = Array2::zeros((free, 1));
        let mut hessian = Array2::zeros((free, free));
        for (row, truth) in self.rows() {
            let p = self.probabilities(row, at);
            // Derivative of scaled logit `c` for parameter `i`: the logit itself, or 1 for its own
            // offset.
            let slope = |i: usize, c: usize| match i {
                0 => f64::from(row[c]),
                _ => f64::from(u8::from(i - 1 == c)),
            };
            let mean: Vec<f64> = (0..free)
                .map(|i| (0..self.labels).map(|c| p[c] * slope(i, c)).sum())
                .collect();
            for ((i, _), value) in gradient.indexed_iter_mut() {
                *value += (mean[i] - slope(i, truth)) / n;
            }
            for ((i, j), value) in hessian.indexed_iter_mut() {
                let product: f64 = (0..self.labels)
                    .map(|c| p[c] * slope(i, c) * slope(j, c))
                    .sum();
                *value += (product - mean[i] * mean[j]) / n;
            }
        }
        for i in 1..free {
            gradient[[i, 0]] += 2.0 * RIDGE * at[i];
            hessian[[i, i]] += 2.0 * RIDGE;
        }
        (gradient, hessian)
    }
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Logits whose true probabilities are `softmax(logits / temperature + offset of class 0)`.
    fn sample(n: usize, temperature: f64, offset: f64) -> (Vec<f32>, Vec<usize>) {
        let mut rng = ChaCha8Rng::seed_from_u64(5);
        let (mut logits, mut truths) = (vec![], vec![]);
        for _ in 0..n {
            let row: Vec<f32> = (0..3).map(|_| rng.random_range(-4.0..4.0)).collect();
            let weights: Vec<f64> = (0..3)
                .map(|c| {
                    (f64::from(row[c]) / temperature + if c == 0 { offset } else { 0.0 }).exp()
                })
                .collect();
            let mut left = rng.random::<f64>() * weights.iter().sum::<f64>();
            let class = weights.iter().position(|w| {
                left -= w;
                left < 0.0
            });
            logits.extend(row);
            truths.push(class.unwrap_or(2));
        }
        (logits, truths)
    }

    #[test]
    fn finds_the_temperature_and_offsets_that_made_the_data() {
        let (logits, truths) = sample(20_000, 2.0, 0.9);
        let fitted = fit(&logits, &truths, 3, true);
        assert!((fitted.temperature - 2.0).abs() < 0.1, "{fitted:?}");
        let apart = (fitted.offsets[0] - fitted.offsets[1]) / fitted.temperature;
        assert!((apart - 0.9).abs() < 0.1, "{fitted:?}");
        assert!(fitted.loss[1] < fitted.loss[0]);
        assert!(fitted.offsets.iter().sum::<f64>().abs() < 1e-9);
    }

    #[test]
    fn without_offsets_only_the_temperature_moves() {
        let (logits, truths) = sample(20_000, 0.5, 0.0);
        let fitted = fit(&logits, &truths, 3, false);
        assert!((fitted.temperature - 0.5).abs() < 0.03, "{fitted:?}");
        assert_eq!(fitted.offsets, [0.0; 3]);
    }

    #[test]
    fn odd_data_gives_a_usable_calibration() {
        for (logits, truths) in [
            (vec![], vec![]),
            (vec![1.0, 1.0, 1.0], vec![2]),
            (vec![9.0, 0.0, 0.0, 0.0, 9.0, 0.0], vec![0, 1]),
            (vec![-9.0, 9.0, 9.0], vec![0]),
        ] {
            let fitted = fit(&logits, &truths, 3, true);
            assert!(
                fitted.temperature.is_finite() && fitted.temperature > 0.0,
                "{fitted:?}"
            );
            assert!(fitted.offsets.iter().all(|b| b.is_finite()), "{fitted:?}");
        }
    }
}
