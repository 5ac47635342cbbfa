//! Fits a head: multinomial logistic regression (linfa) on what the network sees and on what its old
//! head said of it.
//!
//! The penalty is to pull the new head to the old one, not to zero. So the regression also sees the old
//! logits, large: a new logit is then some mixture of old ones, which costs next to nothing, plus what
//! the features add to that, which the penalty keeps small. Both are linear, so one dense layer is left.

use linfa::Dataset as Table;
use linfa::traits::Fit;
use linfa_logistic::MultiLogisticRegression;
use linfa_logistic::error::Error;
use ndarray::{Array1, Array2};
use rayon::prelude::*;

use super::head::Head;

/// How much larger than the features the old logits are: their penalty is so many times squared less.
const ANCHOR: f64 = 30.0;
/// Iterations of L-BFGS at most.
const ITERATIONS: u64 = 60;
/// It ends when the gradient per row is shorter.
const GRADIENT: f64 = 1e-4;
/// Weights of the L2 penalty beside the summed cross-entropy that are tried.
pub const ALPHAS: [f64; 6] = [1.0, 10.0, 100.0, 1e3, 1e4, 3e4];

/// A row to fit to: features and the label.
pub type Row<'a> = (&'a [f32], usize);

/// What the regression sees of a row: features and old logits, each of mean 0 and the same spread.
#[derive(Clone, Debug)]
pub struct Design {
    old: Head,
    /// The old label that each new one is, where there is one: the fit starts from its logit.
    origins: Vec<Option<usize>>,
    mean: Vec<f64>,
    /// Divides; infinite for what never varies.
    spread: Vec<f64>,
}

