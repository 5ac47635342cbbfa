//! The figures of a classifier, pure functions over its verdicts.

mod calibration;
mod ranking;

pub use calibration::{BINS, Bin, expected_calibration_error, reliability};
pub use ranking::{PrecisionRecall, precision_recall};

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

/// Per class, the share of its verdicts that is right; `None` where it was never the verdict.
pub fn precision(confusion: &[Vec<u64>]) -> Vec<Option<f64>> {
    let of_class = |class: usize| ratio(confusion[class][class], verdicts(confusion, class));
    (0..confusion.len()).map(of_class).collect()
}

/// Per class, the harmonic mean of recall and precision; `None` where it is neither truth nor
/// verdict.
pub fn f1(confusion: &[Vec<u64>]) -> Vec<Option<f64>> {
    let of_class = |class: usize| {
        let truths: u64 = confusion[class].iter().sum();
        ratio(
            2 * confusion[class][class],
            truths + verdicts(confusion, class),
        )
    };
    (0..confusion.len()).map(of_class).collect()
}

/// Mean F1 over the classes that occur as truth or as verdict; 0 when none does.
pub fn macro_f1(confusion: &[Vec<u64>]) -> f64 {
    let scores: Vec<f64> = f1(confusion).into_iter().flatten().collect();
    scores.iter().sum::<f64>() / scores.len().max(1) as f64
}

fn verdicts(confusion: &[Vec<u64>], class: usize) -> u64 {
    confusion.iter().map(|row| row[class]).sum()
}

fn total(confusion: &[Vec<u64>]) -> u64 {
    confusion.iter().flatten().sum()
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

#[cfg(test)]
mod tests;
