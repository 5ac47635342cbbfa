//! What can be had without a network: histograms of oriented gradients, principal components,
//! random Fourier features and multinomial logistic regression. The yardstick that shows what the
//! networks are worth.

mod fourier;
pub mod hog;

use linfa::traits::Fit;
use linfa::{Dataset as Table, DatasetBase};
use linfa_logistic::{MultiFittedLogisticRegression, MultiLogisticRegression};
use linfa_reduction::{Pca, ReductionError};
use ndarray::{Array1, Array2, Axis, s};
use rayon::prelude::*;
use serde::Serialize;

use crate::by_name::ByName;
use crate::dataset::hygiene::{Hygiene, curate};
use crate::dataset::{Dataset, Split};
use crate::evaluate::metrics;
use crate::progress::{Progress, Unit};
use fourier::Fourier;
use hog::FEATURES;

/// Principal components that are kept, of 900.
const COMPONENTS: usize = 200;
/// Most pictures that the components are computed from, spread evenly over those kept.
const PCA_PICTURES: usize = 6000;
/// Random projections; twice as many features.
const PROJECTIONS: usize = 750;
const PROJECTIONS_SEED: u64 = 1;
/// Exponent of the Gaussian kernel at the mean squared distance of two pictures.
const MEAN_EXPONENT: f64 = 0.7;
/// Weight of the L2 penalty beside the summed cross-entropy.
const ALPHA: f64 = 10.0;
/// Iterations of L-BFGS, in rounds between which progress is shown.
const ROUNDS: u64 = 4;
const ROUND_ITERATIONS: u64 = 25;
/// Pictures turned into features at a time.
const BATCH: usize = 1024;

/// Why there is no baseline.
#[derive(Debug, thiserror::Error)]
pub enum BaselineError {
    /// Nothing to learn from.
    #[error("Training has only {0} usable picture(s)")]
    NoTraining(usize),
    /// Nothing to judge by.
    #[error("the data has no PublicTest split (in folders: validation) to judge by")]
    NoEvaluation,
    /// The decomposition did not succeed.
    #[error("the principal components of Training cannot be computed")]
    Components(#[source] ReductionError),
    /// The solver did not succeed.
    #[error("the logistic regression cannot be fitted")]
    Regression(#[source] linfa_logistic::error::Error),
}

/// The baseline's figures on PublicTest; fractions in `0..=1`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BaselineReport {
    /// Pictures it was fitted to: Training after hygiene, without the calibration part.
    pub trained_on: usize,
    /// Principal components used.
    pub components: usize,
    /// Numbers the regression saw per picture.
    pub features: usize,
    /// Number of pictures judged.
    pub n: usize,
    /// Share of right verdicts.
    pub accuracy: f64,
    /// Wilson's 95% interval `[low, high]` of the accuracy.
    pub accuracy_ci95: [f64; 2],
    /// Mean F1 over the classes that occur.
    pub macro_f1: f64,
    /// Share recognized, per class; null where the data has no picture of it.
    pub recall: ByName<Option<f64>>,
    /// Counts `[truth][verdict]` in the order of the classes.
    pub confusion: Vec<Vec<u64>>,
}

/// Fits to Training, as [`curate`] leaves it, and judges on PublicTest. The same data gives the
/// same figures.
///
/// # Errors
/// When a split is missing or what is in it cannot be learned from.
pub fn baseline(
    data: &Dataset,
    hygiene: &Hygiene,
    progress: Progress,
) -> Result<BaselineReport, BaselineError> {
    let kept = curate(data, hygiene).kept;
    let public = data.indices_of(Split::PublicTest);
    if kept.len() < 2 {
        return Err(BaselineError::NoTraining(kept.len()));
    }
    if public.is_empty() {
        return Err(BaselineError::NoEvaluation);
    }
    let features = Features::fit(data, &kept, progress)?;
    let targets = kept.iter().map(|&i| usize::from(data.label(i as usize)));
    let targets = Array1::from_iter(targets);
    let table = Table::new(features.of(data, &kept, progress), targets);
    let model = regression(&table, progress)?;
    let confusion = confusion(data, &public, &model, &features.of(data, &public, progress));
    let right = (0..confusion.len()).map(|class| confusion[class][class]);
    let recall = metrics::recall(&confusion);
    Ok(BaselineReport {
        trained_on: kept.len(),
        components: features.components.nrows(),
        features: table.records.ncols(),
        n: public.len(),
        accuracy: metrics::accuracy(&confusion),
        accuracy_ci95: metrics::wilson_95(right.sum(), public.len() as u64),
        macro_f1: metrics::macro_f1(&confusion),
        recall: data.labels().iter().zip(recall).collect(),
        confusion,
    })
}

/// From a picture to what the regression sees.
struct Features {
    /// Mean of the HOG features, `[900]`.
    mean: Array1<f64>,
    /// Directions of the greatest variance, `[components, 900]`, orthonormal.
    components: Array2<f64>,
    fourier: Fourier,
}

impl Features {
    fn fit(data: &Dataset, kept: &[u32], progress: Progress) -> Result<Self, BaselineError> {
        let step = kept.len().div_ceil(PCA_PICTURES);
        let some: Vec<u32> = kept.iter().copied().step_by(step).collect();
        let task = progress.start("principal components", 1, Unit::Items("decomposition"));
        // All components at once: linfa's iteration then starts with the whole space and is done
        // after a step; for some of them it would go on for long.
        let all = FEATURES.min(some.len() - 1);
        let pca = Pca::params(all)
            .fit(&DatasetBase::from(hog_rows(data, &some)))
            .map_err(BaselineError::Components)?;
        task.advance(1);
        task.finish();
        let used = COMPONENTS.min(pca.components().nrows());
        let singular = pca.singular_values().slice(s![..used]);
        let variance = singular.mapv(|value| value * value).sum() / some.len() as f64;
        // Two pictures are at a squared distance of twice the variance on average.
        let gamma = MEAN_EXPONENT / (2.0 * variance).max(f64::MIN_POSITIVE);
        Ok(Self {
            mean: pca.mean().clone(),
            components: pca.components().slice(s![..used, ..]).to_owned(),
            fourier: Fourier::new(used, PROJECTIONS, gamma, PROJECTIONS_SEED),
        })
    }

