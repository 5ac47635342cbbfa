//! Symmetric int8 quantization of weights, one scale per output channel.

/// Quantized coefficients: real value = `q * scale[output]`.
#[derive(Clone, Debug, PartialEq)]
pub struct Quantized {
    /// `[outputs, coefficients per output]`, -127..=127.
    pub values: Vec<i8>,
    /// `[outputs]`, positive.
    pub scales: Vec<f32>,
}

/// Clipping ranges tried, as shares of the largest magnitude: clipping rare large weights can cost
/// less than the coarser step that they force on all others.
const RANGES: [f32; 9] = [1.0, 0.975, 0.95, 0.925, 0.9, 0.875, 0.85, 0.825, 0.8];

/// Quantizes each output's coefficients with the range of least squared error.
pub fn quantize(weights: &[f32], outputs: usize) -> Quantized {
    let per_output = weights.len() / outputs.max(1);
    let mut quantized = Quantized {
        values: Vec::with_capacity(weights.len()),
        scales: Vec::with_capacity(outputs),
    };
    for row in weights.chunks_exact(per_output.max(1)) {
        let largest = row.iter().fold(0f32, |m, w| m.max(w.abs()));
        // An all-zero channel still needs a valid scale.
        let largest = if largest > 0.0 { largest } else { 1.0 };
        let scale = RANGES
            .map(|range| largest * range / 127.0)
            .into_iter()
            .min_by(|a, b| squared_error(row, *a).total_cmp(&squared_error(row, *b)))
            .unwrap_or(largest / 127.0);
        quantized
            .values
            .extend(row.iter().map(|w| to_int8(*w, scale)));
        quantized.scales.push(scale);
    }
    quantized
}

fn to_int8(weight: f32, scale: f32) -> i8 {
    (weight / scale).round().clamp(-127.0, 127.0) as i8
}

fn squared_error(row: &[f32], scale: f32) -> f64 {
    row.iter()
        .map(|w| f64::from(w - f32::from(to_int8(*w, scale)) * scale).powi(2))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn zeros_stay_zeros_with_a_valid_scale() {
        let q = quantize(&[0.0; 6], 2);
        assert_eq!(q.values, [0; 6]);
        assert!(q.scales.iter().all(|s| *s > 0.0));
    }

    #[test]
    fn an_outlier_is_clipped_only_where_it_pays() {
        let mut row = vec![0.01f32; 5000];
        row[0] = 1.0;
        let q = quantize(&row, 1);
        assert!(squared_error(&row, q.scales[0]) <= squared_error(&row, 1.0 / 127.0));
    }

    proptest! {
        #[test]
        fn error_is_at_most_that_of_the_plain_range(
            row in prop::collection::vec(-2f32..2.0, 1..200)
        ) {
            let q = quantize(&row, 1);
            let largest = row.iter().fold(0f32, |m, w| m.max(w.abs())).max(f32::MIN_POSITIVE);
            prop_assert!(squared_error(&row, q.scales[0]) <= squared_error(&row, largest / 127.0));
            prop_assert!(q.scales[0].is_finite() && q.scales[0] > 0.0);
        }
    }
}
