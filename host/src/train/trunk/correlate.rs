//! Convolutions and their gradients for the pictures, run.
//!
//! With channels last a pair of neighbouring channels is one word of the map, so the products read
//! pictures where they lie; only zero padding needs a copy, of one picture at a time.

use std::cell::RefCell;

use rayon::prelude::*;

use super::lattice::{Correlation, Lattice};
use super::map::{Map, Shape, narrow, widen};
use super::tile::{LANES, PANEL, ROWS, Sums, Walk, product};
use super::{CHUNK, vectorized};

thread_local! {
    static SCRATCH: RefCell<Vec<u32>> = const { RefCell::new(Vec::new()) };
}

/// Runs `f` on a per-thread buffer of `len` words with unspecified content.
pub(super) fn with_scratch<R>(len: usize, f: impl FnOnce(&mut [u32]) -> R) -> R {
    let mut buffer = SCRATCH.take();
    if buffer.len() < len {
        buffer.resize(len, 0);
    }
    let result = f(&mut buffer[..len]);
    SCRATCH.set(buffer);
    result
}

/// What becomes of the outputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Write {
    /// They replace what was there.
    Replace,
    /// They are added to it.
    Add,
}

/// Sums over all pictures and positions of a channel's outputs and of their squares, `[channels]`.
pub struct Moments {
    /// Sums.
    pub sums: Vec<f64>,
    /// Sums of squares.
    pub squares: Vec<f64>,
}

impl Moments {
    /// Mean and biased variance per channel of maps of `shape`.
    pub fn mean_and_variance(&self, shape: Shape) -> [Vec<f32>; 2] {
        let count = (shape.n * shape.positions()) as f64;
        let mean = |c: usize| self.sums[c] / count;
        let variance = |c: usize| (self.squares[c] / count - mean(c).powi(2)).max(0.0);
        let channels = 0..self.sums.len();
        [
            channels.clone().map(|c| mean(c) as f32).collect(),
            channels.map(|c| variance(c) as f32).collect(),
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
        let clear = write == Write::Replace && (!self.covers_all() || to_shape.channels > outputs);
        let (in_len, out_len) = (from_shape.picture() / 2, to_shape.picture());
        let work = to
            .data
            .values_mut()
            .par_chunks_mut(CHUNK * out_len)
            .zip(x.data.pairs().par_chunks(CHUNK * in_len));
        let partial: Vec<[Vec<f64>; 2]> = work
            .map(|(to, x)| {
                if clear {
                    to.fill(0);
                }
                let mut moments = [vec![0f64; outputs], vec![0f64; outputs]];
                with_scratch(padded.len(), |scratch| {
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
        let mut total = Moments {
            sums: vec![0.0; outputs],
            squares: vec![0.0; outputs],
        };
        for [sums, squares] in partial {
            for (total, part) in [(&mut total.sums, sums), (&mut total.squares, squares)] {
                total
                    .iter_mut()
                    .zip(part)
                    .for_each(|(total, part)| *total += part);
            }
        }
        total
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
    fn run(&self, x: &[u32], to: &mut [u16], write: Write, moments: &mut [Vec<f64>; 2]) {
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
                    for (v, to) in whole.iter_mut().enumerate() {
                        let at = v * LANES;
                        for i in 0..LANES {
                            to[i] = narrow(sums[at + i]);
                        }
                        for i in 0..LANES {
                            first[at + i] += sums[at + i];
                            second[at + i] += sums[at + i] * sums[at + i];
                        }
                    }
                    let at = whole.len() * LANES;
                    for (i, to) in rest.iter_mut().enumerate() {
                        let sum = sums[at + i];
                        *to = narrow(sum);
                        first[at + i] += sum;
                        second[at + i] += sum * sum;
                    }
                }
            }
            let parts = [first, second];
            for (moments, parts) in moments.iter_mut().zip(parts) {
                let moments = &mut moments[panel.first..][..panel.outputs];
                for (moment, part) in moments.iter_mut().zip(parts) {
                    *moment += f64::from(part);
                }
            }
        }
    }
}

/// A picture with a border of zeros, in words of `T`.
#[derive(Clone, Copy)]
pub(super) struct Padded {
    /// Height and width without border.
    pub size: [usize; 2],
    /// Rows and columns of the border.
    pub padding: usize,
    /// Words of a position.
    pub words: usize,
}

impl Padded {
    /// Width with border.
    pub fn width(&self) -> usize {
        self.size[1] + 2 * self.padding
    }

    /// Words with border.
    pub fn len(&self) -> usize {
        (self.size[0] + 2 * self.padding) * self.width() * self.words
    }

    /// Where row `y` without border starts.
    pub fn row(&self, y: usize) -> usize {
        ((y + self.padding) * self.width() + self.padding) * self.words
    }

    /// Copies a picture inside the border.
    fn fill(&self, x: &[u32], to: &mut [u32]) {
        let len = self.size[1] * self.words;
        for (y, x) in x.chunks_exact(len).enumerate() {
            to[self.row(y)..][..len].copy_from_slice(x);
        }
    }
}
