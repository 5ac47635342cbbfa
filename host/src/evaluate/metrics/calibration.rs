//! How far a model's confidence can be believed (Guo et al. 2017, "On Calibration of Modern
//! Neural Networks").

use serde::Serialize;

use super::Outcome;

/// Equal-width confidence bins.
pub const BINS: usize = 15;

/// Verdicts of similar confidence, in `(low, high]`; the first bin also holds 0.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Bin {
    /// Lower edge, `0..=1`.
    pub low: f64,
    /// Upper edge, `0..=1`.
    pub high: f64,
    /// Number of verdicts.
    pub n: u64,
    /// Their mean confidence, `0..=1`; `None` for an empty bin.
    pub confidence: Option<f64>,
    /// Share of them that is right, `0..=1`; `None` for an empty bin.
    pub accuracy: Option<f64>,
}

/// The reliability diagram's 15 bins, by rising confidence.
pub fn reliability(outcomes: &[Outcome]) -> Vec<Bin> {
    let mut sums = [(0u64, 0.0, 0u64); BINS];
    for outcome in outcomes {
        let bin = (outcome.confidence * BINS as f64).ceil() as usize;
        let (n, confidence, right) = &mut sums[bin.clamp(1, BINS) - 1];
        *n += 1;
        *confidence += outcome.confidence;
        *right += u64::from(outcome.truth == outcome.predicted);
    }
    let bin = |(index, (n, confidence, right)): (usize, (u64, f64, u64))| Bin {
        low: index as f64 / BINS as f64,
        high: (index + 1) as f64 / BINS as f64,
        n,
        confidence: (n > 0).then(|| confidence / n as f64),
        accuracy: (n > 0).then(|| right as f64 / n as f64),
    };
    sums.into_iter().enumerate().map(bin).collect()
}

/// Expected calibration error: the mean distance between a bin's confidence and its accuracy,
/// weighted by its share of the verdicts. `0..=1`; 0 without verdicts.
pub fn expected_calibration_error(bins: &[Bin]) -> f64 {
    let total: u64 = bins.iter().map(|bin| bin.n).sum();
    let gap = |bin: &Bin| Some((bin.confidence? - bin.accuracy?).abs() * bin.n as f64);
    bins.iter().filter_map(gap).sum::<f64>() / total.max(1) as f64
}
