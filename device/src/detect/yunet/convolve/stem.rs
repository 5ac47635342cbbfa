//! The first convolution: 3x3 pixels of one plane, every second pixel, with a ReLU.

use super::lanes::with_vectors;
use super::pointwise::Pointwise;

/// Nine taps to all channels.
pub(super) struct Stem<'a> {
    /// Pixels in a row of the input; even.
    pub(super) width: usize,
    /// The filter as a 1x1 convolution of the nine pixels.
    pub(super) filter: Pointwise<'a>,
}

with_vectors!(Stem<'_>);

impl Stem<'_> {
    /// `[height, width]` to `[height / 2, width / 2, outputs]`; one zero around the input.
    #[inline(always)]
    fn rows<const FUSED: bool>(&self, input: &[f32], output: &mut [f32]) {
        let columns = self.width / 2;
        let zeros = vec![0.0; self.width];
        let rows: Vec<&[f32]> = input.chunks_exact(self.width.max(1)).collect();
        let mut patches = vec![0.0; 9 * columns];
        let row_len = (columns * self.filter.outputs).max(1);
        for (y, out) in output.chunks_exact_mut(row_len).enumerate() {
            for tap in 0..3 {
                // The first row lies above the picture; below it nothing is needed.
                let row = (2 * y + tap).checked_sub(1).and_then(|y| rows.get(y));
                let row = row.copied().unwrap_or(&zeros);
                for (x, patch) in patches.chunks_exact_mut(9).enumerate() {
                    patch[3 * tap] = if x > 0 { row[2 * x - 1] } else { 0.0 };
                    patch[3 * tap + 1..3 * tap + 3].copy_from_slice(&row[2 * x..2 * x + 2]);
                }
            }
            self.filter.row::<FUSED>(&patches, out);
            for value in out {
                *value = value.max(0.0);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By the definition, in f64.
    fn by_hand(stem: &Stem<'_>, input: &[f32]) -> Vec<f32> {
        let width = stem.width as i64;
        let height = input.len() as i64 / width;
        let outputs = stem.filter.outputs;
        let mut values = Vec::new();
        for y in (0..height).step_by(2) {
            for x in (0..width).step_by(2) {
                for channel in 0..outputs {
                    let mut sum = f64::from(stem.filter.bias[channel]);
                    for tap in 0..9 {
                        let (y, x) = (y + tap / 3 - 1, x + tap % 3 - 1);
                        if (0..height).contains(&y) && (0..width).contains(&x) {
                            let weight = stem.filter.weights[tap as usize * outputs + channel];
                            sum += f64::from(weight) * f64::from(input[(y * width + x) as usize]);
                        }
                    }
                    values.push(sum.max(0.0) as f32);
                }
            }
        }
        values
    }

    proptest! {
        #[test]
        fn vectors_and_their_twin_keep_to_the_definition(
            columns in 1..12_usize,
            rows in 1..6_usize,
            outputs in 1..36_usize,
            values in prop::collection::vec(-2.0..2.0_f32, 10 * 36 + 24 * 12),
        ) {
            let (weights, rest) = values.split_at(9 * outputs);
            let (bias, rest) = rest.split_at(outputs);
            let input = &rest[..4 * columns * rows];
            let filter = Pointwise { inputs: 9, outputs, weights, bias };
            let stem = Stem { width: 2 * columns, filter };
            let expected = by_hand(&stem, input);
            let mut vectors = vec![f32::NAN; expected.len()];
            stem.run(input, &mut vectors);
            let mut scalar = vec![f32::NAN; expected.len()];
            stem.rows::<false>(input, &mut scalar);
            for ((&a, &b), &c) in vectors.iter().zip(&scalar).zip(&expected) {
                prop_assert!((a - c).abs() < 1e-4 && (b - c).abs() < 1e-4, "{} {} {}", a, b, c);
            }
        }
    }
}