    /// `[pictures, features]`, in batches so that HOG features of all are never in memory.
    fn of(&self, data: &Dataset, indices: &[u32], progress: Progress) -> Array2<f64> {
        let task = progress.start("features", indices.len() as u64, Unit::Items("pictures"));
        let mut rows = Array2::zeros((indices.len(), 2 * PROJECTIONS));
        for (mut part, batch) in rows
            .axis_chunks_iter_mut(Axis(0), BATCH)
            .zip(indices.chunks(BATCH))
        {
            let projected = (hog_rows(data, batch) - &self.mean).dot(&self.components.t());
            part.assign(&self.fourier.map(projected.view()));
            task.advance(batch.len() as u64);
        }
        task.finish();
        rows
    }
}

/// HOG features `[pictures, 900]`.
fn hog_rows(data: &Dataset, indices: &[u32]) -> Array2<f64> {
    let mut rows = Array2::zeros((indices.len(), FEATURES));
    let filled = rows.as_slice_mut().unwrap_or_default();
    filled
        .par_chunks_mut(FEATURES)
        .zip(indices)
        .for_each(|(row, &index)| row.copy_from_slice(&hog::hog(data.pixels(index as usize))));
    rows
}

type Model = MultiFittedLogisticRegression<f64, usize>;

/// L-BFGS in rounds, each from where the last one ended.
fn regression(
    table: &Table<f64, usize, ndarray::Ix1>,
    progress: Progress,
) -> Result<Model, BaselineError> {
    let task = progress.start(
        "logistic regression",
        ROUNDS * ROUND_ITERATIONS,
        Unit::Items("iterations"),
    );
    let params = || {
        MultiLogisticRegression::default()
            .alpha(ALPHA)
            .max_iterations(ROUND_ITERATIONS)
    };
    let mut model = params().fit(table).map_err(BaselineError::Regression)?;
    task.advance(ROUND_ITERATIONS);
    for _ in 1..ROUNDS {
        let start = ndarray::concatenate![
            Axis(0),
            *model.params(),
            model.intercept().view().insert_axis(Axis(0))
        ];
        model = params()
            .initial_params(start)
            .fit(table)
            .map_err(BaselineError::Regression)?;
        task.advance(ROUND_ITERATIONS);
    }
    task.finish();
    Ok(model)
}

/// Counts `[truth][verdict]` over the data's classes.
fn confusion(
    data: &Dataset,
    indices: &[u32],
    model: &Model,
    features: &Array2<f64>,
) -> Vec<Vec<u64>> {
    let classes = data.labels().len();
    let mut counts = vec![vec![0; classes]; classes];
    let probabilities = model.predict_probabilities(features);
    for (row, &index) in probabilities.rows().into_iter().zip(indices) {
        let verdicts = row.iter().zip(model.classes());
        let best = verdicts.max_by(|a, b| a.0.total_cmp(b.0));
        if let Some((_, &verdict)) = best {
            counts[usize::from(data.label(index as usize))][verdict] += 1;
        }
    }
    counts
}

#[cfg(test)]
mod tests;
