//! Convolutions and their gradients for the pictures, run.
//!
//! With channels last a pair of neighbouring channels is one word of the map, so the products read
//! pictures where they lie; only zero padding needs a copy, of one picture at a time.

use rayon::prelude::*;

use super::lattice::{Correlation, Lattice};
use super::map::{Map, Shape, narrow, widen};
use super::padded::Padded;
use super::tile::{LANES, PANEL, ROWS, Sums, Walk, product};
use super::{CHUNK, vectorized};
use crate::train::ops::kernels::{add_in_order, with_scratch};

/// What becomes of the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// They replace what was there.
    Replace,
    /// They replace it and are measured for BatchNorm.
    Measure,
    /// They are added to it.
    Add,
}

/// What [`Write::Measure`] found: per channel the sum over all pictures and positions, then per
/// channel that of the squares; zeros where nothing was measured.
pub struct Moments(pub Vec<f64>);

impl Moments {
    /// Mean and biased variance per channel of maps of `shape`.
    pub fn mean_and_variance(&self, shape: Shape) -> [Vec<f32>; 2] {
        let count = (shape.n * shape.positions()) as f64;
        let (sums, squares) = self.0.split_at(self.0.len() / 2);
        let channels = || {
            sums.iter()
                .zip(squares)
                .map(|(s, q)| (s / count, q / count))
        };
        [
            channels().map(|(mean, _)| mean as f32).collect(),
            channels()
                .map(|(mean, square)| (square - mean.powi(2)).max(0.0) as f32)
                .collect(),
        ]
    }
}

/// Up to [`PANEL`] outputs of a lattice.
struct Panel {
    /// The first output.
    first: usize,
    /// Outputs, and outputs padded to whole vectors.
    outputs: usize,
    columns: usize,
    walk: Walk,
    /// `[taps, pairs of channels, columns]`.
    kernel: Vec<u32>,
}

/// A lattice ready to run.
struct Pass {
    /// Word in the padded picture where each output's first tap would be.
    sources: Vec<usize>,
    /// First value of each output in the result's picture.
    targets: Vec<usize>,
    panels: Vec<Panel>,
}

impl Correlation {
    /// Runs it on `x` into `to`; `weight(out, in, [ky, kx])` is the kernel.
    pub fn run(
        &self,
        x: &Map,
        weight: impl Fn(usize, usize, [usize; 2]) -> f32,
        to: &mut Map,
        write: Write,
    ) -> Moments {
        let [inputs, outputs] = self.channels;
        let (from_shape, to_shape) = (x.shape, to.shape);
        assert!(from_shape.size == self.size && to_shape.size == self.out);
        assert!(from_shape.channels >= inputs && to_shape.channels >= outputs);
        assert_eq!(from_shape.n, to_shape.n);
        let padding = self.padding();
        let padded = Padded {
            size: self.size,
            padding,
            words: from_shape.channels / 2,
        };
        let passes: Vec<Pass> = self
            .lattices
            .iter()
            .map(|lattice| self.pass(lattice, padded, to_shape.channels, &weight))
            .collect();
        let clear = write != Write::Add && (!self.covers_all() || to_shape.channels > outputs);
        let (in_len, out_len) = (from_shape.picture() / 2, to_shape.picture());
        let work = to
            .data
            .values_mut()
            .par_chunks_mut(CHUNK * out_len)
            .zip(x.data.pairs().par_chunks(CHUNK * in_len));
        let partial: Vec<Vec<f64>> = work
            .map(|(to, x)| {
                if clear {
                    to.fill(0);
                }
                let mut moments = vec![0f64; 2 * outputs];
                let border = if padding > 0 { padded.len() } else { 0 };
                with_scratch(border, |scratch: &mut [u32]| {
                    scratch.fill(0);
                    let pictures = to.chunks_exact_mut(out_len).zip(x.chunks_exact(in_len));
                    for (to, x) in pictures {
                        let x = if padding > 0 {
                            padded.fill(x, scratch);
                            &*scratch
                        } else {
                            x
                        };
                        for pass in &passes {
                            vectorized(
                                #[inline(always)]
                                || pass.run(x, to, write, &mut moments),
                            );
                        }
                    }
                });
                moments
            })
            .collect();
        Moments(add_in_order(partial))
    }

