//! BatchNorm, with ReLU where it follows.

use rayon::prelude::*;

use super::{CHUNK, add_in_order};

/// Partial sums of a row, so that it can be added in vectors.
const LANES: usize = 16;

/// Per-channel sums of two functions of the elements of `x` and `d`, both `[N, C, positions]`;
/// `constants` are a channel's own.
fn channel_sums<K: Copy + Sync>(
    x: &[f32],
    d: &[f32],
    positions: usize,
    constants: &[K],
    f: impl Fn(K, f32, f32) -> (f32, f32) + Sync,
) -> Vec<f64> {
    let channels = constants.len();
    let chunk = CHUNK * channels * positions;
    let partial = x.par_chunks(chunk).zip(d.par_chunks(chunk)).map(|(x, d)| {
        let mut sums = vec![0f64; 2 * channels];
        let rows = x.chunks_exact(positions).zip(d.chunks_exact(positions));
        for (row, (x, d)) in rows.enumerate() {
            let c = row % channels;
            let k = constants[c];
            let (mut u, mut v) = ([0f32; LANES], [0f32; LANES]);
            let ((x16, x_rest), (d16, d_rest)) = (x.as_chunks::<LANES>(), d.as_chunks::<LANES>());
            for (x, d) in x16.iter().zip(d16) {
                for i in 0..LANES {
                    let (p, q) = f(k, x[i], d[i]);
                    u[i] += p;
                    v[i] += q;
                }
            }
            for (i, (x, d)) in x_rest.iter().zip(d_rest).enumerate() {
                let (p, q) = f(k, *x, *d);
                u[i] += p;
                v[i] += q;
            }
            sums[c] += f64::from(u.iter().sum::<f32>());
            sums[channels + c] += f64::from(v.iter().sum::<f32>());
        }
        sums
    });
    add_in_order(partial.collect())
}

/// Batch mean and biased variance per channel of `[N, C, positions]`.
pub fn channel_moments(x: &[f32], channels: usize, positions: usize) -> [Vec<f32>; 2] {
    let n = (x.len() / channels) as f64;
    // Shifted by each channel's first value: x^2 sums of far-from-zero channels would cancel.
    let base: Vec<f32> = (0..channels).map(|c| x[c * positions]).collect();
    let sums = channel_sums(x, x, positions, &base, |base, x, _| {
        let x = x - base;
        (x, x * x)
    });
    let mean = |c: usize| sums[c] / n;
    let var = |c: usize| (sums[channels + c] / n - mean(c).powi(2)).max(0.0) as f32;
    [
        (0..channels)
            .map(|c| (f64::from(base[c]) + mean(c)) as f32)
            .collect(),
        (0..channels).map(var).collect(),
    ]
}

/// `x scale + shift` per channel, clipped at 0 if `relu`.
pub fn scale_shift(
    x: &[f32],
    scale: &[f32],
    shift: &[f32],
    positions: usize,
    relu: bool,
) -> Vec<f32> {
    let channels = scale.len();
    let low = if relu { 0.0 } else { f32::NEG_INFINITY };
    let mut y = vec![0f32; x.len()];
    let chunk = CHUNK * channels * positions;
    y.par_chunks_mut(chunk)
        .zip(x.par_chunks(chunk))
        .for_each(|(y, x)| {
            let rows = y.chunks_exact_mut(positions).zip(x.chunks_exact(positions));
            for (row, (y, x)) in rows.enumerate() {
                let (scale, shift) = (scale[row % channels], shift[row % channels]);
                for (y, x) in y.iter_mut().zip(x) {
                    *y = (x * scale + shift).max(low);
                }
            }
        });
    y
}

/// Per-channel values of a BatchNorm: `y = x scale + shift`, `xhat = (x - mean) inverse`.
#[derive(Debug)]
pub struct Norm {
    /// `gamma / sqrt(var + eps)`.
    pub scale: Vec<f32>,
    /// `beta - mean scale`.
    pub shift: Vec<f32>,
    /// Batch mean.
    pub mean: Vec<f32>,
    /// `1 / sqrt(var + eps)`.
    pub inverse: Vec<f32>,
}

impl Norm {
    /// From the parameters and the batch statistics.
    pub fn new(gamma: &[f32], beta: &[f32], mean: &[f32], var: &[f32], epsilon: f64) -> Self {
        let inverse: Vec<f32> = var
            .iter()
            .map(|v| (1.0 / (f64::from(*v) + epsilon).sqrt()) as f32)
            .collect();
        let scale: Vec<f32> = gamma.iter().zip(&inverse).map(|(g, i)| g * i).collect();
        let shift = (0..beta.len())
            .map(|c| beta[c] - mean[c] * scale[c])
            .collect();
        Self {
            scale,
            shift,
            mean: mean.to_vec(),
            inverse,
        }
    }
}

/// Gradients `[dx, dgamma, dbeta]` of BatchNorm (with ReLU if `relu`).
pub fn batch_norm_backward(
    x: &[f32],
    dy: &[f32],
    norm: &Norm,
    positions: usize,
    relu: bool,
) -> [Vec<f32>; 3] {
    let channels = norm.scale.len();
    let n = (x.len() / channels) as f32;
    // ReLU passes what its output was above; everything is above the other bound.
    let low = if relu { 0.0 } else { f32::NEG_INFINITY };
    let constants: Vec<[f32; 4]> = (0..channels)
        .map(|c| [norm.scale[c], norm.shift[c], norm.mean[c], norm.inverse[c]])
        .collect();
    let sums = channel_sums(x, dy, positions, &constants, |k, x, d| {
        let [scale, shift, mean, inverse] = k;
        let d = if x * scale + shift > low { d } else { 0.0 };
        (d, d * ((x - mean) * inverse))
    });
    let mut dx = vec![0f32; x.len()];
    let chunk = CHUNK * channels * positions;
    let work = dx
        .par_chunks_mut(chunk)
        .zip(x.par_chunks(chunk))
        .zip(dy.par_chunks(chunk));
    work.for_each(|((dx, x), dy)| {
        let rows = dx
            .chunks_exact_mut(positions)
            .zip(x.chunks_exact(positions))
            .zip(dy.chunks_exact(positions));
        for (row, ((dx, x), dy)) in rows.enumerate() {
            let c = row % channels;
            let [scale, shift, mean, inverse] = constants[c];
            let mean_d = sums[c] as f32 / n;
            let mean_dx = sums[channels + c] as f32 / n * inverse;
            for ((dx, x), d) in dx.iter_mut().zip(x).zip(dy) {
                let d = if x * scale + shift > low { *d } else { 0.0 };
                *dx = scale * (d - mean_d - (x - mean) * mean_dx);
            }
        }
    });
    let to_f32 = |sums: &[f64]| sums.iter().map(|s| *s as f32).collect();
    [dx, to_f32(&sums[channels..]), to_f32(&sums[..channels])]
}
