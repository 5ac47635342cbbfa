//! The figures of a classifier, pure functions over its verdicts.

/// What a model said about one picture.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Outcome {
    /// The true class.
    pub truth: usize,
    /// The most probable class.
    pub predicted: usize,
    /// Its probability, `0..=1`.
    pub confidence: f64,
}

/// Two-sided 95% quantile of the standard normal distribution.
const Z_95: f64 = 1.959_963_984_540_054;
/// Equal-width confidence bins of the calibration error.
const ECE_BINS: usize = 15;

/// Counts `[truth][predicted]`, square.
///
/// # Panics
/// When an outcome names a class that is not below `classes`.
pub fn confusion(outcomes: &[Outcome], classes: usize) -> Vec<Vec<u64>> {
    let mut counts = vec![vec![0; classes]; classes];
    for outcome in outcomes {
        counts[outcome.truth][outcome.predicted] += 1;
    }
    counts
}

/// Share of right verdicts, `0..=1`; 0 without any verdict.
pub fn accuracy(confusion: &[Vec<u64>]) -> f64 {
    let right = (0..confusion.len()).map(|class| confusion[class][class]);
    ratio(right.sum(), total(confusion)).unwrap_or(0.0)
}

/// Wilson's 95% interval for a share of `right` in `n` (Wilson 1927, JASA 22). `[0, 1]` for no
/// trials: nothing is known.
pub fn wilson_95(right: u64, n: u64) -> [f64; 2] {
    if n == 0 {
        return [0.0, 1.0];
    }
    let (n, share) = (n as f64, right as f64 / n as f64);
    let z2 = Z_95 * Z_95;
    let center = share + z2 / (2.0 * n);
    let half = Z_95 * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    let scale = 1.0 + z2 / n;
    // The ends are 0 and 1 exactly for no and all right; rounding must not move them.
    let low = ((center - half) / scale).clamp(0.0, share);
    let high = ((center + half) / scale).clamp(share, 1.0);
    [low, high]
}

/// Per class, the share of its pictures that were recognized; `None` where there are none.
pub fn recall(confusion: &[Vec<u64>]) -> Vec<Option<f64>> {
    let of_class = |(class, row): (usize, &Vec<u64>)| ratio(row[class], row.iter().sum());
    confusion.iter().enumerate().map(of_class).collect()
}

/// Mean F1 over the classes that occur as truth or as verdict; 0 when none does.
pub fn macro_f1(confusion: &[Vec<u64>]) -> f64 {
    let scores: Vec<f64> = (0..confusion.len())
        .filter_map(|class| {
            let truths: u64 = confusion[class].iter().sum();
            let verdicts: u64 = confusion.iter().map(|row| row[class]).sum();
            ratio(2 * confusion[class][class], truths + verdicts)
        })
        .collect();
    match scores.len() {
        0 => 0.0,
        count => scores.iter().sum::<f64>() / count as f64,
    }
}

/// Expected calibration error over 15 equal-width bins `(k/15, (k+1)/15]`: the mean distance
/// between confidence and accuracy, weighted by the bin's share (Guo et al. 2017). `0..=1`.
pub fn expected_calibration_error(outcomes: &[Outcome]) -> f64 {
    let mut confidence = [0.0; ECE_BINS];
    let mut right = [0.0; ECE_BINS];
    for outcome in outcomes {
        let bin = (outcome.confidence * ECE_BINS as f64).ceil() as usize;
        let bin = bin.clamp(1, ECE_BINS) - 1;
        confidence[bin] += outcome.confidence;
        right[bin] += f64::from(u8::from(outcome.truth == outcome.predicted));
    }
    let gaps = confidence.iter().zip(right).map(|(c, r)| (c - r).abs());
    gaps.sum::<f64>() / outcomes.len().max(1) as f64
}

fn total(confusion: &[Vec<u64>]) -> u64 {
    confusion.iter().flatten().sum()
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests;
