//! The gradient for a kernel: products of shifted maps with the outputs' gradient, summed over
//! positions and pictures.
//!
//! The products sum pairs, and the pairs here are the same value of two neighbouring pictures: no
//! tap, stride or odd width disturbs them.

use rayon::prelude::*;

use super::lattice::Correlation;
use super::map::{Map, pair};
use super::padded::Padded;
use super::tile::{LANES, PANEL, ROWS, Sums, Walk, product};
use super::{CHUNK, vectorized};
use crate::train::ops::ConvShape;
use crate::train::ops::kernels::{add_in_order, with_scratch};

/// Pictures per partial sum.
const PART: usize = 4 * CHUNK;
/// Words that pairs of pictures may take before they are computed with: they stay in the cache.
const WORDS: usize = 1 << 16;

/// Gradient of the convolution `q` for its kernel, `[out, in, K, K]`.
pub fn weight_gradient(x: &Map, dy: &Map, q: &ConvShape) -> Vec<f32> {
    let outer = Outer::new(x, dy, q);
    let (x_len, dy_len) = (x.shape.picture(), dy.shape.picture());
    let partial: Vec<Vec<f32>> = x
        .data
        .values()
        .par_chunks(PART * x_len)
        .zip(dy.data.values().par_chunks(PART * dy_len))
        .map(|(x, dy)| outer.part(x, dy))
        .collect();
    let sum = add_in_order(partial);
    let (taps, channels) = (q.kernel * q.kernel, x.shape.channels);
    let mut dw = Vec::with_capacity(q.outputs * q.inputs * taps);
    for out in 0..q.outputs {
        for input in 0..q.inputs {
            dw.extend((0..taps).map(|tap| sum[(tap * channels + input) * outer.columns + out]));
        }
    }
    dw
}

struct Outer {
    /// Pictures with border, a word per channel.
    padded: Padded,
    /// Words of a pair of pictures and of gradients.
    x_len: usize,
    dy_len: usize,
    /// Channels of the maps, and output channels padded to whole vectors.
    channels: [usize; 2],
    columns: usize,
    /// Positions of a gradient's row, rows, and step in the pictures.
    out: [usize; 2],
    stride: usize,
    /// Where the rows of the result start in a picture: every channel of every tap.
    starts: Vec<usize>,
}

impl Outer {
    fn new(x: &Map, dy: &Map, q: &ConvShape) -> Self {
        let channels = [x.shape.channels, dy.shape.channels];
        let padded = Padded {
            size: q.size,
            padding: Correlation::forward(q).padding().max(q.geometry.padding),
            words: channels[0],
        };
        let columns = channels[1].next_multiple_of(LANES);
        let shift = padded.padding - q.geometry.padding;
        let taps = (0..q.kernel * q.kernel).map(|i| {
            let [y, x] = [i / q.kernel + shift, i % q.kernel + shift];
            (y * padded.width() + x) * channels[0]
        });
        Self {
            padded,
            x_len: padded.len(),
            dy_len: q.out[0] * q.out[1] * columns,
            channels,
            columns,
            out: q.out,
            stride: q.geometry.stride,
            starts: taps
                .flat_map(|tap| (0..channels[0]).map(move |c| tap + c))
                .collect(),
        }
    }

    /// Pairs of pictures that are computed with at once.
    fn group(&self) -> usize {
        (WORDS / (self.x_len + self.dy_len)).clamp(1, CHUNK / 2)
    }

    fn walk(&self, pairs: usize) -> Walk {
        let [height, width] = self.out;
        let runs = (0..pairs * height).map(|i| {
            let (pair, y) = (i / height, i % height);
            let row = y * self.stride * self.padded.width() * self.channels[0];
            [
                pair * self.x_len + row,
                pair * self.dy_len + y * width * self.columns,
            ]
        });
        let steps = [self.stride * self.channels[0], self.columns];
        Walk::new(runs.collect(), width, steps)
    }

