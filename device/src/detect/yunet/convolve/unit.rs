//! A 1x1 convolution and a 3x3 one of each channel by itself, without a pause.

use super::lanes::{LANES, block, multiply_add, with_vectors};
use super::pointwise::Pointwise;

/// One of the network's units.
pub(super) struct Unit<'a> {
    /// Pixels in a row.
    pub(super) width: usize,
    pub(super) pointwise: Pointwise<'a>,
    /// `[9, outputs]`.
    pub(super) weights: &'a [f32],
    /// `[outputs]`.
    pub(super) bias: &'a [f32],
    /// Whether negative results become 0.
    pub(super) relu: bool,
}

with_vectors!(Unit<'_>);

impl Unit<'_> {
    /// `[height, width, inputs]` to `[height, width, outputs]`, row by row, so that what lies
    /// between the two convolutions stays in the cache.
    #[inline(always)]
    fn rows<const FUSED: bool>(&self, input: &[f32], output: &mut [f32]) {
        let (inputs, outputs) = (self.pointwise.inputs, self.pointwise.outputs);
        // With a pixel of zeros on either side.
        let mut around = [const { Vec::new() }; 3];
        around.fill(vec![0.0; (self.width + 2) * outputs]);
        let mut coming = input.chunks_exact((self.width * inputs).max(1));
        self.next_row::<FUSED>(coming.next(), &mut around[2]);
        for out in output.chunks_exact_mut((self.width * outputs).max(1)) {
            around.rotate_left(1);
            self.next_row::<FUSED>(coming.next(), &mut around[2]);
            let around = [&around[0][..], &around[1], &around[2]];
            let whole = outputs - outputs % LANES;
            for start in (0..whole).step_by(LANES) {
                self.depthwise::<FUSED, LANES>(around, start, out);
            }
            for channel in whole..outputs {
                self.depthwise::<FUSED, 1>(around, channel, out);
            }
        }
    }

    /// The 1x1 convolution of a row between the two outer pixels; zeros behind the last row.
    #[inline(always)]
    fn next_row<const FUSED: bool>(&self, input: Option<&[f32]>, row: &mut [f32]) {
        let outputs = self.pointwise.outputs;
        let inner = &mut row[outputs..][..self.width * outputs];
        match input {
            Some(input) => self.pointwise.row::<FUSED>(input, inner),
            None => inner.fill(0.0),
        }
    }

    /// `N` channels of a row from the three rows around it.
    #[inline(always)]
    fn depthwise<const FUSED: bool, const N: usize>(
        &self,
        around: [&[f32]; 3],
        start: usize,
        out: &mut [f32],
    ) {
        let outputs = self.pointwise.outputs;
        let mut weights = [[0.0; N]; 9];
        for (tap, weights) in weights.iter_mut().enumerate() {
            *weights = block(self.weights, tap * outputs + start);
        }
        let bias: [f32; N] = block(self.bias, start);
        for (x, out) in out.chunks_exact_mut(outputs).enumerate() {
            let mut sums = bias;
            for (row, weights) in around.iter().zip(weights.as_chunks::<3>().0) {
                let pixels = &row[x * outputs..][..3 * outputs];
                for (column, weights) in weights.iter().enumerate() {
                    let pixel: [f32; N] = block(pixels, column * outputs + start);
                    multiply_add::<FUSED, _>(&pixel, weights, &mut sums);
                }
            }
            if self.relu {
                sums = sums.map(|sum| sum.max(0.0));
            }
            out[start..start + N].copy_from_slice(&sums);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By the definition, in f64.
    fn by_hand(unit: &Unit<'_>, input: &[f32]) -> Vec<f32> {
        let Pointwise {
            inputs, outputs, ..
        } = unit.pointwise;
        let mut between = Vec::new();
        for pixel in input.chunks_exact(inputs) {
            for output in 0..outputs {
                let weights = unit.pointwise.weights.iter().skip(output).step_by(outputs);
                let products = pixel.iter().zip(weights);
                let sum: f64 = products.map(|(&p, &w)| f64::from(p) * f64::from(w)).sum();
                between.push(sum + f64::from(unit.pointwise.bias[output]));
            }
        }
        let width = unit.width as i64;
        let height = (between.len() / outputs) as i64 / width;
        let mut values = Vec::new();
        for index in 0..between.len() {
            let (place, channel) = ((index / outputs) as i64, index % outputs);
            let mut sum = f64::from(unit.bias[channel]);
            for tap in 0..9_i64 {
                let (y, x) = (place / width + tap / 3 - 1, place % width + tap % 3 - 1);
                if (0..height).contains(&y) && (0..width).contains(&x) {
                    let weight = unit.weights[tap as usize * outputs + channel];
                    sum +=
                        f64::from(weight) * between[(y * width + x) as usize * outputs + channel];
                }
            }
            values.push(if unit.relu { sum.max(0.0) } else { sum } as f32);
        }
        values
    }

    proptest! {
        /// Every size, with channels that fill the lanes and that do not.
        #[test]
        fn vectors_and_their_twin_keep_to_the_definition(
            (width, height) in (1..11_usize, 1..6_usize),
            (inputs, outputs) in (1..20_usize, 1..36_usize),
            relu in any::<bool>(),
            values in prop::collection::vec(-2.0..2.0_f32, 20 * 36 + 11 * 36 + 10 * 5 * 20),
        ) {
            let mut rest = &values[..];
            let mut take = |count| rest.split_off(..count).unwrap();
            let pointwise = Pointwise {
                inputs,
                outputs,
                weights: take(inputs * outputs),
                bias: take(outputs),
            };
            let (weights, bias) = (take(9 * outputs), take(outputs));
            let input = take(width * height * inputs);
            let unit = Unit { width, pointwise, weights, bias, relu };
            let expected = by_hand(&unit, input);
            let mut vectors = vec![f32::NAN; expected.len()];
            unit.run(input, &mut vectors);
            let mut scalar = vec![f32::NAN; expected.len()];
            unit.rows::<false>(input, &mut scalar);
            for ((&a, &b), &c) in vectors.iter().zip(&scalar).zip(&expected) {
                let close = 1e-3 * c.abs().max(1.0);
                prop_assert!((a - c).abs() < close && (b - c).abs() < close, "{} {} {}", a, b, c);
            }
        }
    }
}
