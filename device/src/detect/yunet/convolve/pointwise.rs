//! The 1x1 convolution of a row.

use super::lanes::{LANES, block, multiply_add};

/// Pixels computed side by side: with two vectors each, their sums fill half of AVX2's registers.
const PIXELS: usize = 4;

/// All channels with all.
#[derive(Clone, Copy)]
pub(super) struct Pointwise<'a> {
    pub(super) inputs: usize,
    pub(super) outputs: usize,
    /// `[inputs, outputs]`.
    pub(super) weights: &'a [f32],
    /// `[outputs]`.
    pub(super) bias: &'a [f32],
}

impl Pointwise<'_> {
    /// `[width, inputs]` to `[width, outputs]`.
    #[inline(always)]
    pub(super) fn row<const FUSED: bool>(&self, input: &[f32], output: &mut [f32]) {
        let mut inputs = input.chunks_exact(PIXELS * self.inputs);
        let mut outputs = output.chunks_exact_mut(PIXELS * self.outputs);
        for (input, output) in inputs.by_ref().zip(outputs.by_ref()) {
            self.pixels::<FUSED, PIXELS>(input, output);
        }
        let inputs = inputs.remainder().chunks_exact(self.inputs);
        let outputs = outputs.into_remainder().chunks_exact_mut(self.outputs);
        for (input, output) in inputs.zip(outputs) {
            self.pixels::<FUSED, 1>(input, output);
        }
    }

    /// `[N, inputs]` to `[N, outputs]`.
    #[inline(always)]
    fn pixels<const FUSED: bool, const N: usize>(&self, input: &[f32], output: &mut [f32]) {
        let whole = self.outputs - self.outputs % (2 * LANES);
        for start in (0..whole).step_by(2 * LANES) {
            let halves = [start, start + LANES];
            let bias: [[f32; LANES]; 2] = halves.map(|start| block(self.bias, start));
            let mut sums = [bias; N];
            let rows = self.weights.chunks_exact(self.outputs);
            for (index, row) in rows.enumerate() {
                let weights: [[f32; LANES]; 2] = halves.map(|start| block(row, start));
                for (n, sums) in sums.iter_mut().enumerate() {
                    let value = [input[n * self.inputs + index]; LANES];
                    multiply_add::<FUSED, _>(&value, &weights[0], &mut sums[0]);
                    multiply_add::<FUSED, _>(&value, &weights[1], &mut sums[1]);
                }
            }
            for (n, sums) in sums.iter().enumerate() {
                let out = &mut output[n * self.outputs + start..][..2 * LANES];
                out[..LANES].copy_from_slice(&sums[0]);
                out[LANES..].copy_from_slice(&sums[1]);
            }
        }
        for channel in whole..self.outputs {
            for n in 0..N {
                let mut sum = [self.bias[channel]];
                for index in 0..self.inputs {
                    let weight = self.weights[index * self.outputs + channel];
                    let value = input[n * self.inputs + index];
                    multiply_add::<FUSED, _>(&[value], &[weight], &mut sum);
                }
                output[n * self.outputs + channel] = sum[0];
            }
        }
    }
}
