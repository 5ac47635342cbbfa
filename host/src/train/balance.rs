//! Class-balanced loss.

/// Factor per class, `(1 - beta) / (1 - beta^n)`, scaled so that the mean over all pictures is 1
/// (Cui et al. 2019, "Class-Balanced Loss Based on Effective Number of Samples"). `counts` are the
/// pictures of each class; `beta` 0 gives 1 everywhere, towards 1 the inverse of the counts.
pub fn class_weights(counts: &[f64], beta: f64) -> Vec<f32> {
    let raw: Vec<f64> = counts
        .iter()
        .map(|n| (1.0 - beta) / (1.0 - beta.powf(n.max(1.0))))
        .collect();
    let total: f64 = counts.iter().sum();
    let mean = raw.iter().zip(counts).map(|(w, n)| w * n).sum::<f64>() / total.max(1.0);
    raw.iter().map(|w| (w / mean) as f32).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn zero_is_even_and_one_is_inverse_frequency() {
        assert_eq!(class_weights(&[10.0, 90.0], 0.0), [1.0, 1.0]);
        let weights = class_weights(&[10.0, 90.0], 0.999_999);
        assert!((weights[0] / weights[1] - 9.0).abs() < 0.01, "{weights:?}");
        let mean = (10.0 * weights[0] + 90.0 * weights[1]) / 100.0;
        assert!((mean - 1.0).abs() < 1e-4, "{mean}");
    }
}
