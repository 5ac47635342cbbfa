//! The loops, for AVX2 and NEON and as their scalar twin: the same code, compiled for each.

/// Channels computed side by side.
const LANES: usize = 16;

/// A 3x3 filter for each channel.
pub(super) struct Filter<'a> {
    /// Pixels in a row.
    pub(super) width: usize,
    pub(super) channels: usize,
    /// `[9, channels]`.
    pub(super) weights: &'a [f32],
    /// `[channels]`.
    pub(super) bias: &'a [f32],
    pub(super) relu: bool,
}

impl Filter<'_> {
    /// `[height, width, channels]` to the same shape.
    pub(super) fn run(&self, input: &[f32], output: &mut [f32]) {
        #[cfg(target_arch = "x86_64")]
        if is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") {
            // SAFETY: the CPU has both.
            return unsafe { self.run_avx2(input, output) };
        }
        // Every 64-bit ARM multiplies and adds in one step; elsewhere that would be a call.
        self.rows::<{ cfg!(target_arch = "aarch64") }>(input, output);
    }

    #[cfg(target_arch = "x86_64")]
    #[target_feature(enable = "avx2,fma")]
    fn run_avx2(&self, input: &[f32], output: &mut [f32]) {
        self.rows::<true>(input, output);
    }

    #[inline(always)]
    fn rows<const FUSED: bool>(&self, input: &[f32], output: &mut [f32]) {
        let row_len = self.width * self.channels;
        let zeros = vec![0.0; row_len];
        let rows: Vec<&[f32]> = input.chunks_exact(row_len.max(1)).collect();
        for (y, out) in output.chunks_exact_mut(row_len.max(1)).enumerate() {
            let row = |y: usize| rows.get(y).copied().unwrap_or(&zeros);
            let around = [row(y.wrapping_sub(1)), row(y), row(y + 1)];
            for (x, out) in out.chunks_exact_mut(self.channels).enumerate() {
                let pixel = |tap: usize| {
                    let x = (x + tap % 3).wrapping_sub(1);
                    let row = if x < self.width {
                        around[tap / 3]
                    } else {
                        &zeros
                    };
                    let start = if x < self.width { x * self.channels } else { 0 };
                    &row[start..start + self.channels]
                };
                self.pixel::<FUSED>(&std::array::from_fn(pixel), out);
            }
        }
    }

    /// One pixel from the nine around it, each with all channels.
    #[inline(always)]
    fn pixel<const FUSED: bool>(&self, taps: &[&[f32]; 9], out: &mut [f32]) {
        let whole = self.channels - self.channels % LANES;
        for start in (0..whole).step_by(LANES) {
            let block = |values: &[f32]| -> [f32; LANES] {
                std::array::from_fn(|lane| values[start..start + LANES][lane])
            };
            let mut sums = block(self.bias);
            for (tap, pixel) in taps.iter().enumerate() {
                let weights = block(&self.weights[tap * self.channels..][..self.channels]);
                let pixel = block(pixel);
                for lane in 0..LANES {
                    sums[lane] = multiply_add::<FUSED>(pixel[lane], weights[lane], sums[lane]);
                }
            }
            if self.relu {
                sums = sums.map(|sum| sum.max(0.0));
            }
            out[start..start + LANES].copy_from_slice(&sums);
        }
        for channel in whole..self.channels {
            let mut sum = self.bias[channel];
            for (tap, pixel) in taps.iter().enumerate() {
                let weight = self.weights[tap * self.channels + channel];
                sum = multiply_add::<FUSED>(pixel[channel], weight, sum);
            }
            out[channel] = if self.relu { sum.max(0.0) } else { sum };
        }
    }
}

#[inline(always)]
fn multiply_add<const FUSED: bool>(a: f32, b: f32, sum: f32) -> f32 {
    if FUSED {
        a.mul_add(b, sum)
    } else {
        a * b + sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// By the definition, in f64.
    fn by_hand(filter: &Filter<'_>, input: &[f32]) -> Vec<f32> {
        let (width, channels) = (filter.width as i64, filter.channels);
        let height = input.len() as i64 / width / channels as i64;
        let value = |y: i64, x: i64, channel: usize| {
            let inside = (0..height).contains(&y) && (0..width).contains(&x);
            let place = (y * width + x) as usize;
            if inside {
                f64::from(input[place * channels + channel])
            } else {
                0.0
            }
        };
        let mut output = Vec::new();
        for index in 0..input.len() {
            let (place, channel) = ((index / channels) as i64, index % channels);
            let mut sum = f64::from(filter.bias[channel]);
            for tap in 0..9_i64 {
                let weight = f64::from(filter.weights[tap as usize * channels + channel]);
                let (y, x) = (place / width + tap / 3 - 1, place % width + tap % 3 - 1);
                sum += weight * value(y, x, channel);
            }
            output.push(if filter.relu { sum.max(0.0) } else { sum } as f32);
        }
        output
    }

    proptest! {
        /// Every size, with channels that fill the lanes and that do not.
        #[test]
        fn vectors_and_their_twin_keep_to_the_definition(
            width in 1..9_usize,
            height in 1..9_usize,
            channels in 1..40_usize,
            relu in any::<bool>(),
            values in prop::collection::vec(-2.0..2.0_f32, 9 * 9 * 40 + 10 * 40),
        ) {
            let (weights, rest) = values.split_at(9 * channels);
            let (bias, rest) = rest.split_at(channels);
            let input = &rest[..width * height * channels];
            let filter = Filter { width, channels, weights, bias, relu };
            let expected = by_hand(&filter, input);
            let mut vectors = vec![f32::NAN; input.len()];
            filter.run(input, &mut vectors);
            let mut scalar = vec![f32::NAN; input.len()];
            filter.rows::<false>(input, &mut scalar);
            for ((&a, &b), &c) in vectors.iter().zip(&scalar).zip(&expected) {
                prop_assert!((a - c).abs() < 1e-4 && (b - c).abs() < 1e-4, "{} {} {}", a, b, c);
            }
        }
    }
}