impl Design {
    /// Measured on `rows`.
    pub fn new<'r>(
        old: Head,
        origins: Vec<Option<usize>>,
        rows: impl Iterator<Item = &'r [f32]>,
    ) -> Self {
        let width = old.features + old.labels();
        let (mut sum, mut squares, mut n) = (vec![0.0; width], vec![0.0; width], 0.0);
        for row in rows {
            n += 1.0;
            let logits = old.logits(row);
            for (i, value) in row.iter().chain(&logits).enumerate() {
                sum[i] += f64::from(*value);
                squares[i] += f64::from(*value).powi(2);
            }
        }
        let mean: Vec<f64> = sum.iter().map(|s| s / f64::max(n, 1.0)).collect();
        let spread = squares.iter().zip(&mean).enumerate().map(|(i, (s, m))| {
            let variance = s / f64::max(n, 1.0) - m * m;
            let scale = if i < old.features { 1.0 } else { 1.0 / ANCHOR };
            match variance > 1e-12 * (1.0 + m * m) {
                true => scale * variance.sqrt(),
                false => f64::INFINITY,
            }
        });
        let spread = spread.collect();
        Self {
            old,
            origins,
            mean,
            spread,
        }
    }

    /// The old head's own logits, in the regression's terms: coefficients, then the intercepts.
    fn start(&self) -> Array2<f64> {
        let width = self.mean.len();
        let mut start = Array2::zeros((width + 1, self.origins.len()));
        for (new, old) in self.origins.iter().enumerate() {
            if let Some(column) = old.map(|old| self.old.features + old)
                && self.spread[column].is_finite()
            {
                start[[column, new]] = self.spread[column];
                start[[width, new]] = self.mean[column];
            }
        }
        start
    }

    fn rows(&self, rows: &[Row<'_>]) -> Array2<f64> {
        let mut table = Array2::zeros((rows.len(), self.mean.len()));
        for (mut place, (features, _)) in table.rows_mut().into_iter().zip(rows) {
            let logits = self.old.logits(features);
            let values = features.iter().chain(&logits);
            let scale = self.mean.iter().zip(&self.spread);
            for ((place, value), (mean, spread)) in place.iter_mut().zip(values).zip(scale) {
                *place = (f64::from(*value) - mean) / spread;
            }
        }
        table
    }

    /// One dense layer on the features that computes what the regression does.
    fn fold(&self, weights: &Array2<f64>, intercept: &Array1<f64>) -> Head {
        let (features, old) = (self.old.features, &self.old);
        let mut head = Head {
            features,
            weights: vec![],
            bias: vec![],
        };
        for (column, intercept) in weights.columns().into_iter().zip(intercept) {
            let scaled: Vec<f64> = column
                .iter()
                .zip(&self.spread)
                .map(|(w, s)| w / s)
                .collect();
            let shift: f64 = scaled.iter().zip(&self.mean).map(|(w, m)| w * m).sum();
            let (own, mixture) = scaled.split_at(features);
            let mut row = own.to_vec();
            let mut bias = intercept - shift;
            for (label, share) in mixture.iter().enumerate() {
                let old_row = row.iter_mut().zip(old.row(label));
                old_row.for_each(|(w, o)| *w += share * f64::from(*o));
                bias += share * f64::from(old.bias[label]);
            }
            head.weights.extend(row.iter().map(|w| *w as f32));
            head.bias.push(bias as f32);
        }
        head
    }

    /// The head of least cross-entropy on `rows`, of labels that all occur in them, with the L2 penalty
    /// `alpha`.
    ///
    /// # Errors
    /// Those of the solver.
    pub fn fit(&self, rows: &[Row<'_>], alpha: f64) -> Result<Head, Error> {
        let targets = rows.iter().map(|(_, label)| *label);
        let table = Table::new(self.rows(rows), Array1::from_iter(targets));
        let model = MultiLogisticRegression::default()
            .alpha(alpha)
            .initial_params(self.start())
            .max_iterations(ITERATIONS)
            .gradient_tolerance(GRADIENT * rows.len().max(1) as f64)
            .fit(&table)?;
        Ok(self.fold(model.params(), model.intercept()))
    }
}

/// What a penalty gave.
#[derive(Clone, Debug)]
pub struct Fitted {
    /// The penalty.
    pub alpha: f64,
    /// The head fitted without each fold.
    pub heads: Vec<Head>,
}

/// Fits every penalty to every part on all cores. Penalties with which a fit fails are left out.
///
/// # Errors
/// When all fail: the first one's.
pub fn candidates(design: &Design, parts: &[Vec<Row<'_>>]) -> Result<Vec<Fitted>, Error> {
    let jobs: Vec<(f64, &Vec<Row<'_>>)> = ALPHAS
        .iter()
        .flat_map(|alpha| parts.iter().map(|part| (*alpha, part)))
        .collect();
    let mut heads = jobs
        .par_iter()
        .map(|(alpha, part)| design.fit(part, *alpha))
        .collect::<Vec<_>>()
        .into_iter();
    let (mut found, mut failed) = (vec![], None);
    for alpha in ALPHAS {
        let fitted: Result<Vec<Head>, Error> = heads
            .by_ref()
            .take(parts.len())
            .collect::<Vec<_>>()
            .into_iter()
            .collect();
        match fitted {
            Ok(heads) => found.push(Fitted { alpha, heads }),
            Err(error) => failed = failed.or(Some(error)),
        }
    }
    match (found.is_empty(), failed) {
        (true, Some(error)) => Err(error),
        _ => Ok(found),
    }
}

/// Cross-entropy of the truth under the logits' softmax.
pub fn cross_entropy(logits: &[f32], truth: usize) -> f64 {
    let most = logits.iter().copied().fold(f32::MIN, f32::max);
    let sum: f64 = logits.iter().map(|l| f64::from(l - most).exp()).sum();
    sum.ln() - f64::from(logits[truth] - most)
}

#[cfg(test)]
mod tests {
    use rand::{Rng, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    use super::*;

    /// Three old labels by the first three of five features; the fourth never varies.
    fn old() -> Head {
        let mut weights = vec![0.0; 15];
        for label in 0..3 {
            weights[5 * label + label] = 2.0;
        }
        Head {
            features: 5,
            weights,
            bias: vec![0.0, 0.5, 0.0],
        }
    }

    fn sample(n: usize) -> Vec<Vec<f32>> {
        let mut rng = ChaCha8Rng::seed_from_u64(7);
        let mut row = |_| {
            let mut row: Vec<f32> = (0..5).map(|_| rng.random_range(-2.0..2.0)).collect();
            row[3] = 1.0;
            row
        };
        (0..n).map(&mut row).collect()
    }

    fn verdict(head: &Head, row: &[f32]) -> usize {
        let logits = head.logits(row);
        let best = logits.iter().enumerate().max_by(|a, b| a.1.total_cmp(b.1));
        best.unwrap().0
    }

    #[test]
    fn a_strong_penalty_leaves_the_old_verdicts() {
        let rows = sample(300);
        let same = vec![Some(0), Some(1), Some(2)];
        let design = Design::new(old(), same, rows.iter().map(Vec::as_slice));
        let labelled: Vec<Row<'_>> = rows.iter().map(|r| (&r[..], verdict(&old(), r))).collect();
        let head = design.fit(&labelled, 1e3).unwrap();
        let same = rows
            .iter()
            .filter(|r| verdict(&head, r) == verdict(&old(), r));
        assert!(same.count() >= 294);
        // The features that say nothing have no weight worth the name beside the others.
        for label in 0..3 {
            assert!(head.row(label)[4].abs() < 0.05 * head.row(label)[label].abs());
            assert_eq!(head.row(label)[3], 0.0);
        }
    }

    #[test]
    fn new_labels_may_hang_on_what_the_old_ones_ignored() {
        let rows = sample(300);
        let design = Design::new(old(), vec![None; 2], rows.iter().map(Vec::as_slice));
        let truth = |row: &[f32]| usize::from(row[4] > 0.3);
        let labelled: Vec<Row<'_>> = rows.iter().map(|r| (&r[..], truth(r))).collect();
        let parts = vec![labelled[..200].to_vec(), labelled[100..].to_vec()];
        let found = candidates(&design, &parts).unwrap();
        assert_eq!(found.len(), ALPHAS.len());
        let judged = |head: &Head| {
            let right = |r: &&Vec<f32>| verdict(head, r) == truth(r);
            rows[200..].iter().filter(right).count()
        };
        assert!(
            judged(&found[0].heads[0]) >= 95,
            "{}",
            judged(&found[0].heads[0])
        );
    }

    #[test]
    fn cross_entropy_is_that_of_the_softmax() {
        let expected = (1.0f64 + (-1.0f64).exp() + 1f64.exp()).ln();
        assert!((cross_entropy(&[1.0, 0.0, 2.0], 0) - expected).abs() < 1e-6);
    }
}