    /// The sum over some pictures, `[taps, in, columns]`, padded to whole tiles.
    fn part(&self, x: &[u16], dy: &[u16]) -> Vec<f32> {
        let rows = self.starts.len().next_multiple_of(ROWS);
        let mut sum = vec![0f32; rows * self.columns];
        let group = self.group();
        let [x_picture, dy_picture] = [
            self.padded.size[0] * self.padded.size[1] * self.channels[0],
            self.out[0] * self.out[1] * self.channels[1],
        ];
        with_scratch(
            group * (self.x_len + self.dy_len),
            |scratch: &mut [u32]| {
                let (left, right) = scratch.split_at_mut(group * self.x_len);
                left.fill(0);
                let groups = x
                    .chunks(2 * group * x_picture)
                    .zip(dy.chunks(2 * group * dy_picture));
                for (x, dy) in groups {
                    let pairs = (x.len() / x_picture).div_ceil(2);
                    vectorized(
                        #[inline(always)]
                        || {
                            for (x, to) in x.chunks(2 * x_picture).zip(left.chunks_mut(self.x_len))
                            {
                                self.join_pictures(x, to);
                            }
                            let gradients = dy.chunks(2 * dy_picture);
                            for (dy, to) in gradients.zip(right.chunks_mut(self.dy_len)) {
                                self.join_gradients(dy, to);
                            }
                            self.add(&self.walk(pairs), left, right, &mut sum);
                        },
                    );
                }
            },
        );
        sum
    }

    /// Two pictures, or the last one and nothing, as pairs inside the border.
    #[inline(always)]
    fn join_pictures(&self, x: &[u16], to: &mut [u32]) {
        let row = self.padded.size[1] * self.channels[0];
        let (first, second) = x.split_at(self.padded.size[0] * row);
        for (y, first) in first.chunks_exact(row).enumerate() {
            let to = &mut to[self.padded.row(y)..][..row];
            let second = second.get(y * row..(y + 1) * row);
            join(first, second, to);
        }
    }

    #[inline(always)]
    fn join_gradients(&self, dy: &[u16], to: &mut [u32]) {
        let (channels, columns) = (self.channels[1], self.columns);
        let (first, second) = dy.split_at(self.out[0] * self.out[1] * channels);
        if channels == columns {
            return join(first, (!second.is_empty()).then_some(second), to);
        }
        let rows = first
            .chunks_exact(channels)
            .zip(to.chunks_exact_mut(columns));
        for (i, (first, to)) in rows.enumerate() {
            join(
                first,
                second.get(i * channels..(i + 1) * channels),
                &mut to[..channels],
            );
            to[channels..].fill(0);
        }
    }

    #[inline(always)]
    fn add(&self, walk: &Walk, left: &[u32], right: &[u32], sum: &mut [f32]) {
        let mut tile: Sums = [[0.0; PANEL]; ROWS];
        for first in (0..self.columns).step_by(PANEL) {
            let columns = PANEL.min(self.columns - first);
            let blocks = self.starts.chunks(ROWS);
            for (starts, sum) in blocks.zip(sum.chunks_exact_mut(ROWS * self.columns)) {
                let rows = std::array::from_fn(|r| starts[r.min(starts.len() - 1)]);
                product(walk, &rows, columns, left, &right[first..], &mut tile);
                for (sum, tile) in sum.chunks_exact_mut(self.columns).zip(&tile) {
                    let sum = &mut sum[first..][..columns];
                    sum.iter_mut()
                        .zip(tile)
                        .for_each(|(sum, tile)| *sum += tile);
                }
            }
        }
    }
}

#[inline(always)]
fn join(first: &[u16], second: Option<&[u16]>, to: &mut [u32]) {
    match second {
        Some(second) => {
            for ((to, a), b) in to.iter_mut().zip(first).zip(second) {
                *to = pair(*a, *b);
            }
        }
        None => {
            for (to, a) in to.iter_mut().zip(first) {
                *to = pair(*a, 0);
            }
        }
    }
}