    fn pass(
        &self,
        lattice: &Lattice,
        padded: Padded,
        to_channels: usize,
        weight: &impl Fn(usize, usize, [usize; 2]) -> f32,
    ) -> Pass {
        let [inputs, outputs] = self.channels;
        let Padded { words, padding, .. } = padded;
        let places =
            || (0..lattice.size[0]).flat_map(|y| (0..lattice.size[1]).map(move |x| [y, x]));
        let source = |[y, x]: [usize; 2]| (y * padded.width() + x) * self.stride * words;
        let target = |[y, x]: [usize; 2]| {
            let row = y * self.step + lattice.offset[0];
            (row * self.out[1] + x * self.step + lattice.offset[1]) * to_channels
        };
        let starts: Vec<usize> = lattice
            .taps
            .iter()
            .map(|([dy, dx], _)| {
                let [y, x] = [dy, dx].map(|d| (d + padding as isize) as usize);
                (y * padded.width() + x) * words
            })
            .collect();
        let panel = |first: usize| {
            let of_panel = PANEL.min(outputs - first);
            let columns = of_panel.next_multiple_of(LANES);
            let runs = starts.iter().enumerate();
            let runs = runs
                .map(|(t, start)| [*start, t * words * columns])
                .collect();
            let value = |out: usize, input: usize, at| {
                if out < outputs && input < inputs {
                    narrow(weight(out, input, at))
                } else {
                    0
                }
            };
            let mut kernel = Vec::with_capacity(lattice.taps.len() * words * columns);
            for (_, at) in &lattice.taps {
                for word in 0..words {
                    kernel.extend((first..first + columns).map(|out| {
                        super::map::pair(value(out, 2 * word, *at), value(out, 2 * word + 1, *at))
                    }));
                }
            }
            Panel {
                first,
                outputs: of_panel,
                columns,
                walk: Walk::new(runs, words, [1, columns]),
                kernel,
            }
        };
        Pass {
            sources: places().map(source).collect(),
            targets: places().map(target).collect(),
            panels: (0..outputs).step_by(PANEL).map(panel).collect(),
        }
    }
}

impl Pass {
    /// One picture: `x` in words, padded, `to` in values.
    #[inline(always)]
    fn run(&self, x: &[u32], to: &mut [u16], write: Write, moments: &mut [f64]) {
        let mut sums: Sums = [[0.0; PANEL]; ROWS];
        for panel in &self.panels {
            let (mut first, mut second) = ([0f32; PANEL], [0f32; PANEL]);
            let tiles = self.sources.chunks(ROWS).zip(self.targets.chunks(ROWS));
            for (sources, targets) in tiles {
                // A last, shorter tile computes its last row again.
                let rows = std::array::from_fn(|r| sources[r.min(sources.len() - 1)]);
                product(
                    &panel.walk,
                    &rows,
                    panel.columns,
                    x,
                    &panel.kernel,
                    &mut sums,
                );
                for (sums, target) in sums.iter().zip(targets) {
                    let to = &mut to[target + panel.first..][..panel.outputs];
                    if write == Write::Add {
                        for (to, sum) in to.iter_mut().zip(sums) {
                            *to = narrow(widen(*to) + sum);
                        }
                        continue;
                    }
                    let (whole, rest) = to.as_chunks_mut::<LANES>();
                    for (to, sums) in whole.iter_mut().zip(sums.as_chunks::<LANES>().0) {
                        for i in 0..LANES {
                            to[i] = narrow(sums[i]);
                        }
                    }
                    for (to, sum) in rest.iter_mut().zip(&sums[whole.len() * LANES..]) {
                        *to = narrow(*sum);
                    }
                    if write == Write::Measure {
                        for i in 0..panel.columns {
                            first[i] += sums[i];
                            second[i] += sums[i] * sums[i];
                        }
                    }
                }
            }
            if write == Write::Measure {
                let (all_sums, all_squares) = moments.split_at_mut(moments.len() / 2);
                for (moments, parts) in [(all_sums, first), (all_squares, second)] {
                    let moments = &mut moments[panel.first..][..panel.outputs];
                    for (moment, part) in moments.iter_mut().zip(parts) {
                        *moment += f64::from(part);
                    }
                }
            }
        }
    }
}
