//! BatchNorm, with ReLU where it follows, on maps with channels last.

use rayon::prelude::*;

use super::map::{Map, narrow, widen};
use super::tile::LANES;
use super::{CHUNK, vectorized};
use crate::train::ops::Norm;
use crate::train::ops::kernels::add_in_order;

/// Fewest values of a row of repeated per-channel numbers: enough sums at once to hide latency.
const ROW: usize = 12 * LANES;

/// Per-channel numbers, repeated to a whole number of vectors.
struct Repeated {
    channels: usize,
    /// Length of a row: a multiple of [`LANES`] and of the channels.
    len: usize,
}

impl Repeated {
    fn new(channels: usize) -> Self {
        let mut len = channels;
        while !len.is_multiple_of(LANES) {
            len += channels;
        }
        Self {
            channels,
            len: len * ROW.div_ceil(len),
        }
    }

    fn of(&self, values: impl Fn(usize) -> f32) -> Vec<f32> {
        (0..self.len).map(|i| values(i % self.channels)).collect()
    }

    /// Adds up what belongs to each channel.
    fn fold(&self, row: &[f32]) -> Vec<f64> {
        let mut sums = vec![0f64; self.channels];
        for row in row.chunks_exact(self.channels) {
            for (sum, value) in sums.iter_mut().zip(row) {
                *sum += f64::from(*value);
            }
        }
        sums
    }
}

/// Lower bound of what follows a BatchNorm.
fn low(relu: bool) -> f32 {
    if relu { 0.0 } else { f32::NEG_INFINITY }
}

/// `x scale + shift` per channel, clipped at 0 if `relu`.
pub fn apply(x: &Map, norm: &Norm, relu: bool) -> Map {
    let rows = Repeated::new(x.shape.channels);
    let (scale, shift) = (rows.of(|c| norm.scale[c]), rows.of(|c| norm.shift[c]));
    let low = low(relu);
    let mut y = Map::new(x.shape);
    let chunk = CHUNK * x.shape.picture();
    let work = y.data.values_mut().par_chunks_mut(chunk);
    work.zip(x.data.values().par_chunks(chunk))
        .for_each(|(y, x)| {
            vectorized(
                #[inline(always)]
                || {
                    for (y, x) in y.chunks_mut(rows.len).zip(x.chunks(rows.len)) {
                        let constants = scale.iter().zip(&shift);
                        for ((y, x), (scale, shift)) in y.iter_mut().zip(x).zip(constants) {
                            *y = narrow((widen(*x) * scale + shift).max(low));
                        }
                    }
                },
            );
        });
    y
}

/// Gradients `(dx, [dgamma, dbeta])` of BatchNorm (with ReLU if `relu`) on `x`.
pub fn backward(x: &Map, dy: &Map, norm: &Norm, relu: bool) -> (Map, [Vec<f32>; 2]) {
    let channels = x.shape.channels;
    let rows = Repeated::new(channels);
    // ReLU passes what its output was above; everything is above the other bound.
    let low = low(relu);
    let constants = [
        rows.of(|c| norm.scale[c]),
        rows.of(|c| norm.shift[c]),
        rows.of(|c| norm.mean[c]),
        rows.of(|c| norm.inverse[c]),
    ];
    let chunk = CHUNK * x.shape.picture();
    let (xs, dys) = (x.data.values(), dy.data.values());
    let partial: Vec<Vec<f64>> = xs
        .par_chunks(chunk)
        .zip(dys.par_chunks(chunk))
        .map(|(x, dy)| {
            let mut sums = [vec![0f32; rows.len], vec![0f32; rows.len]];
            vectorized(
                #[inline(always)]
                || add_row_sums(x, dy, &constants, low, &mut sums),
            );
            sums.map(|row| rows.fold(&row)).concat()
        })
        .collect();
    let sums = add_in_order(partial);
    let (d_beta, d_gamma) = sums.split_at(channels);
    let n = (x.shape.n * x.shape.positions()) as f64;
    let mean_d = rows.of(|c| (d_beta[c] / n) as f32);
    let mean_dx = rows.of(|c| (d_gamma[c] / n) as f32 * norm.inverse[c]);
    let mut dx = Map::new(x.shape);
    let work = dx.data.values_mut().par_chunks_mut(chunk);
    let work = work.zip(xs.par_chunks(chunk)).zip(dys.par_chunks(chunk));
    work.for_each(|((dx, x), dy)| {
        vectorized(
            #[inline(always)]
            || write_gradient(dx, x, dy, &constants, [&mean_d, &mean_dx], low),
        );
    });
    let to_f32 = |sums: &[f64]| sums.iter().map(|s| *s as f32).collect();
    (dx, [to_f32(d_gamma), to_f32(d_beta)])
}

/// Adds the sums of `d` and of `d xhat`, by place in a row.
#[inline(always)]
fn add_row_sums(
    x: &[u16],
    dy: &[u16],
    [scale, shift, mean, inverse]: &[Vec<f32>; 4],
    low: f32,
    [sums, products]: &mut [Vec<f32>; 2],
) {
    let len = scale.len();
    for (x, dy) in x.chunks(len).zip(dy.chunks(len)) {
        let values = x.iter().zip(dy);
        let sums = sums.iter_mut().zip(products.iter_mut());
        let constants = scale.iter().zip(shift).zip(mean.iter().zip(inverse));
        for (((x, d), (sum, product)), ((scale, shift), (mean, inverse))) in
            values.zip(sums).zip(constants)
        {
            let (x, d) = (widen(*x), widen(*d));
            let d = if x * scale + shift > low { d } else { 0.0 };
            *sum += d;
            *product += d * ((x - mean) * inverse);
        }
    }
}

#[inline(always)]
fn write_gradient(
    dx: &mut [u16],
    x: &[u16],
    dy: &[u16],
    [scale, shift, mean, _]: &[Vec<f32>; 4],
    [mean_d, mean_dx]: [&[f32]; 2],
    low: f32,
) {
    let len = scale.len();
    for ((dx, x), dy) in dx.chunks_mut(len).zip(x.chunks(len)).zip(dy.chunks(len)) {
        let values = dx.iter_mut().zip(x).zip(dy);
        let constants = scale.iter().zip(shift).zip(mean);
        let means = mean_d.iter().zip(mean_dx);
        for ((((dx, x), d), ((scale, shift), mean)), (mean_d, mean_dx)) in
            values.zip(constants).zip(means)
        {
            let (x, d) = (widen(*x), widen(*d));
            let d = if x * scale + shift > low { d } else { 0.0 };
            *dx = narrow(scale * (d - mean_d - (x - mean) * mean_dx));
        }
    }
}
